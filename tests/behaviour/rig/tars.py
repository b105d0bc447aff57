"""Tars put together header by header: whatever a layer can say, right or wrong, in any bytes (POSIX ustar and pax, GNU)."""

import gzip
import random
from dataclasses import dataclass, field

BLOCK = 512
FILE, LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
WHEN = 1_600_000_000  # seconds; long ago, for what was made just now is told by its time
END = bytes(2 * BLOCK)


@dataclass(frozen=True)
class Entry:
    """`records`: pax extended header records besides; a time that is not a whole number of seconds from 0 needs one.
    `gnu`: names that are too long are written as GNU tar does, else by pax."""

    path: str | bytes
    data: bytes = b""
    kind: bytes = FILE
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    link: str | bytes = b""
    time: int = WHEN
    device: tuple[int, int] = (0, 0)
    records: dict = field(default_factory=dict)
    gnu: bool = False
    size: int | None = None  # as the header says it, where that is not the data's
    prefix: bytes = b""  # ustar's
    names: tuple[bytes, bytes] = (b"", b"")  # of user and group


def as_bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def octal(value: int, width: int) -> bytes:
    """Base 256 where it does not fit, as GNU tar writes it."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return bytes([0xFF if value < 0 else 0x80]) + value.to_bytes(width - 1, "big", signed=value < 0)


def with_checksum(block: bytes) -> bytes:
    blank = block[:148] + b" " * 8 + block[156:BLOCK]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def header(entry: Entry, size: int, name: bytes, link: bytes) -> bytes:
    magic = b"ustar  \0" if entry.gnu else b"ustar\x0000"
    block = b"".join((
        name[:100].ljust(100, b"\0"), octal(entry.mode, 8), octal(entry.owner[0], 8), octal(entry.owner[1], 8),
        octal(size, 12), octal(entry.time, 12), bytes(8), entry.kind, link[:100].ljust(100, b"\0"), magic,
        entry.names[0].ljust(32, b"\0"), entry.names[1].ljust(32, b"\0"), octal(entry.device[0], 8),
        octal(entry.device[1], 8), entry.prefix))
    return with_checksum(block.ljust(BLOCK, b"\0"))


def pax_records(records: dict) -> bytes:
    out = b""
    for key, value in records.items():
        line = b" " + as_bytes(key) + b"=" + as_bytes(value) + b"\n"
        length = len(line) + 1
        while length != len(line) + len(str(length)):
            length = len(line) + len(str(length))
        out += str(length).encode() + line
    return out


def pax(records: dict, kind: bytes = b"x") -> bytes:
    data = pax_records(records)
    return header(Entry("pax", kind=kind), len(data), b"PaxHeaders/pax", b"") + padded(data)


def gnu_long(kind: bytes, text: bytes) -> bytes:
    """@LongLink: kind L before a long name, K before a long link."""
    data = text + b"\0"
    return header(Entry("long", kind=kind, gnu=True, time=0), len(data), b"././@LongLink", b"") + padded(data)


def member(entry: Entry) -> bytes:
    name, link, out = as_bytes(entry.path), as_bytes(entry.link), b""
    records = dict(entry.records)
    if entry.gnu:
        out += gnu_long(b"K", link) if len(link) > 100 else b""
        out += gnu_long(b"L", name) if len(name) > 100 else b""
    else:
        records |= {"path": name} if len(name) > 100 else {}
        records |= {"linkpath": link} if len(link) > 100 else {}
    out += pax(records) if records else b""
    size = len(entry.data) if entry.size is None else entry.size
    return out + header(entry, size, name, link) + padded(entry.data)


def tar(*parts: Entry | bytes, end: bytes = END) -> bytes:
    """Bytes stand as they are: whole members, or what nobody expects."""
    return b"".join(part if isinstance(part, bytes) else member(part) for part in parts) + end


def file(path, data: bytes = b"content\n", mode: int = 0o644, **more) -> Entry:
    return Entry(path, data, FILE, mode, **more)


def folder(path, mode: int = 0o755, **more) -> Entry:
    return Entry(path, b"", DIRECTORY, mode, **more)


def symlink(path, target, **more) -> Entry:
    return Entry(path, b"", SYMLINK, 0o777, link=target, **more)


def hard_link(path, target, **more) -> Entry:
    return Entry(path, b"", LINK, link=target, **more)


def whiteout(path: str) -> Entry:
    above, _, name = path.rpartition("/")
    return Entry(f"{above}/.wh.{name}" if above else f".wh.{name}")


def opaque(path: str) -> Entry:
    return Entry(f"{path}/.wh..wh..opq")


def xattrs(**values: bytes) -> dict:
    """Records for extended attributes; names with __ for the dot."""
    return {"SCHILY.xattr." + name.replace("__", "."): value for name, value in values.items()}


def noise(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def gzip_members(data: bytes, count: int) -> bytes:
    """The same data in several gzip members, one of them empty."""
    step = len(data) // count + 1
    pieces = [data[begin : begin + step] for begin in range(0, len(data), step)]
    return b"".join(gzip.compress(piece, mtime=0) for piece in [*pieces[:1], b"", *pieces[1:]])

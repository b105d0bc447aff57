"""Layers that are allowed and odd, each with a sentence for a name: what images hold in the wild, and what only a standard's
reader would think of."""

import functools
import struct
import subprocess
from collections.abc import Callable

from . import layers, tars
from .tars import WHEN, Entry, file, folder, hard_link, opaque, symlink, tar, whiteout, xattrs

LONG = "long/" + "/".join(letter * 60 for letter in "abcdefg") + "/file"
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service, effective (linux/capability.h)
SPARSE_DATA = b"B" * 512 + b"E" * 100  # at 65536 and at 1 MiB
SPARSE_SIZE = (1 << 20) + 4096

# What upper layers find below: folders with modes, owners and attributes of their own, links, something to be removed.
LOWER = tar(
    folder("low", 0o710, owner=(5, 6), records=xattrs(user__low=b"1"), time=WHEN - 1000),
    folder("low/deep", 0o2775, owner=(1000, 1000), records=xattrs(user__deep=b"\0\1\2"), time=WHEN - 2000),
    file("low/deep/file"), file("low/file", mode=0o4755), folder("low/locked", 0o555), file("low/locked/in", mode=0),
    folder("low/sticky", 0o1777, owner=(0, 7)), symlink("link", "low/deep"), symlink("abs", "/low/deep"),
    symlink("out", "../../../../low"), folder("gone", 0o700), file("gone/a"), folder("gone/b"), file("gone/b/c"),
    folder("d", 0o750), file("d/in"), file("f"), hard_link("low/hard", "f"))


def _global(records: dict, name: bytes = b"pax_global_header") -> bytes:
    data = tars.pax_records(records)
    return tars.header(Entry("g", kind=b"g"), len(data), name, b"") + tars.padded(data)


def _old_gnu_sparse() -> bytes:
    """Type S: the map stands in the header."""
    block = bytearray(tars.header(Entry("sparse-gnu", kind=b"S", gnu=True), len(SPARSE_DATA), b"sparse-gnu", b""))
    places = tars.octal(65536, 12) + tars.octal(512, 12) + tars.octal(1 << 20, 12) + tars.octal(100, 12)
    places += tars.octal(SPARSE_SIZE, 12) + tars.octal(0, 12)
    block[386 : 386 + len(places)] = places
    block[483:495] = tars.octal(SPARSE_SIZE, 12)
    return tars.with_checksum(bytes(block)) + tars.padded(SPARSE_DATA)


def _pax_sparse(minor: int) -> bytes:
    places = f"65536,512,{1 << 20},100,{SPARSE_SIZE},0"
    if minor == 0:
        records = tars.pax_records({"GNU.sparse.size": str(SPARSE_SIZE), "GNU.sparse.numblocks": "3"})
        numbers = places.split(",")
        for offset, count in zip(numbers[::2], numbers[1::2]):
            records += tars.pax_records({"GNU.sparse.offset": offset, "GNU.sparse.numbytes": count})
    else:
        records = tars.pax_records({"GNU.sparse.size": str(SPARSE_SIZE), "GNU.sparse.numblocks": "3",
                                    "GNU.sparse.name": "sparse-0.1", "GNU.sparse.map": places})
    extended = tars.header(Entry("pax", kind=b"x"), len(records), b"PaxHeaders/pax", b"") + tars.padded(records)
    return extended + tars.member(file(f"sparse-0.{minor}", SPARSE_DATA))


def _pax_sparse_1_0() -> bytes:
    places = tars.padded(f"3\n65536\n512\n{1 << 20}\n100\n{SPARSE_SIZE}\n0\n".encode())
    return tars.member(file("GNUSparseFile.0/sparse-1.0", places + SPARSE_DATA, records={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse-1.0",
        "GNU.sparse.realsize": str(SPARSE_SIZE)}))


def _any_bytes() -> bytes:
    singles = [file(b"bytes/" + bytes([value])) for value in range(1, 256) if value not in b"/."]
    return tar(folder("bytes"), *singles, file(b"bytes/\xff\xfe\x80"), file("bytes/" + "n" * 255), file(b"bytes/a\nb\tc"),
               file("bytes/ä\u0000".rstrip("\0")), file("bytes/ leading and trailing "), file("bytes/-rf *"),
               file("bytes/..."), file("bytes/.hidden"), file(b"bytes/back\\slash"), symlink(b"bytes/\xe4", b"\xff\n"))


def many_entries(count: int = 100_000) -> bytes:
    parts = [folder("many")]
    for number in range(count // 100):
        above = f"many/{number:04}"
        parts.append(tars.member(folder(above)))
        parts += [file(f"{above}/{i:02}", b"%d" % number if i % 10 == 0 else b"") for i in range(89)]
        parts += [hard_link(f"{above}/h{i}", f"{above}/00") for i in range(5)]
        parts += [symlink(f"{above}/s{i}", f"{i:02}") for i in range(5)]
    return tar(*parts)


def _times(*seconds: str) -> list[Entry]:
    return [make(f"time/{kind}{i}", **more, records={"mtime": text})
            for i, text in enumerate(seconds)
            for kind, make, more in (("f", file, {}), ("d", folder, {}), ("l", symlink, {"target": "x"}))]


# One tar each. They are unpacked twice: as the bottom layer, and above LOWER.
SINGLE: dict[str, bytes | Callable[[], bytes]] = {
    "files and folders as ustar writes them": tar(
        folder("a", 0o711, owner=(3, 4)), file("a/x", mode=0o600, owner=(65534, 65534)), file("a/empty", b""),
        file("last/part", prefix=b"first/of/ustar"), file("named", names=(b"daemon", b"mail"), owner=(9, 10))),
    "pax with long names and links, large owners, sizes and times": tar(
        file(LONG), symlink("to-long", LONG), hard_link("hard-to-long", LONG),
        file("owner", owner=(1, 1), records={"uid": "4000000000", "gid": "4294967294", "uname": "daemon"}),
        file("sized", b"12345", size=None, records={"size": "5"}), file("nano", records={"mtime": f"{WHEN}.123456789"}),
        file("accessed", records={"atime": f"{WHEN + 9}.5", "ctime": "77"}), file("x", records={"path": "y"})),
    "GNU long names and long links": tar(
        file(LONG, gnu=True), symlink("to-long", "t" * 900, gnu=True), hard_link("hard", LONG, gnu=True),
        folder(LONG + "-folder/", gnu=True)),
    "owners and times in base 256": tar(
        file("large", owner=(3_000_000, 4_000_000_000)), file("late", time=1 << 33), file("early", time=-100_000)),
    "a global header as git archive writes it": tar(
        _global({"comment": "0123456789abcdef" * 2, "mtime": "12345"}), file("after")),
    "a global header whose name has a folder": tar(_global({"comment": "x"}, b"folder/name"), file("after")),
    "a header without magic, as in Unix version 7": tar(
        tars.with_checksum(tars.header(file("v7"), 3, b"v7", b"")[:257].ljust(512, b"\0")) + tars.padded(b"old"),
        tars.with_checksum(tars.header(Entry("v7d/", kind=b"\0"), 0, b"v7d/", b"")[:257].ljust(512, b"\0"))),
    "GNU sparse files": lambda: tar(_old_gnu_sparse(), file("after")),
    "pax sparse files of format 0.0": lambda: tar(_pax_sparse(0), file("after")),
    "pax sparse files of format 0.1": lambda: tar(_pax_sparse(1), file("after")),
    "pax sparse files of format 1.0": lambda: tar(_pax_sparse_1_0(), file("after")),
    "hard links across folders": tar(
        folder("one"), file("one/file", mode=0o4711, owner=(1, 2)), folder("two"), hard_link("two/link", "one/file", mode=0o4711, owner=(1, 2)),
        hard_link("two/dotted", "./one/file"), hard_link("slash", "/one/file"), hard_link("implied/link", "two/link")),
    "hard links whose headers say other modes, owners and times": tar(
        file("file", mode=0o600), hard_link("link", "file", mode=0o755, owner=(7, 8), time=WHEN + 5, records=xattrs(user__late=b"1"))),
    "a hard link to a symlink": tar(symlink("sym", "target"), hard_link("hard", "sym"), file("target")),
    "a hard link to a device": tar(Entry("null", kind=tars.CHARACTER, device=(1, 3), mode=0o666), hard_link("null2", "null")),
    "a hard link through a symlinked folder": tar(
        folder("real"), file("real/file"), symlink("way", "real"), hard_link("hard", "way/file")),
    "a hard link to what comes later": tar(hard_link("hard", "later"), file("later")),
    "a hard link to itself": tar(file("self"), hard_link("self", "self")),
    "a hard link with a size": tar(file("file", b"123"), Entry("hard", kind=tars.LINK, link="file", size=3), file("after")),
    "a hard link to a file that is replaced later": tar(
        file("file", b"first"), hard_link("link", "file"), file("file", b"second", mode=0o600), hard_link("link2", "file")),
    "a hard link to a file of the layer below": tar(hard_link("hard", "low/deep/file")),
    "whiteouts of files, folders and links below": tar(
        folder("low"), whiteout("low/file"), whiteout("low/deep"), whiteout("link"), whiteout("gone/b/c"), whiteout("f")),
    "a whiteout of nothing": tar(whiteout("nothing"), whiteout("no/parent/either")),
    "only a whiteout": tar(whiteout("f")),
    "a whiteout with owner and mode": tar(Entry("low/.wh.file", owner=(3, 4), mode=0o444)),
    "a whiteout before the file": tar(whiteout("f"), file("f", b"new"), whiteout("d"), folder("d"), file("d/new")),
    "a whiteout behind the file": tar(file("f", b"new"), whiteout("f")),
    "a whiteout behind the folder": tar(folder("d"), file("d/new"), whiteout("d")),
    "a whiteout twice": tar(whiteout("f"), whiteout("f")),
    "a whiteout that is a folder": tar(folder(".wh.gone/"), file("after")),
    "an entry below a name that looks like a whiteout": tar(file(".wh.gone/inside"), file("low/.wh.deep/file")),
    "marks of aufs itself": tar(file(".wh..wh.aufs"), folder(".wh..wh.plnk"), file(".wh..wh.orph")),
    "a whiteout through a symlink": tar(folder("real"), symlink("way", "real"), whiteout("way/file")),
    "a character device that is what overlayfs calls a whiteout": tar(
        Entry("f", kind=tars.CHARACTER, device=(0, 0), mode=0), Entry("new", kind=tars.CHARACTER, device=(0, 0), mode=0o644)),
    "an opaque folder, the mark first": tar(folder("gone", 0o755), opaque("gone"), file("gone/new"), folder("gone/b"), file("gone/b/new")),
    "an opaque folder, the mark last": tar(folder("gone", 0o755), file("gone/new"), folder("gone/b"), file("gone/b/new"), opaque("gone")),
    # Without the file its time would be that of the folder below, for containerd alone.
    "an opaque folder without an entry": tar(opaque("low/deep"), file("low/deep/new")),
    "an opaque folder that is not there below": tar(folder("fresh"), opaque("fresh"), opaque("fresh/implied")),
    "an opaque root": tar(Entry(".wh..wh..opq"), file("only")),
    "an opaque root, the mark last": tar(file("only"), folder("sub"), file("sub/file"), Entry(".wh..wh..opq")),
    "an opaque folder twice, and opaque ones in it": tar(folder("low"), opaque("low"), opaque("low"), opaque("low/deep"), file("low/deep/x")),
    "a folder's entry behind what is in it": tar(file("low/new"), folder("low", 0o700), file("low/deep/new"), folder("low/deep", 0o701, owner=(2, 3))),
    "setuid, setgid and sticky": tar(
        file("su", mode=0o4755), file("sg", mode=0o2755, owner=(0, 42)), file("all", mode=0o7777, owner=(1, 1)),
        folder("sticky", 0o1777), folder("sgd", 0o2775, owner=(0, 50)), file("sgd/in"), folder("sgd/sub")),
    "a folder that only paths imply in one with setgid": tar(
        folder("sgd", 0o2775, owner=(0, 50)), file("sgd/implied/deeper/file", owner=(1, 1))),
    "modes with more bits than a mode has": tar(file("type", mode=0o100644), file("many", mode=0o7777777), folder("fd", 0o40755)),
    "file capabilities": tar(
        file("capable", mode=0o755, records=xattrs(security__capability=CAPABILITY)),
        file("owned", mode=0o755, owner=(5, 5), records=xattrs(security__capability=CAPABILITY)),
        hard_link("capable2", "capable", mode=0o755)),
    "attributes of users and of others": tar(
        file("attr", records=xattrs(user__text=b"value", user__binary=bytes(range(256)), user__empty=b"")),
        folder("attrs", records=xattrs(user__folder=b"1")), file("sec", records=xattrs(security__other=b"x")),
        symlink("sym", "attr", records=xattrs(user__link=b"ignored")), file("trusted", records=xattrs(trusted__x=b"ignored")),
        file("libarchive", records={"LIBARCHIVE.xattr.user.x": "dmFsdWU="}), file("fflags", records={"SCHILY.fflags": "nodump"}),
        file("acl", records={"SCHILY.acl.access": "user::rwx,user:5:r--,group::r--,mask::r--,other::---"})),
    "devices and fifos": tar(
        Entry("null", kind=tars.CHARACTER, device=(1, 3), mode=0o666, owner=(1, 2)),
        Entry("disk", kind=tars.BLOCK_DEVICE, device=(259, 1048575), mode=0o660, owner=(0, 6)),
        Entry("pipe", kind=tars.FIFO, mode=0o1622), Entry("implied/null", kind=tars.CHARACTER, device=(1, 3), mode=0o4666)),
    "times from 1901 to 2300": lambda: tar(folder("time"), *_times(
        "-2177452800", "-1", "-1.5", "0", "1", "2147483648", "5680281600", "9223372036.854775807", "9223372037", "10413792000",
        "1600000000.000000001", "1600000000.999999999", "1600000000.1234567891234")),
    "a time less than a second before 1970": lambda: tar(folder("time"), *_times("-0.5")),
    "a hundred thousand entries": many_entries,
    "names in any bytes": _any_bytes,
    "names by pax that are not UTF-8": tar(
        Entry("x", b"1", records={"hdrcharset": "BINARY", "path": b"pax-\xff\xfe"}), Entry("y", b"2", records={"path": b"plain-\xe4"})),
    "a tar of nothing but its end": tar(),
    "no byte at all": b"",
    "a tar without its end": tar(file("a"), file("b"), end=b""),
    "half of a tar's end": tar(file("a"), end=bytes(512)),
    "a block of zeros between entries": tar(file("a"), bytes(512), file("b")),
    "padding, and something behind the end": tar(file("a"), end=tars.END + bytes(20 * 512) + b"garbage" * 100),
    "folders that only paths imply": tar(
        file("low/deep/new"), file("low/locked/new/deeper/file"), file("low/sticky/x"), file("no/such/place/file"), file("d/other")),
    "the root with another mode, owner and time": tar(
        folder("./", 0o700, owner=(5, 5), time=WHEN + 7, records=xattrs(user__root=b"1")), file("./a"), folder("/", 0o711), file("b")),
    "files twice": tar(file("twice", b"first", mode=0o4755), file("twice", b"2nd", mode=0o600), folder("dd", 0o700), file("dd/in"),
                       folder("dd", 0o755, owner=(1, 1), time=WHEN + 60), symlink("s", "a"), symlink("s", "b")),
    "files that become folders and back": tar(
        file("f"), folder("f"), file("f/in"), folder("d"), file("d/in"), file("d", b"now a file"), symlink("s", "f"), folder("s"),
        file("s/in"), folder("g"), file("g/in"), symlink("g", "f")),
    "what is below changes its type": tar(folder("f", 0o700), file("f/in"), file("d", b"now a file"), symlink("gone", "low"), file("link", b"was a link")),
    "entries through a relative symlink": tar(
        folder("real", 0o750), symlink("way", "real"), file("way/file"), folder("way/sub", 0o700), file("way/sub/x"), file("way/im/plied")),
    "entries through an absolute symlink": tar(folder("real"), symlink("way", "/real"), file("way/file"), symlink("top", "/"), file("top/file2")),
    "entries through symlinks with dots": tar(
        folder("a"), folder("a/b"), symlink("a/b/up", "../.."), file("a/b/up/file"), symlink("a/far", "../../../../a/b"), file("a/far/file")),
    "entries through a symlink to nowhere": tar(symlink("way", "not/there"), file("way/file")),
    "entries through a symlink loop": tar(symlink("one", "two"), symlink("two", "one"), file("one/file")),
    "entries through a chain of symlinks": tar(folder("end"), *(symlink(f"s{i}", f"s{i + 1}" if i < 20 else "end") for i in range(21)), file("s0/file")),
    "entries through a symlink that is made later": tar(file("way/file"), folder("real"), symlink("way", "real"), file("way/other")),
    "a folder where a symlink to a folder is": tar(folder("real"), symlink("way", "real"), folder("way/", 0o700), file("way/file")),
    "entries through a symlink of the layer below": tar(
        file("link/new"), folder("abs", 0o700), file("abs/new"), file("out/deep/new"), file("link/sub/new")),
    "an entry below a file": tar(file("plain"), file("plain/below")),
    "an entry below a file of the layer below": tar(file("f/below")),
    "names with dots and slashes": tar(
        folder("./dot/"), file("./dot/./file"), file("dot//double"), file("/absolute/file"), folder("trailing///"), file("dot/../beside"),
        symlink("./sym", "dot")),
    "a file of data whose name ends in a slash": tar(file("zero/", b"data"), file("after")),
    "files without a type whose names end in a slash": tar(Entry("null/", b"", kind=b"\0"), file("null/in"), file("after")),
    "folders that nobody may write, and files in them": tar(
        folder("ro", 0o555, owner=(9, 9)), file("ro/file"), folder("ro/sub", 0), file("ro/sub/file", mode=0), folder("ro/sub/more", 0o111),
        symlink("ro/sub/link", "file"), whiteout("low/locked/in")),
    "a folder with data": tar(Entry("withdata", b"x" * 600, kind=tars.DIRECTORY), file("after")),
    "a symlink with an empty target": tar(symlink("empty", ""), file("after")),
    "a contiguous file, type 7": tar(Entry("contiguous", b"data", kind=b"7")),
    "a volume label of GNU tar": tar(Entry("label", kind=b"V"), file("after")),
    "a type that nobody knows": tar(Entry("unknown", kind=b"Z"), file("after")),
}

# Where nodeproof makes something else of it than containerd (README, "Who unpacks"), and why that may be.
JUSTIFIED = {
    "a folder's entry behind what is in it": "containerd leaves the attributes that it copied before it came to the entry",
    "a block of zeros between entries": "containerd refuses it; for the library that reads the tar it is the end",
    "a global header whose name has a folder": "containerd makes that folder, though the name is not a file's (pax: the header's own)",
    "a time less than a second before 1970": "the library that reads the tar takes -0.5 for 0.5; containerd takes 0 for all before 1970",
}

# Several layers, the bottom one first.
STACKS: dict[str, list[bytes]] = {
    "a folder removed, made anew and removed in part": [
        LOWER, tar(whiteout("low"), whiteout("d")), tar(folder("low", 0o700), file("low/new")), tar(whiteout("low/new"), file("low/deep/file"))],
    "implied folders over implied folders": [LOWER, tar(file("low/deep/two")), tar(file("low/deep/three")), tar(file("low/deep/sub/four"))],
    "implied folders over a whiteout": [LOWER, tar(whiteout("low/deep")), tar(file("low/deep/again"))],
    "implied folders over an opaque one": [LOWER, tar(folder("low", 0o701), opaque("low")), tar(file("low/deep/again"), file("low/x"))],
    "implied folders over a file that hides a folder": [LOWER, tar(file("low", b"a file")), tar(file("low/deep/again"))],
    "a symlink below, a folder above it, and something in that": [LOWER, tar(folder("link", 0o700)), tar(file("link/sub/x"))],
    "nothing, something, nothing": [tar(), LOWER, tar(), b"", tar(file("top"))],
    "the same layer twice": [LOWER, LOWER],
    "new folders that only paths imply, in an implied one with setgid": [LOWER, tar(file("low/deep/sub/more/file"))],
    "an implied folder with setgid over an implied one": [LOWER, tar(file("low/deep/one")), tar(file("low/deep/sub/file"))],
    "opaque upon opaque": [LOWER, tar(opaque("low"), file("low/1")), tar(opaque("low"), file("low/2"))],
}


def _zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def _packed() -> dict[str, layers.Layer]:
    def whole(name: str) -> bytes:
        """Another one each, for what is there already is not unpacked."""
        return tar(folder("p"), file("p/noise", tars.noise("packed", 300_000)), file("p/text", b"words " * 50_000), file(f"p/{name}"))

    def gzip(name: str, change=lambda packed: packed, level: int = 9) -> layers.Layer:
        return layers.stored(change(layers.gzip.compress(whole(name), compresslevel=level, mtime=0)), whole(name))

    zstd_type, plain_type = ("application/vnd.oci.image.layer.v1.tar" + suffix for suffix in ("+zstd", ""))
    frames, third = whole("frames"), len(whole("frames")) // 3
    skippable = struct.pack("<II", 0x184D2A50, 5) + b"skip!"
    several = _zstd(frames[:third]) + skippable + _zstd(b"") + _zstd(frames[third:])
    return {
        "several gzip members": layers.stored(tars.gzip_members(whole("members"), 4), whole("members")),
        "stored, not deflated": gzip("stored", level=0),
        "one zstd frame": layers.stored(_zstd(whole("frame")), whole("frame"), zstd_type),
        "several zstd frames": layers.stored(several, frames, zstd_type),
        "not compressed": layers.stored(whole("plain"), whole("plain"), plain_type),
        "not compressed, though its type says so": layers.stored(whole("unsaid"), whole("unsaid")),
        "gzip with name, comment and extra field": gzip("fields", _with_fields),
        "zeros behind the gzip member": gzip("zeros", lambda packed: packed + bytes(512)),
        "something behind the gzip member": gzip("more", lambda packed: packed + b"something else"),
        "a gzip member without its end": gzip("end", lambda packed: packed[:-4]),
        "a gzip member with a wrong checksum": gzip("checksum", lambda packed: packed[:-8] + bytes(4) + packed[-4:]),
        "another diff ID than the config says": layers.stored(
            layers.gzip.compress(tar(file("other")), mtime=0), tar(file("promised"))),
    }


def _with_fields(packed: bytes) -> bytes:
    return packed[:3] + bytes([4 | 8 | 16]) + packed[4:10] + struct.pack("<H", 4) + b"AB\0\0" + b"name\0comment\0" + packed[10:]


@functools.cache
def corpus() -> dict[str, list[layers.Layer]]:
    """Sentence -> layers, the bottom one first."""
    lower, found = layers.from_tar(LOWER), {}
    for sentence, content in SINGLE.items():
        made = layers.generated(f"odd 2 {sentence}", content) if callable(content) else layers.from_tar(content)
        found[sentence + ", as the bottom layer"] = [made]
        found[sentence + ", above another layer"] = [lower, made]
    for sentence, tars_of_it in STACKS.items():
        found[sentence] = [layers.from_tar(content) for content in tars_of_it]
    for sentence, layer in _packed().items():
        found[sentence] = [layer]
    return found

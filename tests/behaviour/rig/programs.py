"""Static ELF programs of a few instructions, put together byte by byte."""

import struct
from pathlib import Path

MACHINE = {"amd64": 62, "arm64": 183}
TRAP = {"amd64": bytes.fromhex("0f0b"), "arm64": bytes(4)}  # ud2; udf #0
EXIT_0 = {
    "amd64": bytes.fromhex("b83c000000" "31ff" "0f05"),  # mov eax,60; xor edi,edi; syscall
    "arm64": bytes.fromhex("a80b80d2" "000080d2" "010000d4"),  # mov x8,#93; mov x0,#0; svc #0
}
LDADD = bytes.fromhex("400021b8")  # ldadd w1,w0,[x2]
SVE_PTRUE = bytes.fromhex("e0e31825")  # ptrue p0.b: no Raspberry Pi, Jetson or Ampere Altra has SVE
AVX512_VPXORD = bytes.fromhex("62f17d48efc0")  # vpxord zmm0,zmm0,zmm0
XOP_VPCMOV = bytes.fromhex("8fe878a2c000")  # only AMD's Bulldozer family has XOP


def static_elf(architecture: str, code: bytes) -> bytes:
    """A complete executable: ELF header, one segment that covers the file, the code."""
    base, headers = 0x400000, 64 + 56
    size = headers + len(code)
    ident = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", 2, MACHINE[architecture], 1, base + headers, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    return header + segment + code


def not_mappable(architecture: str) -> bytes:
    """File and memory disagree within a page, whatever its size: as pages of 4 KiB do on a kernel with larger ones."""
    whole = bytearray(good(architecture))
    address, = struct.unpack_from("<Q", whole, 64 + 16)
    struct.pack_into("<QQ", whole, 64 + 16, address + 2048, address + 2048)
    return bytes(whole)


def linked_for_4k(architecture: str) -> bytes:
    """As -z max-page-size=4096 lays it out: behind the code, in a page of its own, constants that nobody may execute."""
    base, headers, constants = 0x400000, 64 + 2 * 56, 0x1000
    code = EXIT_0[architecture]
    ident = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", 2, MACHINE[architecture], 1, base + headers, 64, 0, 0, 64, 56, 2, 64, 0, 0
    )
    size = headers + len(code)
    text = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    data = struct.pack("<IIQQQQQQ", 1, 4, constants, base + constants, base + constants, 16, 16, 0x1000)
    return (header + text + data + code).ljust(constants, b"\0") + bytes(16)


def with_atomics() -> bytes:
    """For arm64: adds with an instruction of ARMv8.1 (LSE), which a Raspberry Pi 4 lacks, without asking first."""
    on_the_stack = bytes.fromhex("ff4300d1" "e2030091")  # sub sp,sp,#16; mov x2,sp
    apart = bytes.fromhex("1f2003d5") * 32  # nop: beside headers, what looks like code is data
    return static_elf("arm64", apart + on_the_stack + LDADD + apart + EXIT_0["arm64"])


def for_newer_processors(level: int) -> bytes:
    """For amd64: says in its properties that it needs x86-64-v2, v3 or v4."""
    base, headers, code = 0x400000, 64 + 3 * 56, EXIT_0["amd64"]
    needed = struct.pack("<III4x", 0xC0008002, 4, 1 << (level - 1))  # GNU_PROPERTY_X86_ISA_1_NEEDED
    note = struct.pack("<III", 4, len(needed), 5) + b"GNU\0" + needed  # NT_GNU_PROPERTY_TYPE_0
    ident = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    entry = base + headers + len(note)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, MACHINE["amd64"], 1, entry, 64, 0, 0, 64, 56, 3, 64, 0, 0)
    size = headers + len(note) + len(code)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    place = struct.pack("<QQQQQQ", headers, base + headers, base + headers, len(note), len(note), 8)
    notes = struct.pack("<II", 4, 4) + place  # PT_NOTE
    properties = struct.pack("<II", 0x6474E553, 4) + place  # PT_GNU_PROPERTY
    return header + load + notes + properties + note + code


def good(architecture: str) -> bytes:
    return static_elf(architecture, EXIT_0[architecture])


def trapping(architecture: str) -> bytes:
    """Dies of SIGILL on every processor."""
    return static_elf(architecture, TRAP[architecture])


def demanding(architecture: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> bytes:
    """Needs an extension that the processor lacks: SVE, or on amd64 AVX-512 (XOP where that is present)."""
    if architecture == "arm64":
        code = SVE_PTRUE
    else:
        has_avx512 = " avx512f" in cpuinfo.read_text(encoding="utf-8")
        code = XOP_VPCMOV if has_avx512 else AVX512_VPXORD
    return static_elf(architecture, code + EXIT_0[architecture])

"""Static ELF programs of a few instructions, put together byte by byte."""

import struct
from pathlib import Path

MACHINE = {"amd64": 62, "arm64": 183}
TRAP = {"amd64": bytes.fromhex("0f0b"), "arm64": bytes(4)}  # ud2; udf #0
EXIT_0 = {
    "amd64": bytes.fromhex("b83c000000" "31ff" "0f05"),  # mov eax,60; xor edi,edi; syscall
    "arm64": bytes.fromhex("a80b80d2" "000080d2" "010000d4"),  # mov x8,#93; mov x0,#0; svc #0
}
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

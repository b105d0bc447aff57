"""Finds ARMv8.1 atomics (LSE) that would be executed on an ARMv8.0 CPU: those without a run-time check before them.

Encodings: Arm Architecture Reference Manual (DDI 0487), C4.1 "Atomic memory operations" and "Compare and swap".
"""

import struct

# (mask, value): LDADD..LDUMIN and their ST forms, SWP, CAS, CASP
LSE = [(0x3F208C00, 0x38200000), (0x3F20FC00, 0x38208000), (0x3FA07C00, 0x08A07C00), (0xBFA07C00, 0x08207C00)]
RET = 0xD65F03C0
NEAR = 24   # instructions between a check and the use it guards
AROUND = 16  # words in which something that is no instruction means: this is a table


def is_lse(word: int) -> bool:
    return any(word & mask == value for mask, value in LSE)


def in_outline_helper(words, i: int) -> bool:
    """libgcc's and compiler-rt's helper: cbz w16, +8; the atomic; ret."""
    return i > 0 and i + 1 < len(words) and words[i - 1] & 0xFF00001F == 0x34000010 and words[i + 1] == RET


def has_other_branch(words, i: int) -> bool:
    """A conditional branch and a load-exclusive loop close by: code that chooses at run time by itself."""
    near = words[max(0, i - NEAR):i + NEAR]
    branch = any(w & 0x7E000000 in (0x34000000, 0x36000000) for w in near)
    exclusive = any(w & 0x3F800000 == 0x08000000 and not is_lse(w) for w in near)
    return branch and exclusive


def in_data(words, i: int) -> bool:
    """Words of the unallocated encoding groups (bits 28:25) stand nearby: a constant table inside .text."""
    return any((w >> 25) & 15 in (0, 1, 3) for w in words[max(0, i - AROUND):i + AROUND])


def unguarded_lse(sections) -> list[str]:
    found = []
    for address, data in sections:
        words = struct.unpack(f"<{len(data) // 4}I", data[:len(data) // 4 * 4])
        for i, word in enumerate(words):
            if not is_lse(word) or in_outline_helper(words, i) or has_other_branch(words, i) or in_data(words, i):
                continue
            found.append(f"{address + 4 * i:#x}: {word:08x}")
    return found

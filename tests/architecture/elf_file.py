"""A small reader of 64-bit little-endian ELF files: only what the binary's test asks for."""

import struct
from typing import NamedTuple

ET_DYN = 3
MACHINES = {"amd64": 62, "arm64": 183}
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
PT_GNU_STACK, PT_GNU_RELRO = 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
SHT_SYMTAB, SHT_NOBITS, SHF_EXECINSTR = 2, 8, 4
DT_NEEDED, DT_FLAGS, DT_FLAGS_1 = 1, 30, 0x6FFFFFFB
DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 8, 1, 0x08000000


class Segment(NamedTuple):
    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int


class Section(NamedTuple):
    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entsize: int


class Elf:
    def __init__(self, path: str):
        with open(path, "rb") as f:
            self.data = f.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no 64-bit little-endian ELF file")
        (self.type, self.machine, _, _, phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, self.shstrndx) = struct.unpack_from(
            "<HHIQQQIHHHHHH", self.data, 16)
        self.segments = [Segment(*struct.unpack_from("<IIQQQQQQ", self.data, phoff + i * phentsize)) for i in range(phnum)]
        self.sections = [Section(*struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shentsize)) for i in range(shnum)]

    def of_type(self, kind: int) -> list[Segment]:
        return [s for s in self.segments if s.type == kind]

    def string(self, table: Section, offset: int) -> str:
        start = table.offset + offset
        return self.data[start:self.data.index(b"\0", start)].decode()

    def section_name(self, section: Section) -> str:
        return self.string(self.sections[self.shstrndx], section.name)

    def dynamic(self) -> list[tuple[int, int]]:
        entries = []
        for segment in self.of_type(PT_DYNAMIC):
            for at in range(segment.offset, segment.offset + segment.filesz, 16):
                tag, value = struct.unpack_from("<QQ", self.data, at)
                if tag == 0:
                    break
                entries.append((tag, value))
        return entries

    def defined_symbols(self) -> set[str]:
        """Names of all symbols with a definition, from .symtab; empty when stripped."""
        names = set()
        for table in (s for s in self.sections if s.type == SHT_SYMTAB):
            strings = self.sections[table.link]
            for at in range(table.offset, table.offset + table.size, 24):
                name, _, _, index = struct.unpack_from("<IBBH", self.data, at)
                if index != 0 and name != 0:
                    names.add(self.string(strings, name))
        return names

    def code(self) -> list[tuple[int, bytes]]:
        """(address, bytes) of every section with instructions."""
        return [(s.addr, self.data[s.offset:s.offset + s.size]) for s in self.sections
                if s.flags & SHF_EXECINSTR and s.type != SHT_NOBITS]

"""The shipped binary, read as an ELF file: static-pie, hardened, stripped, for every CPU and page size it is meant for."""

import os
import subprocess
import tempfile
import unittest

from elf_file import (DF_1_NOW, DF_1_PIE, DF_BIND_NOW, DT_FLAGS, DT_FLAGS_1, DT_NEEDED, ET_DYN, MACHINES, PF_W, PF_X,
                      PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD, SHT_SYMTAB, Elf)
from lse_scan import unguarded_lse

BUILD = os.environ.get("NODEPROOF_BUILD", "")
ARCH = os.environ.get("NODEPROOF_ARCH", "")
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
OURS = ["getaddrinfo", "freeaddrinfo", "gai_strerror", "getservbyname", "getservbyport_r", "iconv_open"]
# Members of libc.a that load or serve name service modules, and what they define.
NSS_MEMBERS = ("libc.a(getaddrinfo.o)", "libc.a(getnameinfo.o)", "libc.a(getpw", "libc.a(getgr", "libc.a(getsrv", "libc.a(getserv",
               "libc.a(gethst", "libc.a(getproto", "libc.a(nss_", "libc.a(nsswitch", "libc.a(iconv_open.o)")
NOT_NSS = ("libc.a(getgroups.o)",)


def static_pie_faults(elf: Elf) -> list[str]:
    tags = elf.dynamic()
    flags = {tag: value for tag, value in tags}
    return [text for wrong, text in [
        (elf.type != ET_DYN, "not position independent"),
        (elf.of_type(PT_INTERP), "wants a dynamic loader"),
        (any(tag == DT_NEEDED for tag, _ in tags), "needs shared libraries"),
        (not flags.get(DT_FLAGS_1, 0) & DF_1_PIE, "not marked PIE"),
    ] if wrong]


def hardening_faults(elf: Elf) -> list[str]:
    flags = dict(elf.dynamic())
    stack = elf.of_type(PT_GNU_STACK)
    now = flags.get(DT_FLAGS, 0) & DF_BIND_NOW or flags.get(DT_FLAGS_1, 0) & DF_1_NOW
    return [text for wrong, text in [
        (len(stack) != 1 or stack[0].flags & PF_X, "executable stack"),
        (any(s.flags & PF_W and s.flags & PF_X for s in elf.of_type(PT_LOAD)), "a segment is writable and executable"),
        (not elf.of_type(PT_GNU_RELRO), "no RELRO"),
        (not now, "lazy binding"),
    ] if wrong]


def page_size_faults(elf: Elf, page: int) -> list[str]:
    """Loadable where pages have `page` bytes, and RELRO ends at a page's end there (else the kernel protects too much)."""
    faults = []
    for s in elf.of_type(PT_LOAD):
        if s.align < page or s.align % page:
            faults.append(f"segment at {s.vaddr:#x} is aligned to {s.align}")
        if (s.vaddr - s.offset) % page:
            faults.append(f"segment at {s.vaddr:#x} cannot be mapped with {page}-byte pages")
    faults += [f"RELRO ends inside a page at {s.vaddr + s.memsz:#x}" for s in elf.of_type(PT_GNU_RELRO) if (s.vaddr + s.memsz) % page]
    return faults


def strip_faults(elf: Elf) -> list[str]:
    faults = ["has a symbol table"] if any(s.type == SHT_SYMTAB for s in elf.sections) else []
    return faults + [f"has {name}" for name in map(elf.section_name, elf.sections) if name.startswith(".debug")]


def nss_faults(symbols: set[str], link_map: str) -> list[str]:
    faults = [f"does not define {name} itself" for name in OURS if name not in symbols]
    faults += [f"has {name}" for name in sorted(symbols) if name.startswith("__nss_")]
    # Column 4 of lld's map names the object each piece comes from.
    members = {line.split()[-1].split(":(")[0] for line in link_map.splitlines() if "libc.a(" in line}
    return faults + [f"links {m}" for m in sorted(members)
                     if any(n in m for n in NSS_MEMBERS) and not any(n in m for n in NOT_NSS)]


class Binary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.path = os.path.join(BUILD, "nodeproof")
        cls.elf = Elf(cls.path)

    def test_is_for_the_target_it_was_built_for(self):
        self.assertEqual(MACHINES[ARCH], self.elf.machine)

    def test_is_a_static_pie(self):
        self.assertEqual([], static_pie_faults(self.elf))

    def test_is_hardened(self):
        self.assertEqual([], hardening_faults(self.elf))

    def test_is_stripped(self):
        self.assertEqual([], strip_faults(self.elf))

    def test_loads_with_every_page_size_of_its_architecture(self):
        self.assertEqual([], page_size_faults(self.elf, 65536 if ARCH == "arm64" else 4096))

    @unittest.skipUnless(ARCH == "arm64", "arm64 only")
    def test_runs_on_plain_armv8_0(self):
        self.assertEqual([], unguarded_lse(self.elf.code()))

    def test_links_no_name_service_of_libc(self):
        with open(self.path + ".map", encoding="utf-8", errors="replace") as f:
            link_map = f.read()
        self.assertIn("libc.a(", link_map)
        self.assertEqual([], nss_faults(Elf(self.path + ".unstripped").defined_symbols(), link_map))

    def test_holds_no_path_of_the_build_machine(self):
        cache = os.environ.get("NODEPROOF_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or
                                                                 os.path.expanduser("~/.cache"), "nodeproof")
        for path in (ROOT, BUILD, cache):
            self.assertFalse(path.encode() + b"/" in self.elf.data, path)


class ChecksCatch(unittest.TestCase):
    """Each check, seen to fail on a binary that breaks it."""

    def link(self, *flags: str, target: str = "aarch64-linux-gnu", code: str = "void _start(void) {}") -> Elf:
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "sample")
            subprocess.run(["clang-19", f"--target={target}", "-nostdlib", "-ffreestanding", "-O1", "-fuse-ld=lld-19", *flags, "-x", "c", "-",
                            "-o", out], input=code.encode(), check=True, capture_output=True)
            return Elf(out)

    def test_a_plain_static_program(self):
        self.assertIn("not position independent", static_pie_faults(self.link("-static", "-no-pie")))

    def test_a_dynamic_program(self):
        faults = static_pie_faults(self.link("-pie", "-fPIE", "-Wl,--dynamic-linker=/lib/ld.so"))
        self.assertEqual(["wants a dynamic loader"], faults)

    def test_an_executable_stack_and_lazy_binding(self):
        elf = self.link("-static-pie", "-fPIE", "-Wl,-z,execstack", "-Wl,-z,norelro", "-Wl,-z,lazy")
        self.assertEqual(["executable stack", "no RELRO", "lazy binding"], hardening_faults(elf))

    def test_a_writable_code_segment(self):
        self.assertIn("a segment is writable and executable", hardening_faults(self.link("-static", "-Wl,--omagic")))

    def test_segments_for_small_pages_only(self):
        code = "int a = 1; const int b = 2; int _start(void) { return a + b; }"
        small = self.link("-static-pie", "-fPIE", "-Wl,-z,max-page-size=4096", code=code)
        self.assertTrue(page_size_faults(small, 65536))
        self.assertEqual([], page_size_faults(small, 4096))

    def test_symbols_left_in(self):
        self.assertIn("has a symbol table", strip_faults(self.link("-static")))

    def test_an_atomic_of_armv8_1(self):
        code = "int n; void _start(void) { __atomic_fetch_add(&n, 1, __ATOMIC_SEQ_CST); }"
        self.assertTrue(unguarded_lse(self.link("-static", "-march=armv8.1-a", code=code).code()))
        self.assertEqual([], unguarded_lse(self.link("-static", "-march=armv8-a", "-mno-outline-atomics", code=code).code()))

    def test_name_services_of_libc(self):
        symbols = set(OURS) | {"__nss_lookup"}
        line = "  1000  1000  20  16   /sysroot/libc.a(getaddrinfo.o):(.text)\n  1000  1000  20  16   /sysroot/libc.a(getgroups.o):(.text)\n"
        self.assertEqual(["has __nss_lookup", "links /sysroot/libc.a(getaddrinfo.o)"], nss_faults(symbols, line))
        self.assertEqual(len(OURS), len(nss_faults(set(), "")))


if __name__ == "__main__":
    unittest.main()

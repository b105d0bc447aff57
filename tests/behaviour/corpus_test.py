"""What the ELF reader and the code scan say of Debian's own packages, which run everywhere, and of programs compiled here,
which qemu runs on processors with and without LSE atomics."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

from rig import packages, testing

DRIVER = Path(os.environ["NODEPROOF_BUILD"]) / "scan_driver"
MAGIC = b"\x7fELF"

CORPUS = {
    ("bookworm", "arm64"):
        "libc6 libstdc++6 libgomp1 libatomic1 libgcc-s1 libjemalloc2 libtcmalloc-minimal4 redis-server redis-tools nginx "
        "libnode108 nodejs openjdk-17-jre-headless erlang-base runc containerd docker.io ripgrep fd-find "
        "libopenblas0-pthread libssl3 python3.11-minimal musl postgresql-15 mariadb-server-core git curl libcurl4 "
        "libavcodec59 libvips42 libmagickcore-6.q16-6 libluajit-5.1-2 libsqlite3-0 libzstd1 libgnutls30 libgcrypt20 "
        "busybox-static libblas3 libsodium23 libdav1d6",
    ("trixie", "arm64"):
        "libc6 libstdc++6 libgomp1 libatomic1 libgcc-s1 libjemalloc2 libtcmalloc-minimal4t64 libnode115 nodejs runc "
        "redis-tools libssl3t64 libopenblas0-pthread libluajit-5.1-2 ripgrep box64",
    ("bookworm", "amd64"):
        "libc6 libstdc++6 libgomp1 libatomic1 libgcc-s1 libjemalloc2 runc redis-tools libssl3 libluajit-5.1-2 ripgrep "
        "busybox-static musl",
    ("trixie", "armhf"):
        "libc6 libstdc++6 libgomp1 libatomic1 libgcc-s1 libjemalloc2 redis-tools libluajit-5.1-2 ripgrep busybox-static",
    ("bullseye", "arm64"): "libc6",
}

# The only files with LSE atomics that no check near them guards: chosen by ifunc, when the program starts.
UNGUARDED_LSE = {"libatomic.so.1.2.0"}

# Every file with a mark: the page size that jemalloc was built for, and what else depends on the host.
JEMALLOC_PAGE = {("bookworm", "arm64"): 65536, ("trixie", "arm64"): 65536, ("bookworm", "amd64"): 0, ("trixie", "armhf"): 0}
GO = "runc containerd containerd-shim containerd-shim-runc-v1 containerd-shim-runc-v2 ctr docker dockerd docker-proxy dnet ovrouter"
MARKS = {name: ["go"] for name in GO.split()} | {
    "libjemalloc.so.2": ["jemalloc"],
    "libnode.so.108": ["v8"],
    "libnode.so.115": ["v8"],
    "ld-2.31.so": ["aligned_loader", "kernel_check"],
    "box64": ["box64"],
}
MARKS_BY_PATTERN = {r"libluajit-5\.1\.so\.2\.1\..*": ["luajit"]}

# Every file with instructions of other extensions, Go's apart.
EXTENSIONS = {
    ("bookworm", "arm64"): {
        "busybox": "cpuid sve",
        "innochecksum": "crc32 pmull",
        "ld-linux-aarch64.so.1": "cpuid",
        "legacy.so": "aes cpuid pmull sha1 sha2 sha512",
        "libc.so.6": "sve",
        "libcrypto.so.3": "aes cpuid pmull sha1 sha2 sha3 sha512",
        "libgcc_s.so.1": "sve",
        "libgcrypt.so.20.4.1": "aes pmull sha1 sha2",
        "libgnutls.so.30.34.3": "aes pmull sha1 sha2 sha512",
        "libopenblasp-r0.3.21.so": "cpuid fcma sve",
        "mariadbd": "crc32 pmull",
    } | dict.fromkeys("pg_checksums pg_controldata pg_ctl pg_resetwal pg_rewind pg_waldump postgres".split(), "crc32"),
    ("trixie", "arm64"): {
        "ld-linux-aarch64.so.1": "cpuid",
        "libatomic.so.1.2.0": "cpuid",
        "libc.so.6": "sve",
        "libcrypto.so.3": "aes cpuid pmull sha1 sha2 sha3 sha512 sve",
        "libgcc_s.so.1": "cpuid sve",
        "libmvec.so.1": "sve",
        "libopenblasp-r0.3.29.so": "cpuid fcma paca sve",
    },
    ("bullseye", "arm64"): {"ld-2.31.so": "cpuid"},
}

# Those of them that take the instructions without one of the usual questions, and why that is right.
UNASKED = {
    "libgcc_s.so.1",  # bookworm's unwinder: only for a frame that says it holds SVE registers
    "libmvec.so.1",   # functions for callers that were compiled for SVE
    "pg_checksums", "pg_controldata", "pg_ctl", "pg_resetwal", "pg_rewind", "pg_waldump",  # try it and catch SIGILL
}

# By DF_STATIC_TLS on amd64 and armhf; GNU ld never sets it on arm64, where relocations tell.
STATIC_TLS = {"libc.so.6", "libgomp.so.1.0.0", "libjemalloc.so.2"}


def fetched(suite: str, architecture: str) -> list[Path]:
    names = CORPUS[suite, architecture].split()
    return packages.debs(suite, architecture, names, f"({'|'.join(map(re.escape, names))})_")


def programs_in(deb: Path, folder: Path) -> list[Path]:
    """The package's ELF files, written flat into folder."""
    found = []
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as unpacker:
        with tarfile.open(fileobj=unpacker.stdout, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                start = content.read(4) if content else b""
                if start != MAGIC:
                    continue
                path = folder / str(len(found)) / Path(member.name).name
                path.parent.mkdir()
                with open(path, "wb") as file:
                    file.write(start)
                    shutil.copyfileobj(content, file)
                found.append(path)
    if unpacker.returncode != 0:
        raise RuntimeError(f"dpkg-deb cannot unpack {deb}")
    return found


def scan(paths) -> list[dict]:
    done = subprocess.run([DRIVER, *paths], check=True, capture_output=True, text=True)
    return [json.loads(line) | {"name": path.name} for line, path in zip(done.stdout.splitlines(), paths, strict=True)]


@functools.cache
def scanned(suite: str, architecture: str) -> list[dict]:
    facts = []
    for deb in fetched(suite, architecture):
        with tempfile.TemporaryDirectory() as folder:
            facts += [fact | {"deb": deb.name} for fact in scan(programs_in(deb, Path(folder)))]
    return facts


def wanted_marks(name: str) -> list[str]:
    for pattern, marks in MARKS_BY_PATTERN.items():
        if re.fullmatch(pattern, name):
            return marks
    return MARKS.get(name, [])


class Corpus(unittest.TestCase):
    maxDiff = None

    def each(self, check) -> None:
        """check(suite, architecture, its files); a suite that the archive does not give at present is a visible skip."""
        for place in CORPUS:
            with self.subTest(place=place):
                try:
                    facts = scanned(*place)
                except packages.Unavailable as error:
                    self.skipTest(str(error))
                check(*place, facts)

    def test_every_file_is_read(self):
        def check(suite, architecture, facts):
            self.assertEqual([], [(f["deb"], f["name"], f["problem"]) for f in facts if "problem" in f])
            size, seconds = sum(f["size"] for f in facts), sum(f["seconds"] for f in facts)
            print(f"{suite}/{architecture}: {len({f['deb'] for f in facts})} packages, {len(facts)} files, "
                  f"{size / 1e6:.0f} MB at {size / 1e6 / seconds:.0f} MB/s", file=sys.stderr)
        self.each(check)

    def test_only_libatomic_has_unguarded_atomics_and_chooses_them_by_ifunc(self):
        def check(_, architecture, facts):
            unguarded = {f["name"]: f["ifunc"] for f in facts if f["extensions"].get("atomics", {}).get("unguarded")}
            present = {f["name"] for f in facts if architecture == "arm64"}
            self.assertEqual(dict.fromkeys(UNGUARDED_LSE & present, True), unguarded)
        self.each(check)

    def test_marks_stand_on_the_right_files_only(self):
        def check(_, __, facts):
            marked = {f["name"]: f["marks"] for f in facts if f["marks"]}
            self.assertEqual({f["name"]: m for f in facts if (m := wanted_marks(f["name"]))}, marked)
        self.each(check)

    def test_the_page_size_of_jemalloc(self):
        def check(suite, architecture, facts):
            pages = {f["name"]: f["jemallocPage"] for f in facts if "jemalloc" in f["marks"] or f["jemallocPage"]}
            known = JEMALLOC_PAGE.get((suite, architecture))
            self.assertEqual({} if known is None else {"libjemalloc.so.2": known}, pages)
        self.each(check)

    def test_other_extensions_are_listed_and_asked_for(self):
        def check(suite, architecture, facts):
            found = {f["name"]: " ".join(sorted(set(f["extensions"]) - {"atomics"})) for f in facts}
            found = {name: uses for name, uses in found.items() if uses and wanted_marks(name) != ["go"]}
            self.assertEqual(EXTENSIONS.get((suite, architecture), {}), found)
            self.assertEqual(set(), {f["name"] for f in facts if f["extensions"] and not f["asksProcessor"]} - UNASKED)
        self.each(check)

    def test_libraries_define_the_versions_that_programs_need(self):
        def check(_, __, facts):
            defined = {f["soname"]: set(f["versionsDefined"]) for f in facts if f["soname"] and f["versionsDefined"]}
            missing = [(f["deb"], f["name"], library, version) for f in facts
                       for library, versions in f["versionsNeeded"].items()
                       for version in versions if library in defined and version not in defined[library]]
            self.assertEqual([], missing)
            self.assertIn("libc.so.6", defined)
            self.assertGreater(sum("libc.so.6" in f["versionsNeeded"] for f in facts), 5)
        self.each(check)

    def test_what_each_architecture_needs(self):
        def check(_, architecture, facts):
            self.assertEqual({"", "3.7.0" if architecture == "arm64" else "3.2.0"}, {f["kernel"] for f in facts})
            self.assertEqual({10 if architecture == "armhf" else 0}, {f["armArchitecture"] for f in facts})
            self.assertLessEqual({f["x86Needed"] for f in facts}, {0, 1})
            static = {f["name"] for f in facts if f["staticTls"]}
            self.assertEqual(STATIC_TLS & {f["name"] for f in facts}, static & STATIC_TLS)
        self.each(check)

    def test_this_program_bears_no_mark_itself(self):
        (own,) = scan([DRIVER])
        self.assertEqual([], own["marks"], "its table of texts looks like the texts")


SOURCE = """
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **arguments) {
  static int counter = 41;
  __atomic_fetch_add(&counter, count, __ATOMIC_SEQ_CST);
  printf("%d\\n", counter);
  return arguments[0] == NULL;
}
"""


@unittest.skipUnless(shutil.which("qemu-aarch64-static"), "there is no qemu-aarch64-static")
class Truth(unittest.TestCase):
    """What the scan says, the run does: Cortex-A72 has no LSE, Neoverse N1 has."""

    @classmethod
    def setUpClass(cls):
        names = ["libc6", "libc6-dev", "libgcc-12-dev", "linux-libc-dev"]
        try:
            debs = packages.debs("bookworm", "arm64", names, f"({'|'.join(names)})_")
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        cls.sysroot = packages.unpacked("sysroot-arm64", debs)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))

    def compiled(self, name: str, *flags: str) -> Path:
        program = self.folder / name
        subprocess.run(["clang-19", "--target=aarch64-linux-gnu", f"--sysroot={self.sysroot}", "-fuse-ld=lld-19", "-static",
                        "-O2", *flags, "-x", "c", "-", "-o", program], input=SOURCE, text=True, check=True)
        return program

    def run_on(self, processor: str, program: Path) -> subprocess.CompletedProcess:
        return subprocess.run(["qemu-aarch64-static", "-cpu", processor, program], capture_output=True, text=True, timeout=60)

    def test_an_unguarded_atomic_stops_an_older_processor(self):
        program = self.compiled("lse", "-march=armv8.1-a")
        self.assertEqual("42\n", self.run_on("neoverse-n1", program).stdout)
        self.assertEqual(-4, self.run_on("cortex-a72", program).returncode, "SIGILL")
        (facts,) = scan([program])
        self.assertEqual(1, facts["extensions"]["atomics"]["unguarded"])

    def test_outline_atomics_run_on_both(self):
        program = self.compiled("outline", "-march=armv8-a", "-moutline-atomics")
        self.assertEqual("42\n", self.run_on("neoverse-n1", program).stdout)
        self.assertEqual("42\n", self.run_on("cortex-a72", program).stdout)
        (facts,) = scan([program])
        self.assertEqual(0, facts["extensions"]["atomics"]["unguarded"])
        self.assertGreater(facts["extensions"]["atomics"]["guarded"], 5)

    def test_what_upx_packed_is_known(self):
        try:
            debs = packages.debs("bullseye", packages.host_architecture(), ["upx-ucl"], "(upx-ucl|libucl1)_")
        except packages.Unavailable as error:
            self.skipTest(str(error))
        tree = packages.unpacked("upx", debs)
        upx = tree / "usr/bin/upx-ucl"
        (library,) = {file.parent for file in tree.glob("usr/lib/*/libucl.so.1")}
        program = self.compiled("packed", "-march=armv8-a")
        subprocess.run([upx, "-qqq", "-1", program], check=True, env=os.environ | {"LD_LIBRARY_PATH": str(library)})
        own, packed = scan([upx, program])
        self.assertEqual(["packed"], packed["marks"])
        self.assertEqual([], own["marks"], "it carries the text and is not packed")
        self.assertEqual("42\n", self.run_on("cortex-a72", program).stdout)


if __name__ == "__main__":
    testing.main()

"""Each cause of a failing test yields a finding code of its own on a real containerd; good images yield none."""

import smoke_test
from rig import catalogue, layers, packages, programs, testing
from rig.layers import File
from smoke_test import BUILD, HOST, LOADER, OTHER, test

CAUSES = (BUILD / "tests/behaviour/programs/smoke_causes").read_bytes()
# name -> (code, what the result's reason says); the same program everywhere, named after its end
ENDS = {
    "abort": ("ProgramCrashed", "it aborted"),
    "trap": ("ProgramCrashed", "a deliberate trap"),
    "null": ("ProgramCrashed", "died of SIGSEGV: an access to a null pointer"),
    "wild": ("ProgramCrashed", "died of SIGSEGV: an access to memory it may not use"),
    "call-null": ("ProgramCrashed", "died of SIGSEGV: a jump to a null pointer"),
    "unaligned": ("UnalignedAccess", "died of SIGBUS: an access to memory that is not aligned"),
    "truncated": ("ProgramCrashed", "died of SIGBUS: an access beyond the end of a mapped file"),
    "seccomp-kills": ("SyscallRefused", "a seccomp filter ends programs that call getppid"),
    "seccomp-traps": ("SyscallRefused", "a seccomp filter ends programs that call getppid"),
    "static-tls": ("StaticTlsRisk", "finds no room for its thread-local variables: /usr/lib/libgomp.so.1"),
    "hog": ("OutOfMemory", "killed by the memory limit of 67.1 MB (sandbox.memory)"),
    "hog-in-child": ("OutOfMemory", "killed by the memory limit of 67.1 MB (sandbox.memory)"),
}
if HOST == "amd64":
    ENDS |= {
        "divide": ("ProgramCrashed", "died of SIGFPE: an integer division by zero"),
        "extension": ("MissingIsaExtension", "this processor lacks xop (cpuinfo's xop)"),
        "trap-in-child": ("MissingIsaExtension", "a process it started died of SIGILL: this processor lacks xop"),
    }
SMALL = 64 << 20


def links(*names: str) -> list[File]:
    return [File(f"end/{name}", link="../causes") for name in names]


class Causes(smoke_test.Smoke):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        every = links(*ENDS, "small-pages", "uses-memory", "narrow-call")
        cls.causes = cls.unpack("causes", layers.from_files(File("causes", CAUSES), *every))

    def test_each_end_has_its_code_and_its_words(self):
        found = self.smoke(self.causes, *(test(name, f"/end/{name}") for name in ENDS), memoryBytes=SMALL)
        library = {"/usr/lib/libgomp.so.1": "/end/static-tls"}  # a loader's message names the culprit itself
        codes = {library.get(f["subject"], f["subject"]): f["code"] for f in found["findings"]}
        self.assertEqual({f"/end/{name}": code for name, (code, _) in ENDS.items()}, codes, found)
        self.assertEqual({"fail"}, {f["severity"] for f in found["findings"]})
        self.assertTrue(all(f["remedy"] and f["evidence"] for f in found["findings"] if f["subject"] != "/end/abort"))
        for result in found["results"]:
            with self.subTest(result["name"]):
                self.assertIn(ENDS[result["name"]][1], result["reason"])

    def test_a_pass_without_a_process_that_was_killed_is_warned_of(self):
        found = self.smoke(self.causes, test("it", "/end/hog-in-child", exit=3), memoryBytes=SMALL)
        self.assertEqual("passed", found["results"][0]["result"], found)
        self.assertEqual([("OutOfMemory", "warn")], [(f["code"], f["severity"]) for f in found["findings"]])

    def test_memory_and_page_faults_are_those_of_all_processes(self):
        idle, busy = self.smoke(self.causes, test("idle", "/end/small-pages"), test("busy", "/end/uses-memory"))["results"]
        self.assertEqual(["passed", "passed"], [idle["result"], busy["result"]])
        self.assertLess(idle["maxRss"], 4 << 20)
        self.assertGreater(busy["maxRss"], 32 << 20)
        self.assertLess(busy["maxRss"], 40 << 20)
        self.assertGreater(busy["pageFaults"], idle["pageFaults"] + 100)

    def test_programs_that_do_not_start_each_have_their_code(self):
        other, native = programs.good(OTHER), programs.good(HOST)
        rootfs = self.unpack("not-started", layers.from_files(
            File("other", other), File("empty"), File("zeros", bytes(4096)), File("short", native[:70]),
            File("text", b"echo hello\n"), File("no-shell", b"#!/no/shell\n"), File("windows", b"#!/good\r\n"),
            File("other-shell", b"#!/other\n"), File("data", native, 0o644), File("folder", folder=True), File("good", native),
            File("small-pages", programs.not_mappable(HOST))))
        expected = {
            "/other": ("ArchMismatch", "another architecture"), "/empty": ("FileCorrupt", "is an empty file"),
            "/zeros": ("FileCorrupt", "only zero bytes"), "/short": ("FileCorrupt", "ends too early"),
            "/text": ("NotExecutable", "#!"), "/no-shell": ("LoaderMissing", "/no/shell"),
            "/windows": ("LoaderMissing", "/good"), "/other-shell": ("ArchMismatch", "/other"),
            "/data": ("NotExecutable", "no execute permission"), "/folder": ("NotExecutable", "no regular file"),
            "/small-pages": ("PageSizeIncompatible", "cannot be mapped with this kernel's pages"),
            "/absent": ("SmokeFailed", "is not in the image"),
        }
        found = self.smoke(rootfs, test("good", "/good"), *(test(name, name) for name in expected))
        self.assertEqual({path: code for path, (code, _) in expected.items()},
                         {f["subject"]: f["code"] for f in found["findings"]}, found)
        for result in found["results"][1:]:
            with self.subTest(result["name"]):
                self.assertIn(expected[result["name"]][1], result["reason"])

    def test_what_a_shell_cannot_start(self):
        rootfs = self.unpack("shell", catalogue.base(HOST), layers.from_files(File("other", programs.good(OTHER))))
        finding = self.assert_fails("ArchMismatch", self.one(rootfs, "/bin/bash", "-c", "/other; exit 126"))
        self.assertEqual("/other", finding["subject"])


class Good(smoke_test.Smoke):
    NAMES = ("python3-minimal", "redis-server", "nginx-light", "nodejs")

    def test_debians_programs_pass_without_a_word(self):
        try:
            rootfs = self.unpack("good", catalogue.base(HOST), catalogue.addition(HOST, *self.NAMES))
        except packages.Unavailable as error:
            self.skipTest(str(error))
        found = self.smoke(
            rootfs,
            test("bash", "/bin/bash", "--version", stdout="^GNU bash"),
            test("python3", "python3", "-c", "import sys; print(sys.byteorder)", stdout="^little$"),
            test("redis", "redis-server", "--version", stdout="^Redis server v="),
            test("nginx", "nginx", "-v"),
            test("node", "node", "-e", "console.log(6*7)", stdout="^42$"),
            program="/usr/bin/node", interpreter=LOADER,
        )
        self.assertEqual([], found["findings"])
        self.assertEqual({"passed"}, {result["result"] for result in found["results"]}, found)


if __name__ == "__main__":
    testing.main()

"""A container that does its worst: contained, reported by its own code, and gone."""

import socket
import time

import smoke_test
from rig import layers, testing
from rig.layers import File
from smoke_test import BUILD, test

HOSTILE = (BUILD / "tests/behaviour/programs/smoke_hostile").read_bytes()
LIMITS = {"memoryBytes": 128 << 20, "pids": 100}
ROOMY = LIMITS | {"memoryBytes": 1 << 30}  # the kernel frees what forks took a little later, and that counts meanwhile
OPEN_TO_ALL = ("/dev/mqueue", "/dev/shm", "/tmp")  # file systems of the container's own, in memory, gone with it


class Hostile(smoke_test.Smoke):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folders = [File(name, folder=True) for name in ("etc", "usr", "usr/share", "var", "var/lib", "home", "srv")]
        cls.hostile = cls.unpack("hostile", layers.from_files(File("app", HOSTILE), *folders))

    def run_it(self, *arguments: str, timeout: int = 20000, limits: dict | None = None) -> tuple[dict, dict]:
        """The test's result and its one finding; what follows it in the same container runs undisturbed."""
        found = self.smoke(self.hostile, test("it", "/app", *arguments, timeoutMs=timeout), test("after", "/app", "census",
                           stdout="^2 processes$"), **(limits or LIMITS))
        result, after = found["results"]
        self.assertEqual("passed", after["result"], found)
        self.assertLessEqual(len(found["findings"]), 1, found)
        return result, found["findings"][0] if found["findings"] else {}

    def assert_contained(self, code: str, says: str, *arguments: str, timeout: int = 20000, limits: dict | None = None) -> None:
        begin = time.monotonic()
        result, finding = self.run_it(*arguments, timeout=timeout, limits=limits)
        self.assertEqual(("failed", code), (result["result"], finding.get("code")), (result, finding))
        self.assertIn(says, result["reason"])
        self.assertLess(time.monotonic() - begin, timeout / 1000 + 10)

    def test_a_fork_bomb(self):
        self.assert_contained("ProcessLimit", "sandbox.pids", "fork-bomb", timeout=1500, limits=ROOMY)

    def test_a_memory_hog(self):
        self.assert_contained("OutOfMemory", "134.2 MB", "memory-hog")

    def test_an_output_flood(self):
        self.assert_contained("OutputLimit", "wrote more than is allowed", "flood")

    def test_what_ignores_signals_and_closes_its_files(self):
        self.assert_contained("TimedOut", "did not end within", "stubborn", timeout=500)

    def test_daemons_and_orphans_end_with_their_test(self):
        for way in ("daemons", "orphans"):
            with self.subTest(way):
                found = self.smoke(self.hostile, test("it", "/app", way), test("after", "/app", "census", stdout="^2 processes$"))
                self.assertEqual(["passed", "passed"], [result["result"] for result in found["results"]], found)
                self.assertEqual([], found["findings"])

    def assert_gets_nothing(self, *arguments: str, user: str = "") -> None:
        found = self.smoke(self.hostile, test("it", "/app", *arguments), test("after", "/app", "census", stdout="^2 processes$"),
                           user=user, **LIMITS)
        self.assertEqual(["passed", "passed"], [result["result"] for result in found["results"]], found)

    def test_it_writes_nowhere_but_in_memory_of_its_own(self):
        self.assert_gets_nothing("writes", "/dev", "/dev/.nodeproof", *OPEN_TO_ALL, "/run")
        self.assert_gets_nothing("writes", *OPEN_TO_ALL, user="1000:1000")
        found = self.smoke(self.hostile, test("it", "/app", "writes", "/dev", "/dev/.nodeproof", "/run", "/dev/mqueue"))
        self.assertIn("got /dev/shm", found["findings"][0]["evidence"])  # so would anything else be told

    def test_it_gains_no_privilege(self):
        for user in ("", "1000:1000"):
            with self.subTest(user):
                self.assert_gets_nothing("privileges", user=user)

    def test_it_reaches_no_network(self):
        name = f"nodeproof-hostile-{time.monotonic_ns()}"
        with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind("\0" + name)
            abstract.listen()
            self.assert_gets_nothing("network", str(tcp.getsockname()[1]), name)
            for listener in (tcp, abstract):
                listener.setblocking(False)
                self.assertRaises(BlockingIOError, listener.accept)


if __name__ == "__main__":
    testing.main()

"""Watches which files the static binary opens: no name service, character set or other shared module of the host."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

NODEPROOF = os.path.join(os.environ.get("NODEPROOF_BUILD", ""), "nodeproof")
# c-ares itself reads nsswitch.conf for the order of its own two sources; that loads nothing.
MODULE = re.compile(r"libnss|gconv|/ld\.so|\.so(\.\d+)*$")
OPENED = re.compile(r'open(?:at2?)?\([^"]*"([^"]*)"')


def opened_files(*command: str, seconds: int = 30) -> list[str]:
    """What COMMAND opened until it ended, or until the time was up (a name server that does not answer)."""
    with tempfile.NamedTemporaryFile(mode="r", prefix="nodeproof-strace-") as trace:
        traced = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", trace.name, *command],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  start_new_session=True)
        try:
            traced.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(traced.pid, signal.SIGKILL)
            traced.wait()
        return [m.group(1) for m in map(OPENED.search, trace) if m]


class Modules(unittest.TestCase):
    def expect_no_module(self, *arguments: str) -> list[str]:
        files = opened_files(NODEPROOF, *arguments)
        self.assertEqual([], [f for f in files if MODULE.search(f)])
        return files

    def test_a_name_is_looked_up_without_the_hosts_modules(self):
        # Not "localhost", which curl knows by itself.
        files = self.expect_no_module("resolve", "nodeproof-test.invalid:9/name:tag")
        self.assertIn("/etc/hosts", files, "no name was looked up, so nothing was proven")

    def test_reading_the_host_opens_no_module(self):
        self.expect_no_module("host")

    def test_a_dynamic_program_would_be_noticed(self):
        self.assertTrue(any(MODULE.search(f) for f in opened_files("/bin/true")))


if __name__ == "__main__":
    if not shutil.which("strace") or not opened_files("/bin/true"):
        print("SKIPPED: strace is not installed, or may not trace here")
        sys.exit(77)
    unittest.main()

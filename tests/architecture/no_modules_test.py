"""Watches which files the static binary opens: no name service, character set or other shared module of the host."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

NODEPROOF = os.path.join(os.environ.get("NODEPROOF_BUILD", ""), "nodeproof")
MODULE = re.compile(r"libnss|gconv|nsswitch|ld\.so|\.so(\.\d+)*$")
OPENED = re.compile(r'open(?:at2?)?\([^"]*"([^"]*)"')


def opened_files(*command: str) -> list[str]:
    with tempfile.NamedTemporaryFile(mode="r", prefix="nodeproof-strace-") as trace:
        subprocess.run(["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", trace.name, *command],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        return [m.group(1) for m in map(OPENED.search, trace) if m]


def closed_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Modules(unittest.TestCase):
    def expect_no_module(self, *arguments: str) -> list[str]:
        files = opened_files(NODEPROOF, *arguments)
        self.assertEqual([], [f for f in files if MODULE.search(f)])
        return files

    def test_a_name_is_looked_up_without_the_hosts_modules(self):
        files = self.expect_no_module("resolve", f"localhost:{closed_port()}/name:tag")
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

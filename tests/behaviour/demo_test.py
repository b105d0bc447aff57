"""The README's first command does what the README says."""

import os
import subprocess
import unittest

from rig import packages, testing


class Demo(unittest.TestCase):
    def test_shows_good_and_bad_images_and_cleans_up(self):
        done = subprocess.run([packages.REPOSITORY / "tests/demo"], capture_output=True, text=True, timeout=1200,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(0, done.returncode, done.stdout[-3000:] + done.stderr[-3000:])
        for word in ("ready", "PlatformMissing", "ArchMismatch", "SIGILL", "Every image got the verdict it deserves"):
            self.assertIn(word, done.stdout)


if __name__ == "__main__":
    testing.main()

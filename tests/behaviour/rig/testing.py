"""What the behaviour tests share: one entry point, skips that ctest shows, and the check of a whole report."""

import os
import sys
import unittest
from contextlib import ExitStack

from . import catalogue, packages, program

SKIPPED = 77


class RigTest(unittest.TestCase):
    """Servers live as long as the class: open them with cls.keep(...) in setUpClass."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls._stack = ExitStack()
        cls.addClassCleanup(cls._stack.close)

    @classmethod
    def keep(cls, make, *arguments, **more):
        """Opens a context manager; what cannot be fetched skips the tests of the class."""
        try:
            return cls._stack.enter_context(make(*arguments, **more))
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error

    def assert_case(self, image: dict, case: catalogue.Case) -> None:
        """The report's image entry is exactly what the catalogue promises."""
        found = {
            "verdict": image["verdict"],
            "fail or unknown": program.codes(image, "fail", "unknown"),
            "warn": program.codes(image, "warn"),
        }
        wanted = {"verdict": case.verdict, "fail or unknown": sorted(case.codes), "warn": sorted(case.warnings)}
        self.assertEqual(wanted, found, f"{case.name} ({case.why}): {image['findings']}")


def main() -> None:
    """Runs the calling file's tests. Skipped ones make the whole run a visible skip: nothing passes unseen."""
    if os.geteuid() != 0:
        print("SKIPPED: containerd needs root")
        sys.exit(SKIPPED)
    outcome = unittest.main(verbosity=2, exit=False).result
    if not outcome.wasSuccessful():
        sys.exit(1)
    for _, reason in outcome.skipped:
        print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED if outcome.skipped else 0)

"""All tests of the packages: they are made once for the lot."""

import sys
import unittest

from contents_test import *  # noqa: F401,F403
from image_test import *  # noqa: F401,F403
from install_test import Install  # noqa: F401
from interface_test import *  # noqa: F401,F403
from sbom_test import *  # noqa: F401,F403

if __name__ == "__main__":
    outcome = unittest.main(verbosity=2, exit=False).result
    for _, reason in outcome.skipped:
        print(f"SKIPPED: {reason}")
    sys.exit(1 if not outcome.wasSuccessful() else 77 if outcome.skipped else 0)

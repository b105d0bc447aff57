"""No source and no test lies there without being built or run: a merge may lose a line of a CMakeLists.txt."""

import os
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def left_out(root: Path) -> list[str]:
    """Sources that no CMakeLists.txt (of their folder, of one beside it or above) names."""
    lists = {path.parent: set(re.findall(r"[\w./-]+", path.read_text(encoding="utf-8")))
             for top in ("agent", "common", "tests") for path in (root / top).rglob("CMakeLists.txt")}
    wanted = {os.path.normpath(folder / name) for folder, names in lists.items() for name in names if name.endswith((".cpp", ".py"))}
    # nodeproof_fuzzer(NAME) builds NAME.cpp.
    wanted |= {str(folder / f"{name}.cpp") for folder, names in lists.items() if folder.name == "fuzz" for name in names}
    sources = [path for top in ("agent", "common", "tests") for path in (root / top).rglob("*.cpp")]
    tests = [path for path in (root / "tests").rglob("*_test.py") if path.parent.name != "package"]  # found by package_test.py
    return [str(path.relative_to(root)) for path in (*sources, *tests) if str(path) not in wanted]


class AllBuilt(unittest.TestCase):
    def test_every_source_and_every_test_is_named(self):
        self.assertEqual([], left_out(ROOT))


if __name__ == "__main__":
    unittest.main()

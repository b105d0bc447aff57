"""Adds up what the phases of tests/run left: ctest's JUnit files, and one word for each check that is not ctest's.

Usage: summary.py FOLDER     NAME.xml from ctest, NAME.check with "passed", "failed" or "skipped"
Counts test cases where a test program says how many it ran (GoogleTest, unittest), else the program as one.
"""

import glob
import os
import re
import sys
import xml.etree.ElementTree as ElementTree


def cases(output: str) -> tuple[int, int, int]:
    """(passed, failed, skipped) as GoogleTest's or unittest's last lines tell; zeros when neither spoke."""
    ran = re.search(r"^Ran (\d+) tests? in ", output, re.M)
    if ran:
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output))
        skipped = re.search(r"skipped=(\d+)", output)
        skipped = int(skipped.group(1)) if skipped else 0
        return max(0, int(ran.group(1)) - bad - skipped), bad, skipped
    numbers = [re.search(rf"^\[  {word} +\] (\d+) tests?[.,]", output, re.M) for word in ("PASSED", "FAILED", "SKIPPED")]
    passed, failed, skipped = (int(n.group(1)) if n else 0 for n in numbers)
    return passed, failed, skipped


def of_test(test: ElementTree.Element) -> tuple[int, int, int]:
    passed, failed, skipped = cases(test.findtext("system-out") or "")
    status = test.get("status")
    if status == "fail":
        return passed, max(1, failed), skipped
    if status in ("notrun", "disabled"):
        return 0, 0, 1
    return (passed, failed, skipped) if passed + skipped else (1, 0, 0)


def main(argv: list[str]) -> int:
    totals, troubles, failing = [0, 0, 0], [], set()
    for path in sorted(glob.glob(os.path.join(argv[1], "*")), key=lambda p: (p.endswith(".check"), p)):
        phase, kind = os.path.splitext(os.path.basename(path))
        if kind == ".check":
            with open(path, encoding="utf-8") as f:
                word = f.read().strip()
            if word == "failed" and phase in failing:
                continue  # its tests have told
            rows = [(phase, {"passed": (1, 0, 0), "skipped": (0, 0, 1)}.get(word, (0, 1, 0)))]
        elif kind == ".xml":
            rows = [(f"{phase}: {t.get('name')}", of_test(t)) for t in ElementTree.parse(path).getroot().iter("testcase")]
        else:
            continue
        for name, counts in rows:
            totals = [a + b for a, b in zip(totals, counts)]
            troubles += [f"  failed   {name}"] if counts[1] else []
            failing |= {phase.split("-")[0]} if counts[1] else set()
            troubles += [f"  skipped  {name} ({counts[2]})"] if counts[2] else []
    print("\n".join(sorted(troubles)) or "  nothing failed, nothing was skipped")
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

"""Writes build_info.inc: version, commit, target and the exact versions of the linked libraries.

Usage: build_info.py OUTPUT SOURCE_DIR VERSION ARCH MANIFEST...
The manifests are those of the sysroot and the libraries the build really uses (same lines as cross/lock).
The commit comes from git, or from cross/commit, which `git archive` fills in. The file is only touched when
its text changes, and holds no time, path or name of the machine.
"""

import re
import subprocess
import sys

from libraries import used


def git(source: str, *args: str) -> str:
    done = subprocess.run(["git", "-C", source, *args], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit_of(source: str) -> str:
    with open(source + "/cross/commit", encoding="utf-8") as f:
        exported = f.read().strip()
    if re.fullmatch(r"[0-9a-f]{40}(-dirty)?", exported):
        return exported
    try:
        head = git(source, "rev-parse", "HEAD")
        return head + ("-dirty" if git(source, "status", "--porcelain") else "") if head else "unknown"
    except FileNotFoundError:
        return "unknown"


def libraries(manifests: list[str]) -> dict[str, str]:
    return {one.library.name: one.version for one in used(manifests)}


def main(argv: list[str]) -> int:
    output, source, version, arch, *manifests = argv[1:]
    rows = "".join(f'    {{"{n}", "{v}"}},\n' for n, v in sorted(libraries(manifests).items(), key=lambda x: x[0].lower()))
    text = (
        f'constexpr std::string_view kVersion = "{version}";\n'
        f'constexpr std::string_view kCommit = "{commit_of(source)}";\n'
        f'constexpr std::string_view kTarget = "linux/{arch}";\n'
        f"constexpr LibraryVersion kLibraries[] = {{\n{rows}}};\n"
    )
    try:
        with open(output, encoding="utf-8") as f:
            if f.read() == text:
                return 0
    except FileNotFoundError:
        pass
    with open(output, "w", encoding="utf-8") as f:
        f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

"""The build recipes' own logic: the machine's apt sources, the lock file, what the binary says about itself."""

import io
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "cross"))
import apt_sources  # noqa: E402
import build_info  # noqa: E402
import libraries  # noqa: E402

MIRROR = "http://mirror.example/deb" + "ian"


def write(folder: str, name: str, text: str):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class AptSources(unittest.TestCase):
    """What the machine's configuration turns into, without naming a mirror of our own."""

    def derived(self, suite: str, files: dict[str, str]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                write(folder, name, text.replace("ETC", folder))
            apt_sources.ROOT = folder
            apt_sources.own_codename = lambda: "bookworm"
            sys.argv = ["apt_sources.py", suite]
            out = io.StringIO()
            with redirect_stdout(out):
                apt_sources.main()
        return [line.split("] ")[1] for line in out.getvalue().splitlines() if line.startswith("deb ")]

    def test_deb822(self):
        text = (f"Types: deb deb-src\n# a comment\nURIs: {MIRROR}\nSuites: bookworm\n bookworm-updates\nComponents: main\n\n"
                f"Types: deb\nURIs: {MIRROR}-security\nSuites: bookworm-security\nComponents: main\n\n"
                f"Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: bookworm\n")
        files = {"sources.list.d/a.sources": text, "sources.list.d/other.list": "deb https://other.example stable main\n"}
        self.assertEqual([f"{MIRROR} bookworm main", f"{MIRROR} bookworm-updates main", f"{MIRROR}-security bookworm-security main"],
                         self.derived("bookworm", files))
        self.assertEqual([f"{MIRROR} trixie main"], self.derived("trixie", files))

    def test_one_line_and_a_medium(self):
        text = f"deb cdrom:[Debian 12]/ bookworm main\n# deb http://old.example bookworm main\ndeb [arch=amd64] {MIRROR} bookworm main contrib\n" \
               f"deb-src {MIRROR} bookworm main\n"
        self.assertEqual([f"{MIRROR} bookworm main"], self.derived("bookworm", {"sources.list": text}))

    def test_a_list_of_mirrors(self):
        files = {"sources.list.d/a.sources": "Types: deb\nURIs: mirror+file://ETC/mirrors/list\nSuites: bookworm\nComponents: main\n",
                 "mirrors/list": f"# mirrors\n{MIRROR} priority:1\nhttp://second.example\n"}
        self.assertEqual([f"{MIRROR} bookworm main"], self.derived("bookworm", files))

    def test_a_machine_without_debian_sources_is_told(self):
        with self.assertRaises(SystemExit) as caught:
            self.derived("bookworm", {"sources.list": "deb http://other.example noble main\n"})
        self.assertIn("no Debian mirror", str(caught.exception.code))


class Lock(unittest.TestCase):
    def check(self, locked: str, found: str, **environment: str) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as folder:
            write(folder, "lock", locked)
            write(folder, "manifest", found)
            script = f'source "{ROOT}/cross/lib.bash"; LOCK_FILE={folder}/lock; check_lock thing {folder}/manifest'
            return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env={**os.environ, **environment})

    def test_the_same_is_silent(self):
        done = self.check("other x 1 all 00\nthing a 1 amd64 aa\n", "thing a 1 amd64 aa\n", NODEPROOF_LOCKED="1")
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_a_moved_version_is_printed_and_built(self):
        done = self.check("thing a 1 amd64 aa\n", "thing a 2 amd64 bb\n")
        self.assertEqual(0, done.returncode)
        self.assertIn("locked: thing a 1 amd64 aa", done.stderr)
        self.assertIn("found:  thing a 2 amd64 bb", done.stderr)

    def test_locked_refuses_it(self):
        self.assertEqual(1, self.check("thing a 1 amd64 aa\n", "thing a 2 amd64 bb\n", NODEPROOF_LOCKED="1").returncode)

    def test_every_line_of_the_real_one_is_complete(self):
        with open(os.path.join(ROOT, "cross/lock"), encoding="utf-8") as f:
            lines = f.read().splitlines()
        self.assertEqual(sorted(lines), lines)
        for line in lines:
            self.assertRegex(line, r"^(sysroot-(amd64|arm64)|deps|protos) \S+ \S+ (amd64|arm64|all|source) [0-9a-f]{64}$")


class BuildInfo(unittest.TestCase):
    def test_names_every_library_of_the_lock(self):
        found = build_info.libraries([os.path.join(ROOT, "cross/lock")])
        self.assertEqual({library.name for library in libraries.LIBRARIES}, set(found))
        self.assertRegex(found["mbedTLS"], r"^3\.(5|6|[7-9])\.")  # IP addresses in certificates
        self.assertRegex(found["curl"], r"^8\.")

    def test_a_library_that_is_missing_stops_the_build(self):
        with tempfile.TemporaryDirectory() as folder:
            write(folder, "manifest", "sysroot-amd64 zlib1g-dev 1 amd64 aa\n")
            with self.assertRaises(SystemExit) as caught:
                build_info.libraries([folder + "/manifest"])
        self.assertIn("curl", str(caught.exception.code))

    def test_the_commit_of_an_exported_tree_comes_from_its_file(self):
        with tempfile.TemporaryDirectory() as folder:
            write(folder, "cross/commit", "0123456789" * 4 + "\n")
            self.assertEqual("0123456789" * 4, build_info.commit_of(folder))
            write(folder, "cross/commit", "$Format:%H$\n")
            self.assertEqual("unknown", build_info.commit_of(folder))


if __name__ == "__main__":
    unittest.main()

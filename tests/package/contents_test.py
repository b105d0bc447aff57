"""What is in the packages, that Debian's checker takes them, and that they are the same bytes each time."""

import hashlib
import subprocess
import tempfile
import unittest
from pathlib import Path

from made import ARCHITECTURES, OWN, ROOT, content, make, members, packages

UNITS = {str(p.relative_to(ROOT / "systemd")) for pattern in ("*.service", "*.target", "*.slice", "*.d/*.conf")
         for p in (ROOT / "systemd").glob(pattern)}
FILES = {
    "bin/nodeproof", "share/man/man1/nodeproof.1.gz", "share/man/man5/nodeproof.json.5.gz", "share/bash-completion/completions/nodeproof",
    "share/fish/vendor_completions.d/nodeproof.fish", "share/nodeproof/nodeproof.schema.json",
    "lib/nodeproof/nodeproof-verify-image",
    *(f"lib/systemd/system/{unit}" for unit in UNITS),
    *(f"share/doc/nodeproof/{name}" for name in ("copyright", "copyright.libraries.gz", "sbom.spdx.json", "CHANGELOG.md.gz",
                                                  "README.md.gz", "SECURITY.md", "examples/nodeproof.json",
                                                  "prometheus/nodeproof.rules.yml", "prometheus/nodeproof-dashboard.json")),
}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Contents(unittest.TestCase):
    def each(self, suffix: str):
        for architecture in ARCHITECTURES:
            with self.subTest(architecture):
                yield architecture, packages()[architecture + suffix]

    def test_the_deb_has_every_file_and_no_other(self):
        own = {"etc/nodeproof/nodeproof.json", "usr/share/doc/nodeproof/changelog.gz", "usr/share/lintian/overrides/nodeproof",
               "usr/share/zsh/vendor-completions/_nodeproof"}
        for _, deb in self.each(".deb"):
            found = {name for name, member in members(deb).items() if member.isfile()}
            self.assertEqual(found, {f"usr/{name}" for name in FILES} | own)
            self.assertTrue(members(deb)["etc/nodeproof/conf.d"].isdir())

    def test_the_tarball_has_the_same_below_one_folder(self):
        for architecture, tarball in self.each(".tar.gz"):
            found = {name.partition("/")[2] for name, member in members(tarball).items() if member.isfile()}
            self.assertEqual(found, FILES | {"share/zsh/site-functions/_nodeproof"})
            self.assertEqual({name.partition("/")[0] for name in members(tarball)},
                             {tarball.name.removesuffix(".tar.gz")}, architecture)

    def test_everything_is_of_root_and_of_one_time(self):
        for path in packages().values():
            with self.subTest(path.name):
                self.assertEqual({(0, 0)}, {(m.uid, m.gid) for m in members(path).values()})
                self.assertEqual(1, len({m.mtime for m in members(path).values()}))
                self.assertEqual({0o755, 0o644}, {m.mode & 0o7777 for m in members(path).values()})

    def test_the_units_of_the_tarball_find_the_program_below_any_prefix(self):
        for _, tarball in self.each(".tar.gz"):
            folder = tarball.name.removesuffix(".tar.gz")
            for unit in UNITS:
                self.assertNotIn(b"/usr/bin/nodeproof", content(tarball, f"{folder}/lib/systemd/system/{unit}"))
            self.assertIn(b"\nExecStart=nodeproof daemon\n", content(tarball, f"{folder}/lib/systemd/system/nodeproof.service"))

    def test_the_program_is_the_one_that_was_built_and_says_the_packages_version(self):
        for architecture, deb in self.each(".deb"):
            program = content(deb, "usr/bin/nodeproof")
            self.assertTrue(program == (ROOT / f"build/{architecture}-release/nodeproof").read_bytes())
            field = subprocess.run(["dpkg-deb", "-f", deb, "Version", "Architecture"], capture_output=True, text=True, check=True).stdout
            said = subprocess.run([ROOT / f"build/{OWN}-release/nodeproof", "--version"], capture_output=True, text=True, check=True).stdout
            self.assertEqual(f"Version: {said.split()[1]}\nArchitecture: {architecture}\n", field)

    def test_the_example_and_the_schema_are_the_repositorys(self):
        for _, deb in self.each(".deb"):
            self.assertEqual(content(deb, "usr/share/doc/nodeproof/examples/nodeproof.json"), (ROOT / "systemd/nodeproof.example.json").read_bytes())
            self.assertEqual(content(deb, "usr/share/nodeproof/nodeproof.schema.json"), (ROOT / "systemd/nodeproof.schema.json").read_bytes())

    def test_the_rules_and_the_dashboard_are_the_repositorys(self):
        for _, deb in self.each(".deb"):
            for name in ("nodeproof.rules.yml", "nodeproof-dashboard.json"):
                self.assertEqual(content(deb, f"usr/share/doc/nodeproof/prometheus/{name}"), (ROOT / "systemd/prometheus" / name).read_bytes())

    def test_lintian_finds_nothing_but_what_is_overridden_with_a_reason(self):
        for _, deb in self.each(".deb"):
            done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", deb],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((0, ""), (done.returncode, "".join(line for line in done.stdout.splitlines(True) if line[:2] in ("E:", "W:"))))

    def test_a_second_run_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, path in make(Path(folder), OWN).items():
                self.assertEqual(sha256(packages()[name]), sha256(path), name)

    def test_the_copyright_file_names_every_library_and_the_notices_have_a_text_for_each(self):
        import libraries
        for _, deb in self.each(".deb"):
            short = content(deb, "usr/share/doc/nodeproof/copyright").decode()
            full = content(deb, "usr/share/doc/nodeproof/copyright.libraries.gz").decode(errors="replace")
            for library in libraries.LIBRARIES:
                self.assertIn(f"   {library.package} ", short)
                self.assertIn(f"   {library.licence}\n", short)
                if library.source != "gcc-12":
                    self.assertIn(f"(Debian source package {library.source})\n", full)

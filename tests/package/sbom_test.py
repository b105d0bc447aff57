"""The SBOM: what SPDX 2.3 demands of it, and that no library that is linked is missing."""

import functools
import hashlib
import os
import re
import subprocess
import unittest
from pathlib import Path

from made import ARCHITECTURES, ROOT, content, packages, sbom


def linked_files(architecture: str) -> set[Path]:
    """Archives and objects of others that the linker took something from, by its own map."""
    found = set()
    with open(ROOT / f"build/{architecture}-release/nodeproof.map", encoding="utf-8", errors="replace") as f:
        for line in f:
            match = re.search(r" (/[^ ]*?\.(?:a|o))[(:]", line)
            if match:
                found.add(Path(match.group(1)))
    return found


@functools.cache
def files_of(deb: Path) -> frozenset[str]:
    listing = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "-t"], input=listing, capture_output=True, check=True).stdout.decode()
    return frozenset(line.removeprefix(".").replace("/usr/lib", "/lib") for line in names.splitlines())


class Document(unittest.TestCase):
    def test_it_has_what_spdx_2_3_demands(self):
        for architecture in ARCHITECTURES:
            with self.subTest(architecture):
                document = sbom(architecture)
                self.assertEqual(("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"),
                                 (document["spdxVersion"], document["dataLicense"], document["SPDXID"]))
                self.assertRegex(document["documentNamespace"], r"^https://[^#\s]+$")
                self.assertRegex(document["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
                for creator in document["creationInfo"]["creators"]:
                    self.assertRegex(creator, r"^(Person|Organization|Tool): ")
                self.assertTrue(document["name"])

    def test_every_package_is_complete_and_has_an_identifier_of_its_own(self):
        for architecture in ARCHITECTURES:
            entries = sbom(architecture)["packages"]
            self.assertEqual(len(entries), len({entry["SPDXID"] for entry in entries}))
            for entry in entries:
                with self.subTest(entry["name"]):
                    self.assertRegex(entry["SPDXID"], r"^SPDXRef-[a-zA-Z0-9.-]+$")
                    for field in ("name", "versionInfo", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText", "supplier"):
                        self.assertTrue(entry[field], field)
                    self.assertIs(entry["filesAnalyzed"], False)
                    for checksum in entry["checksums"]:
                        self.assertRegex(checksum["algorithm"] + checksum["checksumValue"], r"^SHA256[0-9a-f]{64}$")

    def test_relationships_name_what_is_there_and_the_document_describes_the_program(self):
        for architecture in ARCHITECTURES:
            document = sbom(architecture)
            known = {"SPDXRef-DOCUMENT", *(entry["SPDXID"] for entry in document["packages"])}
            relations = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in document["relationships"]]
            self.assertIn(("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-nodeproof"), relations)
            self.assertEqual(known, {end for a, _, b in relations for end in (a, b)})
            self.assertLessEqual({kind for _, kind, _ in relations}, {"DESCRIBES", "STATIC_LINK", "CONTAINS", "GENERATED_FROM"})

    def test_it_describes_the_very_binary(self):
        for architecture in ARCHITECTURES:
            own = next(entry for entry in sbom(architecture)["packages"] if entry["name"] == "nodeproof")
            program = content(packages()[f"{architecture}.deb"], "usr/bin/nodeproof")
            self.assertEqual(hashlib.sha256(program).hexdigest(), own["checksums"][0]["checksumValue"])


class Libraries(unittest.TestCase):
    """Against the linker's map and the packages themselves."""

    def test_every_archive_and_object_that_is_linked_is_of_a_package_that_it_names(self):
        from libraries import manifests_of
        for architecture in ARCHITECTURES:
            entries = {entry["name"]: entry for entry in sbom(architecture)["packages"]}
            sysroot, deps = (Path(manifest).parent / "root" for manifest in manifests_of(architecture)[:2])
            debs = {name: self.download(entry["packageFileName"]) for name, entry in entries.items()
                    if entry["packageFileName"].endswith(".deb")}
            linked = linked_files(architecture)
            self.assertGreater(len(linked), 40)
            for file in linked:
                with self.subTest(f"{architecture} {file.name}"):
                    if file.is_relative_to(deps):
                        owner = "curl" if "curl" in file.name else "mbedtls"
                        self.assertIn(owner, entries)
                        continue
                    inside = "/" + str(file.relative_to(sysroot)).replace("usr/lib", "lib")
                    self.assertTrue([name for name, deb in debs.items() if inside in files_of(deb)], f"no package of the SBOM has {inside}")

    def test_every_library_that_it_calls_linked_is(self):
        for architecture in ARCHITECTURES:
            linked = {"/" + "/".join(file.parts[file.parts.index("root", 4) + 1:]).replace("usr/lib", "lib") for file in linked_files(architecture)}
            document = sbom(architecture)
            names = {entry["SPDXID"]: entry for entry in document["packages"]}
            for relation in document["relationships"]:
                file = names.get(relation["relatedSpdxElement"], {}).get("packageFileName", "")
                if relation["relationshipType"] == "STATIC_LINK" and file.endswith(".deb"):
                    with self.subTest(file):
                        self.assertTrue(files_of(self.download(file)) & linked)

    def test_source_packages_and_checksums_are_the_downloads_own(self):
        for architecture in ARCHITECTURES:
            for entry in sbom(architecture)["packages"][1:]:
                with self.subTest(entry["name"]):
                    file = self.download(entry["packageFileName"])
                    self.assertEqual(hashlib.sha256(file.read_bytes()).hexdigest(), entry["checksums"][0]["checksumValue"])
                    source = re.search(r"Debian source package (\S+) (\S+) ", entry["sourceInfo"])
                    if file.suffix == ".deb":
                        said = subprocess.run(["dpkg-deb", "-f", file, "Source"], capture_output=True, text=True, check=True).stdout.split()
                        self.assertEqual(said[0] if said else entry["name"], source.group(1))
                        version = said[1].strip("()") if len(said) > 1 else entry["versionInfo"]
                        self.assertEqual(version, source.group(2))

    def test_the_lock_file_has_every_package_as_it_stands_or_the_build_has_drifted(self):
        lock = (ROOT / "cross/lock").read_text(encoding="utf-8")
        for architecture in ARCHITECTURES:
            for entry in sbom(architecture)["packages"][1:]:
                if entry["checksums"][0]["checksumValue"] not in lock:
                    print(f"drifted from cross/lock: {entry['name']} {entry['versionInfo']}")
                self.assertRegex(lock, rf"(?m)^\S+ {re.escape(entry['name'])}[ _]")

    @staticmethod
    def download(name: str) -> Path:
        """Of the cache that cross/prepare fills."""
        cache = os.environ.get("NODEPROOF_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "nodeproof")
        return Path(cache) / "downloads" / name

"""nodeproof index merge, backup and restore against real registries, read back by skopeo."""

import fcntl
import hashlib
import json
import os
import re
import shlex
import tempfile
from pathlib import Path

from rig import images, layers, packages, programs, testing
from rig.program import Nodeproof
from rig.registry import PASSWORD, USER, Registry
from rig.skopeo import Skopeo

ARCHITECTURES = ("amd64", "arm64")


def variant(architecture: str, word: str, revision: str = "") -> images.Variant:
    """`word` makes it another image than the others of its architecture."""
    program = programs.good(architecture) if architecture in ARCHITECTURES else b"a program"
    files = [layers.File("app", program), layers.File("word", f"{word} {architecture}".encode())]
    run = {"Entrypoint": ["/app"]}
    if revision:
        run["Labels"] = {"org.opencontainers.image.revision": revision}
    return images.variant(architecture, [layers.from_files(*files)], run)


def both(word: str) -> images.Image:
    return images.index(*(variant(architecture, word) for architecture in ARCHITECTURES))


def digest_of(image: images.Image, architecture: str) -> str:
    return image.variant(architecture).manifest.digest


class IndexTest(testing.RigTest):
    auth = ""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, auth=cls.auth)
        cls.client = images.Client(cls.registry.url, credentials=(USER, PASSWORD) if cls.auth else None)
        cls.skopeo = cls.keep(Skopeo)

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.config = self.nodeproof.write_config({})

    def name(self, rest: str) -> str:
        return f"{self.registry.name}/{rest}"

    def index(self, *arguments, code: int = 0) -> dict:
        done = self.nodeproof("index", "-c", self.config, "-o", "json", *arguments)
        self.assertEqual(code, done.code, done.stdout + done.stderr)
        return done.report if done.stdout else {"stderr": done.stderr}

    def platforms(self, reference: str) -> dict:
        """Architecture -> digest, as skopeo sees the tag."""
        entries = json.loads(self.skopeo.raw(reference)).get("manifests", [])
        return {entry["platform"]["architecture"]: entry["digest"] for entry in entries}

    def assert_whole(self, reference: str, *wanted: tuple[str, str]) -> None:
        self.assertEqual(dict(wanted), self.platforms(reference))
        self.skopeo.copy_all(reference)

    def writes(self, since: int = 0) -> list[str]:
        return [f"{method} {path}" for method, path, _ in self.registry.requests()[since:]
                if method in ("PUT", "POST", "PATCH", "DELETE")]


class TheFiveSteps(IndexTest):
    """"Building for a single architecture and preserving the other", as people do it by hand with buildx imagetools."""

    def test_a_new_amd64_keeps_the_old_arm64(self):
        old = both("five")
        self.client.push("five", "latest", old)
        arm64 = digest_of(old, "arm64")
        # Step 1: build and push the AMD64 image under a staging tag.
        new = variant("amd64", "five, new")
        self.client.push("five", "amd64-staging", images.single(new))
        # Step 2: inspect the current multi-arch manifest to confirm the ARM64 descriptor is still there.
        self.assertEqual(arm64, self.platforms(self.name("five:latest"))["arm64"])
        # Step 3: merge the new AMD64 staging image with the existing ARM64 image into the target tag.
        report = self.index("merge", "--tag", self.name("five:latest"),
                            self.name("five:amd64-staging"), self.name(f"five:latest@{arm64}"), "--delete-sources")
        # Step 4: verify the result.
        self.assertEqual("done", report["outcome"])
        self.assert_whole(self.name("five:latest"), ("amd64", new.manifest.digest), ("arm64", arm64))
        # Then delete the staging tag to keep the registry clean: this registry would delete the image with it.
        refusal = report["findings"][-1]
        self.assertEqual(("TagNotDeletable", "warn"), (refusal["code"], refusal["severity"]))
        self.assertIn("would take the merged image too", refusal["evidence"])
        self.assertEqual(new.manifest.data, self.skopeo.raw(self.name("five:amd64-staging")))

    def test_an_amd64_push_wipes_arm64_and_a_merge_brings_it_back(self):
        old = both("wiped")
        self.client.push("wiped", "latest", old)
        arm64 = digest_of(old, "arm64")
        new = variant("amd64", "wiped, new")
        self.client.push("wiped", "latest", images.single(new))
        self.assertEqual({}, self.platforms(self.name("wiped:latest")))
        report = self.index("merge", "--tag", self.name("wiped:latest"), self.name(f"wiped@{arm64}"))
        changes = [(change["change"], change["platform"]) for change in report["changes"]]
        self.assertEqual([("kept", "linux/amd64"), ("added", "linux/arm64")], changes)
        self.assert_whole(self.name("wiped:latest"), ("amd64", new.manifest.digest), ("arm64", arm64))


class Readme(IndexTest):
    def test_its_commands_do_what_it_says(self):
        self.client.push("myimage", "latest", both("readme"))
        self.client.push("myimage", "amd64-staging", images.single(variant("amd64", "readme, new")))
        text = (packages.REPOSITORY / "README.md").read_text(encoding="utf-8")
        commands = re.findall(r"^nodeproof (index .*)$", text, re.M)
        self.assertEqual(["backup", "merge", "merge", "restore", "restore"], [command.split()[1] for command in commands])
        self.assertIn("--ledger", commands.pop())  # index_ledger_test.py
        for command in commands:
            arguments = shlex.split(command.replace("registry.example.com", self.registry.name))
            done = self.nodeproof(*arguments, cwd=self.nodeproof.folder)
            self.assertEqual(0, done.code, f"{command}: {done.stdout}{done.stderr}")
        self.assertEqual(both("readme").top.data, self.skopeo.raw(self.name("myimage:latest")))


class Merging(IndexTest):
    def test_what_is_pushed_is_what_skopeo_reads_and_the_same_again_pushes_nothing(self):
        image = both("again")
        self.client.push("again", "1", image)
        self.client.push("again", "new", images.single(variant("amd64", "again, new")))
        command = ("merge", "--tag", self.name("again:1"), self.name("again:new"))
        first = self.index(*command)
        raw = self.skopeo.raw(self.name("again:1"))
        self.assertEqual(first["indexDigest"], layers.sha256(raw))
        begin = len(self.registry.requests())
        second = self.index(*command)
        self.assertEqual(("unchanged", first["indexDigest"]), (second["outcome"], second["indexDigest"]))
        self.assertEqual([], self.writes(begin))
        # The entry that stayed is byte for byte what it was.
        entry = json.dumps(image.variant("arm64").manifest.descriptor(platform=images.platform("arm64")),
                           separators=(",", ":")).encode()
        self.assertIn(entry, raw)

    def test_a_dry_run_shows_the_difference_and_writes_nothing(self):
        self.client.push("dry", "1", both("dry"))
        self.client.push("dry-new", "1", images.single(variant("amd64", "dry, new")))
        begin = len(self.registry.requests())
        report = self.index("merge", "--dry-run", "--tag", self.name("dry:1"), self.name("dry-new:1"))
        self.assertEqual("would-do", report["outcome"])
        self.assertEqual(["replaced", "kept"], [change["change"] for change in report["changes"]])
        self.assertEqual([], self.writes(begin))
        table = self.nodeproof("index", "merge", "--dry-run", "--tag", self.name("dry:1"), self.name("dry-new:1"))
        self.assertEqual(0, table.code, table.stderr)
        self.assertIn("replaced", table.stdout)
        self.assertIn("nothing was written", table.stdout)

    def test_a_source_of_another_repository_is_mounted(self):
        self.client.push("team/app", "1", both("mount"))
        new = variant("amd64", "mount, new")
        self.client.push("ci/app", "build-7", images.single(new))
        report = self.index("merge", "--tag", self.name("team/app:1"), self.name("ci/app:build-7"))
        self.assertIn("2 mounted", report["steps"][0])
        self.assertEqual(new.manifest.digest, self.platforms(self.name("team/app:1"))["amd64"])
        self.skopeo.copy_all(self.name("team/app:1"))

    def test_a_source_of_another_registry_is_copied(self):
        self.client.push("far", "1", both("far"))
        new = images.index(variant("amd64", "far, new"), variant("riscv64", "far, new"))
        with Registry() as other:
            images.Client(other.url).push("deep/down", "1", new)
            report = self.index("merge", "--tag", self.name("far:1"), f"{other.name}/deep/down:1")
        self.assertIn("2 uploaded", report["steps"][0])
        self.assertEqual({"amd64", "arm64", "riscv64"}, set(self.platforms(self.name("far:1"))))
        self.skopeo.copy_all(self.name("far:1"))

    def test_a_new_tag_is_made_of_two_single_manifests(self):
        made = [variant(architecture, "new tag") for architecture in ARCHITECTURES]
        for part in made:
            self.client.push("fresh", part.platform["architecture"], images.single(part))
        self.index("merge", "--tag", self.name("fresh:1"), self.name("fresh:amd64"), self.name("fresh:arm64"))
        self.assert_whole(self.name("fresh:1"), *((p.platform["architecture"], p.manifest.digest) for p in made))

    def test_a_damaged_source_moves_nothing(self):
        self.client.push("damaged", "1", both("damaged"))
        before = self.skopeo.raw(self.name("damaged:1"))
        new = variant("amd64", "damaged, new")
        self.client.push("damaged", "new", images.single(new))
        self.registry.blob(new.layers[0].digest).unlink()
        begin = len(self.registry.requests())
        report = self.index("merge", "--tag", self.name("damaged:1"), self.name("damaged:new"), code=1)
        self.assertEqual("refused", report["outcome"])
        self.assertEqual("IndexDamaged", report["findings"][0]["code"])
        self.assertIn(new.manifest.digest, report["findings"][0]["message"])
        self.assertIn("linux/amd64", report["findings"][0]["message"])
        self.assertEqual([], self.writes(begin))
        self.assertEqual(before, self.skopeo.raw(self.name("damaged:1")))

    def test_platforms_of_different_revisions_are_refused_where_that_is_asked_for(self):
        self.client.push("rev", "1", images.index(*(variant(a, "rev", "aaaa") for a in ARCHITECTURES)))
        self.client.push("rev", "new", images.single(variant("amd64", "rev, new", "bbbb")))
        command = ("merge", "--tag", self.name("rev:1"), self.name("rev:new"))
        report = self.index(*command, "--require-same-revision", code=1)
        self.assertEqual("RevisionsDiffer", report["findings"][-1]["code"])
        self.assertIn("linux/amd64: bbbb, linux/arm64: aaaa", report["findings"][-1]["evidence"])
        self.index(*command)

    def test_what_would_be_lost_has_to_be_agreed_to(self):
        self.client.push("lost", "1", both("lost"))
        self.client.push("lost", "new", images.single(variant("amd64", "lost, new")))
        command = ("merge", "--only-sources", "--tag", self.name("lost:1"), self.name("lost:new"))
        report = self.index(*command, code=1)
        self.assertEqual(("PlatformLost", "linux/arm64"), (report["findings"][0]["code"], report["findings"][0]["subject"]))
        self.index(*command, "--drop", "linux/arm64")
        self.assertEqual({"amd64"}, set(self.platforms(self.name("lost:1"))))

    def test_errors_name_what_is_wrong(self):
        self.client.push("words", "1", both("words"))
        for arguments, code, word in (
            (("merge", self.name("words:1")), 64, "--tag"),
            (("merge", "--tag", self.name("words:2"), self.name("words:none")), 64, "words:none"),
            (("merge", "--tag", self.name("words:2"), "127.0.0.1:9/words:1"), 2, "127.0.0.1:9"),
            (("merge", "--tag", self.name("words:1"), self.name("words:1"), "--drop", "linux/s390x"), 64, "linux/s390x"),
            (("backup", self.name("words:1")), 64, "-f FILE"),
            (("restore", "--tag", self.name("words:1"), "-f", "/no/such/file"), 64, "/no/such/file"),
            (("backup", self.name("words:1"), "-f", "/dev/null/file"), 64, "-f /dev/null/file"),
            (("backup", self.name("words:1"), "-f", self.nodeproof.write_config({})), 64, "something else than a backup"),
            (("merge", "--wait", "banana", "--tag", self.name("words:1"), self.name("words:1")), 64, "'banana' is no number"),
            ((), 64, ""),
        ):
            with self.subTest(arguments):
                self.assertIn(word, self.index(*arguments, code=code)["stderr"])


class WithPasswords(IndexTest):
    auth = "htpasswd"

    def setUp(self):
        super().setUp()
        password = self.nodeproof.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        account = {"username": USER, "password_file": str(password)}
        self.config = self.nodeproof.write_config({"registries": {self.registry.name: account}})

    def raw(self, reference: str) -> bytes:
        return self.skopeo._must("inspect", "--raw", "--tls-verify=false", "--creds", f"{USER}:{PASSWORD}",
                                 f"docker://{reference}")

    def test_merges_within_and_across_repositories(self):
        self.client.push("private/app", "1", both("secret"))
        new = [variant(architecture, "secret, new") for architecture in ARCHITECTURES]
        self.client.push("private/app", "new", images.single(new[0]))
        self.client.push("private/ci", "new", images.single(new[1]))
        report = self.index("merge", "--tag", self.name("private/app:1"), self.name("private/app:new"),
                            self.name("private/ci:new"))
        self.assertIn("2 mounted", report["steps"][0])
        self.assertEqual(report["indexDigest"], layers.sha256(self.raw(self.name("private/app:1"))))

    def test_without_credentials_it_is_not_known_and_nothing_is_written(self):
        self.client.push("private/none", "1", both("none"))
        self.config = self.nodeproof.write_config({})
        self.index("merge", "--tag", self.name("private/none:1"), self.name("private/none:1"), code=2)


class WithTokens(WithPasswords):
    auth = "token"

    def test_a_mount_asks_for_both_repositories(self):
        self.client.push("private/to", "1", both("tokens"))
        self.client.push("private/from", "new", images.single(variant("amd64", "tokens, new")))
        self.registry.tokens.asked.clear()
        report = self.index("merge", "--tag", self.name("private/to:1"), self.name("private/from:new"))
        self.assertIn("2 mounted", report["steps"][0])
        asked = [line for line in self.registry.tokens.asked if "push" in line and "private%2Ffrom" in line]
        self.assertEqual(1, len(asked), self.registry.tokens.asked)


class BackupAndRestore(IndexTest):
    def setUp(self):  # each ruins a registry of its own
        super().setUp()
        self.registry = self.enterContext(Registry())
        self.client = images.Client(self.registry.url)

    def test_helper_tags_keep_the_platforms_from_a_garbage_collection(self):
        image = both("kept")
        self.client.push("kept", "1", image)
        file = self.nodeproof.folder / "kept.json"
        report = self.index("backup", self.name("kept:1"), "-f", file, "--tags")
        self.assertEqual("done", report["outcome"])
        for architecture in ARCHITECTURES:
            self.assertEqual(image.variant(architecture).manifest.data,
                             self.skopeo.raw(self.name(f"kept:1-linux-{architecture}")))
        self.assertEqual("unchanged", self.index("backup", self.name("kept:1"), "-f", file, "--tags")["outcome"])
        # Somebody wipes arm64, and the index, now untagged, is collected.
        self.client.push("kept", "1", images.single(variant("amd64", "kept, new")))
        self.registry.collect_garbage()
        self.assertIn("not found", self.index("merge", "--tag", self.name("kept:2"),
                                              self.name(f"kept@{image.top.digest}"), code=1)["stderr"])
        self.assertEqual("would-do", self.index("restore", "--dry-run", "--tag", self.name("kept:1"), "-f", file)["outcome"])
        self.index("restore", "--tag", self.name("kept:1"), "-f", file)
        self.assertEqual(image.top.data, self.skopeo.raw(self.name("kept:1")))
        self.skopeo.copy_all(self.name("kept:1"))
        self.assertEqual("unchanged", self.index("restore", "--tag", self.name("kept:1"), "-f", file)["outcome"])

    def test_without_them_a_restore_says_what_is_gone(self):
        image = both("gone")
        self.client.push("gone", "1", image)
        file = self.nodeproof.folder / "gone.json"
        self.index("backup", self.name("gone:1"), "-f", file)
        self.client.push("gone", "amd64", images.single(image.variant("amd64")))
        self.registry.collect_garbage()
        # The tag looks fine and cannot be pulled on arm64; it is no longer a good backup either.
        refused = self.index("backup", self.name("gone:1"), "-f", file, code=1)
        self.assertEqual(["linux/arm64"], [f["subject"] for f in refused["findings"]])
        self.assertIn(digest_of(image, "arm64"), refused["findings"][0]["message"])
        begin = len(self.registry.requests())
        report = self.index("restore", "--tag", self.name("gone:1"), "-f", file, code=1)
        self.assertEqual(["linux/arm64"], [f["subject"] for f in report["findings"]])
        self.assertIn("--drop linux/arm64", report["findings"][0]["remedy"])
        self.assertEqual([], self.writes(begin))
        self.index("restore", "--tag", self.name("gone:1"), "-f", file, "--drop", "linux/arm64")
        self.assert_whole(self.name("gone:1"), ("amd64", digest_of(image, "amd64")))
        # The old arm64 comes back with a build, beside the amd64 that was saved.
        new = variant("arm64", "gone, built again")
        self.client.push("gone", "arm64-new", images.single(new))
        self.index("merge", "--tag", self.name("gone:1"), self.name("gone:arm64-new"))
        self.assert_whole(self.name("gone:1"), ("amd64", digest_of(image, "amd64")), ("arm64", new.manifest.digest))

    def test_a_platform_that_came_since_is_not_lost_silently(self):
        self.client.push("since", "1", images.single(variant("amd64", "since")))
        file = self.nodeproof.folder / "since.json"
        self.index("backup", self.name("since:1"), "-f", file)
        self.client.push("since", "1", both("since, later"))
        report = self.index("restore", "--tag", self.name("since:1"), "-f", file, code=1)
        self.assertEqual("PlatformLost", report["findings"][0]["code"])

    def test_a_single_manifest_comes_back_as_it_was(self):
        one = images.single(variant("amd64", "alone"))
        self.client.push("alone", "1", one)
        file = self.nodeproof.folder / "alone.json"
        self.index("backup", self.name("alone:1"), "-f", file)
        self.client.push("alone", "1", images.single(variant("amd64", "alone, new")))
        self.index("restore", "--tag", self.name("alone:1"), "-f", file)
        self.assertEqual(one.top.data, self.skopeo.raw(self.name("alone:1")))

    def test_an_index_that_the_registry_cannot_read_any_more_is_restored(self):
        image = both("unreadable")
        self.client.push("unreadable", "1", image)
        file = self.nodeproof.folder / "unreadable.json"
        self.index("backup", self.name("unreadable:1"), "-f", file)
        self.registry.blob(image.top.digest).write_bytes(b"")
        merge = self.index("merge", "--tag", self.name("unreadable:1"), self.name("unreadable:1"), code=1)
        self.assertIn("nodeproof index restore", merge["stderr"])
        # The registry keeps its broken copy of these bytes, whoever pushes them.
        command = ("restore", "--tag", self.name("unreadable:1"), "-f", file)
        report = self.index(*command, code=1)
        self.assertIn("--new-digest", report["findings"][0]["remedy"])
        self.index(*command, "--new-digest")
        self.assertEqual(image.top.data + b"\n", self.skopeo.raw(self.name("unreadable:1")))
        self.skopeo.copy_all(self.name("unreadable:1"))

    def test_an_index_that_is_not_what_the_registry_says_of_it_is_restored(self):
        image = both("rotten")
        self.client.push("rotten", "1", image)
        file = self.nodeproof.folder / "rotten.json"
        self.index("backup", self.name("rotten:1"), "-f", file)
        path = self.registry.blob(image.top.digest)
        path.write_bytes(path.read_bytes().replace(b'"v8"', b'"v9"'))
        kept = file.read_bytes()
        for arguments in (("merge", "--dry-run", "--tag", self.name("rotten:1"), self.name(f"rotten@{digest_of(image, 'arm64')}")),
                          ("merge", "--dry-run", "--tag", self.name("rotten:2"), self.name("rotten:1")),
                          ("backup", self.name("rotten:1"), "-f", file)):
            self.assertIn("sends bytes that hash to", self.index(*arguments, code=1)["stderr"])
        self.assertEqual(kept, file.read_bytes())
        # The registry keeps its broken copy of these bytes, whoever pushes them.
        command = ("restore", "--tag", self.name("rotten:1"), "-f", file)
        report = self.index(*command, code=1)
        self.assertEqual(("refused", "ContentCorrupt"), (report["outcome"], report["findings"][0]["code"]))
        self.assertIn("--new-digest", report["findings"][0]["remedy"])
        self.assertEqual("done", self.index(*command, "--new-digest", "--keep-previous")["outcome"])
        self.assertEqual(image.top.data + b"\n", self.skopeo.raw(self.name("rotten:1")))
        self.skopeo.copy_all(self.name("rotten:1"))

    def test_it_is_restored_into_another_repository(self):
        image = both("moved")
        self.client.push("moved", "1", image)
        file = self.nodeproof.folder / "moved.json"
        self.index("backup", self.name("moved:1"), "-f", file)
        self.index("restore", "--tag", self.name("elsewhere:1"), "-f", file)
        self.assertEqual(image.top.data, self.skopeo.raw(self.name("elsewhere:1")))
        self.skopeo.copy_all(self.name("elsewhere:1"))


class ThePrevious(IndexTest):
    def test_it_is_kept_under_a_tag_before_the_tag_moves(self):
        old = both("previous")
        self.client.push("previous", "1", old)
        self.client.push("previous", "new", images.single(variant("amd64", "previous, new")))
        begin = len(self.registry.requests())
        self.index("merge", "--keep-previous", "--tag", self.name("previous:1"), self.name("previous:new"))
        kept = self.name(f"previous:1-prev-{old.top.digest[7:19]}")
        self.assertEqual(old.top.data, self.skopeo.raw(kept))
        writes = [w.rpartition("/")[2] for w in self.writes(begin)]
        self.assertEqual([kept.rpartition(":")[2], "1"], writes[-2:])
        # A new tag has no previous one, and what changes nothing keeps nothing.
        self.index("merge", "--keep-previous", "--tag", self.name("previous:2"), kept)
        begin = len(self.registry.requests())
        self.index("merge", "--keep-previous", "--tag", self.name("previous:2"), kept)
        self.assertEqual([], self.writes(begin))

    def test_one_that_cannot_be_kept_stops_before_the_tag_moves(self):
        old = both("unkept")
        tag = "t" * 120
        self.client.push("unkept", tag, old)
        self.client.push("unkept", "new", images.single(variant("amd64", "unkept, new")))
        done = self.index("merge", "--keep-previous", "--tag", self.name(f"unkept:{tag}"), self.name("unkept:new"), code=64)
        self.assertIn("without --keep-previous", done["stderr"])
        self.assertEqual(old.top.data, self.skopeo.raw(self.name(f"unkept:{tag}")))


class TwoAtOnce(IndexTest):
    """Two jobs on one machine that merge into one tag, each with an architecture of its own."""

    def test_one_waits_for_the_other_and_neither_is_lost(self):
        made = [variant(architecture, "race") for architecture in ARCHITECTURES]
        for part in made:
            self.client.push("race", part.platform["architecture"], images.single(part))
        jobs = [self.nodeproof.start("index", "merge", "--tag", self.name("race:1"),
                                     self.name(f"race:{architecture}")) for architecture in ARCHITECTURES]
        for job in jobs:
            out, error = job.communicate(timeout=60)
            self.assertEqual(0, job.returncode, out + error)
        self.assert_whole(self.name("race:1"), *((p.platform["architecture"], p.manifest.digest) for p in made))

    def test_one_that_has_waited_long_enough_gives_up(self):
        self.client.push("held", "1", both("held"))
        name = self.name("held:1")
        folders = [Path("/run/lock"), Path(os.environ.get("XDG_RUNTIME_DIR", "/")), Path(tempfile.gettempdir())]
        folder = next(f for f in folders if f != Path("/") and os.access(f, os.W_OK))
        path = folder / f"nodeproof-tag-{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
        with open(path, "w") as held:
            self.addCleanup(path.unlink)
            fcntl.flock(held, fcntl.LOCK_EX)
            done = self.index("merge", "--wait", "0.2", "--tag", name, name, code=75)
            self.assertIn(name, done["stderr"])
            self.index("merge", "--dry-run", "--tag", name, name)
        self.index("merge", "--wait", "0", "--tag", name, name)


if __name__ == "__main__":
    testing.main()

"""`nodeproof inspect` for hosts that are elsewhere, and as a watch that keeps backups; against a real docker-registry."""

import json
import xml.etree.ElementTree as xml

from rig import images, layers, programs, testing
from rig.program import Nodeproof
from rig.registry import Registry
from rig.skopeo import Skopeo

TAG = "1"
PI_4 = ["fp", "asimd", "evtstrm", "crc32", "cpuid"]
PI_5 = [*PI_4, "aes", "pmull", "sha1", "sha2", "atomics", "fphp", "asimdhp", "asimdrdm", "lrcpc", "dcpop", "asimddp"]


def app(architecture: str, program: str, word: str = "") -> images.Variant:
    """An image for `architecture` whose entrypoint is built for `program`."""
    files = [layers.File("app", programs.good(program)), layers.File("word", word.encode())]
    return images.variant(architecture, [layers.from_files(*files)], {"Entrypoint": ["/app"]})


def large(architecture: str, word: str) -> images.Variant:
    """Its layer is asked for its last byte only, unless it is to be read."""
    noise = b"".join(layers.sha256(f"{word} {architecture} {i}".encode())[7:].encode() for i in range(4000))
    files = [layers.File("app", programs.good(architecture)), layers.File("noise", noise)]
    return images.variant(architecture, [layers.from_files(*files)], {"Entrypoint": ["/app"]})


class InspectTest(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.client = images.Client(cls.registry.url)

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    def push(self, name: str, image: images.Image) -> str:
        self.client.push(name, TAG, image)
        return f"{self.registry.name}/{name}:{TAG}"

    def inspect(self, *arguments, code: int = 0) -> dict:
        done = self.nodeproof("inspect", "-o", "json", *arguments)
        self.assertEqual(code, done.code, done.stdout + done.stderr)
        return done.report


class ForHosts(InspectTest):
    def host(self, name: str, architecture: str, version: str = "1.7.24", **more) -> str:
        """A document as `nodeproof host -o json` writes it, of another machine."""
        facts = self.nodeproof("host", "-o", "json").report
        facts |= {"os": "linux", "architecture": architecture, "variant": "v8" if architecture == "arm64" else "",
                  "name": name, "findings": [], "binfmt": []} | more
        facts["containerd"] = {"socket": "", "version": version, "namespace": "k8s.io", "snapshotter": "overlayfs",
                               "cri": True, "systemdCgroup": False}
        path = self.nodeproof.folder / f"{name}.json"
        path.write_text(json.dumps(facts), encoding="utf-8")
        return str(path)

    def test_the_entry_that_a_host_would_take_carries_its_verdict(self):
        reference = self.push("good", images.index(app("amd64", "amd64"), app("arm64", "arm64")))
        report = self.inspect("--host", self.host("pi-4", "arm64"), "--host", self.host("cloud", "amd64"), reference)
        self.assertEqual("whole", report["verdict"])
        told = {p["platform"]: [(h["host"], h["verdict"]) for h in p["hosts"]] for p in report["platforms"]}
        self.assertEqual({"linux/amd64": [("cloud", "ready")], "linux/arm64": [("pi-4", "ready")]}, told)
        self.assertNotIn("hosts", report)
        self.assertNotIn("hosts", self.inspect(reference)["platforms"][0])

    def test_a_program_for_another_processor_is_found_without_the_host(self):
        reference = self.push("wrong", images.index(app("amd64", "amd64"), app("arm64", "amd64")))
        self.inspect(reference)
        report = self.inspect("--host", self.host("pi-4", "arm64"), reference, code=1)
        self.assertEqual("whole", report["verdict"])
        host = report["platforms"][1]["hosts"][0]
        self.assertEqual("not-ready", host["verdict"])
        self.assertIn("ArchMismatch", [f["code"] for f in host["findings"]])
        self.inspect("--host", self.host("cloud", "amd64"), reference)
        table = self.nodeproof("inspect", "--host", self.host("pi-4", "arm64"), reference)
        self.assertRegex(table.stdout, r"not-ready +takes it: pi-4 \(linux/arm64/v8, containerd 1\.7\.24\)")
        junit = xml.fromstring(self.nodeproof("inspect", "-o", "junit", "--host", self.host("pi-4", "arm64"), reference).stdout)
        failed = [c.get("name") for c in junit.iter("testcase") if c.find("failure") is not None]
        self.assertEqual(["linux/arm64/v8 on pi-4"], failed)
        metrics = self.nodeproof.folder / "prom"
        self.inspect("--host", self.host("pi-4", "arm64"), "--metrics", metrics, reference, code=1)
        self.assertIn(f'host_verdict{{image="{reference}",host="pi-4",verdict="not-ready"}} 1', metrics.read_text())

    def found(self, name: str, architecture: str, program: bytes, **host) -> tuple[str, list[str]]:
        """The verdict, and the findings that are no infos, of an image of one program for a host with such facts."""
        good = {a: programs.good(a) for a in ("amd64", "arm64")} | {architecture: program}
        variants = (images.variant(a, [layers.from_files(layers.File("app", good[a]))], {"Entrypoint": ["/app"]}) for a in good)
        reference = self.push(name, images.index(*variants))
        done = self.nodeproof("inspect", "-o", "json", "--host", self.host("board", architecture, **host), reference)
        told = next(h for p in done.report["platforms"] for h in p.get("hosts", []))
        return told["verdict"], [f"{f['severity']} {f['code']}" for f in told["findings"] if f["severity"] != "info"]

    def test_a_program_linked_for_small_pages_fails_on_a_raspberry_pi_5_alone(self):
        program = programs.linked_for_4k("arm64")
        self.assertEqual(("ready", []), self.found("pages", "arm64", program, pageSize=4096, hwcaps=PI_4))
        self.assertEqual(("not-ready", ["fail PageSizeIncompatible"]),
                         self.found("pages", "arm64", program, pageSize=16384, hwcaps=PI_5))
        self.assertEqual(("ready", []), self.found("pages", "arm64", programs.good("arm64"), pageSize=65536, hwcaps=PI_5))

    def test_unguarded_atomics_fail_on_a_raspberry_pi_4_alone(self):
        program = programs.with_atomics()
        self.assertEqual(("not-ready", ["fail MissingIsaExtension"]),
                         self.found("atomics", "arm64", program, pageSize=4096, hwcaps=PI_4))
        self.assertEqual(("ready", []), self.found("atomics", "arm64", program, pageSize=16384, hwcaps=PI_5))

    def test_a_program_for_newer_x86_processors_is_warned_of_where_they_are_older(self):
        program = programs.for_newer_processors(3)
        self.assertEqual(("ready", ["warn MissingIsaExtension"]),
                         self.found("level", "amd64", program, pageSize=4096, isaLevel="x86-64-v2"))
        self.assertEqual(("ready", []), self.found("level", "amd64", program, pageSize=4096, isaLevel="x86-64-v3"))

    def test_nothing_that_fits_is_a_finding(self):
        reference = self.push("amd64-only", images.index(app("amd64", "amd64")))
        report = self.inspect("--host", self.host("pi-4", "arm64"), reference, code=1)
        self.assertEqual("whole", report["verdict"])
        self.assertEqual([("pi-4", "not-ready", ["PlatformMissing"])],
                         [(h["host"], h["verdict"], [f["code"] for f in h["findings"]]) for h in report["hosts"]])
        self.assertIn("takes nothing: pi-4", self.nodeproof("inspect", "--host", self.host("pi-4", "arm64"), reference).stdout)

    def test_only_what_the_hosts_take_is_read(self):
        image = images.index(large("amd64", "read"), large("arm64", "read"))
        reference = self.push("read", image)
        begin = len(self.registry.requests())
        self.inspect("--host", self.host("pi-4", "arm64"), reference)
        statuses = {a: [s for m, path, s in self.registry.requests()[begin:] if path.endswith(image.variant(a).layers[0].digest)]
                    for a in ("amd64", "arm64")}
        self.assertEqual({"amd64": [206], "arm64": [200]}, statuses)

    def test_a_hole_in_what_it_takes_is_not_ready_and_one_elsewhere_does_not_matter_to_it(self):
        image = images.index(large("amd64", "hole"), large("arm64", "hole"))
        reference = self.push("hole", image)
        self.registry.blob(image.variant("arm64").layers[0].digest).unlink()
        hosts = ("--host", self.host("pi-4", "arm64"), "--host", self.host("cloud", "amd64"))
        report = self.inspect(*hosts, reference, code=1)
        self.assertEqual(["ready", "not-ready"], [p["hosts"][0]["verdict"] for p in report["platforms"]])
        self.registry.blob(image.variant("arm64").manifest.digest).unlink()
        report = self.inspect(*hosts, reference, code=1)
        self.assertEqual(["ready", "not-ready"], [p["hosts"][0]["verdict"] for p in report["platforms"]])

    def test_a_deep_look_is_for_the_hosts_too(self):
        reference = self.push("deep", images.index(app("amd64", "amd64", "deep"), app("arm64", "amd64", "deep")))
        report = self.inspect("--deep", "--host", self.host("cloud", "amd64"), reference, code=1)
        self.assertEqual([("cloud", "ready")], [(h["host"], h["verdict"]) for h in report["platforms"][0]["hosts"]])
        report = self.inspect("--deep", "--host", self.host("pi-4", "arm64"), reference, code=1)
        self.assertEqual([("pi-4", "not-ready")], [(h["host"], h["verdict"]) for h in report["platforms"][1]["hosts"]])

    def test_the_hosts_containerd_decides(self):
        reference = self.push("newer", images.index(app("arm64", "arm64", "v8")))
        old, new = (self.host(name, "arm64", version, variant="v9") for name, version in (("old", "1.7.24"), ("new", "2.1.4")))
        report = self.inspect("--host", old, "--host", new, reference, code=1)
        self.assertEqual(["new"], [host["host"] for host in report["platforms"][0]["hosts"]])
        self.assertEqual(["old"], [host["host"] for host in report["hosts"]])

    def test_a_tag_that_cannot_be_had_is_not_known_for_the_host(self):
        report = self.inspect("--host", self.host("pi-4", "arm64"), "127.0.0.1:9/none:1", code=2)
        self.assertEqual([("pi-4", "unknown")], [(h["host"], h["verdict"]) for h in report["hosts"]])

    def test_a_host_that_is_known_by_name_needs_no_file(self):
        good = self.push("known", images.index(app("amd64", "amd64", "known"), app("arm64", "arm64", "known")))
        report = self.inspect("--host", "pi5", "--host", "amd64-v3", good)
        told = {p["platform"]: [(h["host"], h["verdict"]) for h in p["hosts"]] for p in report["platforms"]}
        self.assertEqual({"linux/amd64": [("amd64-v3", "ready")], "linux/arm64": [("pi5", "ready")]}, told)
        wrong = self.push("known-wrong", images.index(app("amd64", "amd64", "wrong"), app("arm64", "amd64", "wrong")))
        report = self.inspect("--host", "pi5", wrong, code=1)
        self.assertEqual([("pi5", "not-ready")], [(h["host"], h["verdict"]) for h in report["platforms"][1]["hosts"]])
        self.assertIn("ArchMismatch", [f["code"] for f in report["platforms"][1]["hosts"][0]["findings"]])
        resolved = self.nodeproof("resolve", "--host", "pi5", "-o", "json", good)
        self.assertEqual(0, resolved.code, resolved.stderr)
        self.assertIn("linux/arm64", resolved.stdout)

    def test_a_profile_is_a_file_to_start_from_and_a_path_is_never_a_profile(self):
        reference = self.push("start", images.index(app("arm64", "arm64", "start")))
        facts = self.nodeproof("host", "--profile", "pi5", "-o", "json").report
        self.assertEqual((16384, "linux", "arm64", None), (facts["pageSize"], facts["os"], facts["architecture"], facts["aarch32"]))
        self.assertIn("bcm2712_defconfig", facts["origins"]["pageSize"])
        mine = self.nodeproof.folder / "mine.json"
        mine.write_text(json.dumps(facts | {"name": "mine", "pageSize": 4096}), encoding="utf-8")
        report = self.inspect("--host", mine, reference)
        self.assertEqual(["mine"], [h["host"] for h in report["platforms"][0]["hosts"]])
        self.assertIn("pi5", self.nodeproof("host", "--profiles").stdout)
        for name in ("./pi5", "pi5.json", "pi6"):
            done = self.nodeproof("inspect", "--host", name, reference)
            self.assertEqual(64, done.code, done.stdout)
            self.assertIn("zero2w", done.stderr)
        self.assertEqual(64, self.nodeproof("host", "--profile", "pi6").code)

    def test_usage_errors_name_the_file(self):
        bad = self.nodeproof.folder / "bad.json"
        bad.write_text("{}", encoding="utf-8")
        for arguments in (("--host", "/no/such/facts"), ("--host", bad), ("--host", self.host("a", "arm64"), "--platform", "linux/arm64")):
            done = self.nodeproof("inspect", *arguments, "127.0.0.1:9/none:1")
            self.assertEqual(64, done.code)
            self.assertIn(str(arguments[1]) if arguments[1] != self.host("a", "arm64") else "--platform", done.stderr)


class Watch(InspectTest):
    """images.txt, and a folder of backups."""

    def watch(self, *references: str, code: int = 0) -> list[dict]:
        listed = self.nodeproof.folder / "images.txt"
        listed.write_text("\n".join(references) + "\n", encoding="utf-8")
        self.folder = self.nodeproof.folder / "backups"
        return self.inspect("-f", listed, "--backup-dir", self.folder, code=code)["items"]

    def test_each_whole_tag_is_kept_and_what_has_not_changed_is_not_written_again(self):
        one = self.push("shop/one", images.index(app("amd64", "amd64", "1"), app("arm64", "arm64", "1")))
        two = self.push("two", images.single(app("arm64", "arm64", "2")))
        items = self.watch(one, two)
        self.assertEqual(["written", "written"], [item["backup"]["state"] for item in items])
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(sorted(r.replace("/", "+").replace(":", "=") + ".json" for r in (one, two)), names)
        before = [path.stat().st_ino for path in sorted(self.folder.iterdir())]
        self.assertEqual(["unchanged", "unchanged"], [item["backup"]["state"] for item in self.watch(one, two)])
        self.assertEqual(before, [path.stat().st_ino for path in sorted(self.folder.iterdir())])
        self.client.push("two", TAG, images.single(app("arm64", "arm64", "2, new")))
        self.assertEqual(["unchanged", "written"], [item["backup"]["state"] for item in self.watch(one, two)])

    def test_a_damaged_tag_leaves_its_last_good_backup_and_is_told_how_to_be_restored(self):
        good = images.index(app("amd64", "amd64", "old"), app("arm64", "arm64", "old"))
        reference = self.push("story", good)
        self.watch(reference)
        file = next(self.folder.iterdir())
        kept = file.read_bytes()
        bad = images.index(app("amd64", "amd64", "new"), app("arm64", "arm64", "new"))
        self.push("story", bad)
        self.registry.blob(bad.variant("arm64").layers[0].digest).unlink()
        items = self.watch(reference, code=1)
        command = f"nodeproof index restore --tag {reference} -f {file}"
        self.assertEqual({"file": str(file), "state": "last-good", "remedy": command}, items[0]["backup"])
        self.assertEqual(kept, file.read_bytes())
        table = self.nodeproof("inspect", "--backup-dir", self.folder, reference).stdout
        command = next(line.partition("remedy: nodeproof ")[2] for line in table.splitlines() if "index restore" in line)
        done = self.nodeproof(*command.split())
        self.assertEqual(0, done.code, done.stdout + done.stderr)
        with Skopeo() as skopeo:
            self.assertEqual(good.top.data, skopeo.raw(reference))
            skopeo.copy_all(reference)

    def test_a_look_at_one_platform_keeps_no_backup(self):
        reference = self.push("partial", images.index(app("amd64", "amd64", "p"), app("arm64", "arm64", "p")))
        self.watch(reference)
        file = next(self.folder.iterdir())
        kept = file.read_bytes()
        bad = images.index(app("amd64", "amd64", "p"), app("arm64", "arm64", "p, gone"))
        self.push("partial", bad)
        self.registry.blob(bad.variant("arm64").layers[0].digest).unlink()
        done = self.nodeproof("inspect", "--platform", "linux/amd64", "--backup-dir", self.folder, reference)
        self.assertEqual((64, ""), (done.code, done.stdout))
        self.assertIn("--backup-dir", done.stderr)
        self.assertEqual(kept, file.read_bytes())

    def test_a_restore_that_could_not_help_is_not_suggested(self):
        image = images.index(app("amd64", "amd64", "same"), app("arm64", "arm64", "same"))
        reference = self.push("same", image)
        self.watch(reference)
        file = next(self.folder.iterdir())
        self.registry.blob(image.variant("arm64").layers[0].digest).unlink()
        self.assertEqual({"file": str(file), "state": "last-good"}, self.watch(reference, code=1)[0]["backup"])
        table = self.nodeproof("inspect", "--backup-dir", self.folder, reference).stdout
        self.assertIn(f"{file}, which cannot bring back", table)
        self.assertNotIn("nodeproof index restore", table)

    def test_an_index_that_has_rotten_is_restored_as_the_report_says(self):
        image = images.index(app("amd64", "amd64", "rotten"), app("arm64", "arm64", "rotten"))
        reference = self.push("rotten", image)
        self.watch(reference)
        path = self.registry.blob(image.top.digest)
        path.write_bytes(path.read_bytes().replace(b'"v8"', b'"v9"'))
        command = self.watch(reference, code=1)[0]["backup"]["remedy"]
        done = self.nodeproof(*command.split()[1:])
        self.assertEqual(0, done.code, done.stdout + done.stderr)
        self.inspect(reference)

    def test_what_is_not_known_is_not_kept(self):
        items = self.watch("127.0.0.1:9/none:1", code=2)
        self.assertNotIn("backup", items[0] if isinstance(items, list) else items)

    def test_a_folder_that_cannot_be_written_is_said_before_the_work(self):
        reference = self.push("nowhere", images.index(app("amd64", "amd64", "n"), app("arm64", "arm64", "n")))
        done = self.nodeproof("inspect", "-o", "json", "--backup-dir", "/proc/nowhere", reference)
        self.assertEqual((64, ""), (done.code, done.stdout))
        self.assertIn("--backup-dir /proc/nowhere: ", done.stderr)

    def test_a_backup_that_cannot_be_written_is_said_and_the_report_is_given(self):
        reference = self.push("taken", images.index(app("amd64", "amd64", "t"), app("arm64", "arm64", "t")))
        folder = self.nodeproof.folder / "taken"
        (folder / (reference.replace("/", "+").replace(":", "=") + ".json")).mkdir(parents=True)
        done = self.nodeproof("inspect", "-o", "json", "--backup-dir", folder, reference)
        self.assertEqual((70, "whole"), (done.code, done.report["verdict"]), done.stderr)
        self.assertIn("a backup of " + reference, done.stderr)


class FailingTag(InspectTest):
    def test_an_empty_tag_link_is_not_known_and_its_likely_cause_is_named(self):
        image = images.index(app("amd64", "amd64", "l"), app("arm64", "arm64", "l"))
        reference = self.push("link", image)
        self.registry.tag_link("link", TAG).write_bytes(b"")
        report = self.inspect(reference, code=2)
        self.assertEqual("unknown", report["verdict"])
        finding = report["findings"][0]
        self.assertEqual(("RegistryError", "unknown"), (finding["code"], finding["severity"]))
        self.assertIn("fails on this tag alone", finding["message"])
        self.assertIn(f"_manifests/tags/{TAG}/current/link", finding["remedy"])
        # As it says: a push mends it.
        self.push("link", image)
        self.inspect(reference)


if __name__ == "__main__":
    testing.main()

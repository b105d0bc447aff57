"""`nodeproof inspect` against a real docker-registry that is driven into each kind of damage."""

import hashlib
import json
import os
import signal
import xml.etree.ElementTree as xml
from pathlib import Path

from rig import catalogue, images, layers, packages, processes, programs, testing
from rig.faulty import FaultyRegistry
from rig.program import Nodeproof
from rig.registry import PASSWORD, USER, Registry
from rig.tiny import TinyRegistry

HOST = packages.host_architecture()
TAG = "1"


def noise(seed: str, size: int) -> bytes:
    """Bytes that do not compress."""
    return b"".join(hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(size // 32 + 1))[:size]


def layer(seed: str, size: int) -> layers.Layer:
    return layers.from_files(layers.File("data/" + seed, noise(seed, size), mode=0o644))


def image(seed: str, **more) -> images.Image:
    """Both platforms have a program, share a large layer, and have a large and a small one of their own."""
    def variant(architecture: str) -> images.Variant:
        program = layers.from_files(layers.File("app", programs.good(architecture)))
        parts = [program, layer(seed + " shared", 150_000), layer(f"{seed} {architecture}", 150_000),
                 layer(f"{seed} {architecture} small", 500)]
        return images.variant(architecture, parts, {"Entrypoint": ["/app"]}, **more.get(architecture, {}))
    return images.index(variant("amd64"), variant("arm64"))


def rotten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


class InspectTest(testing.RigTest):
    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    def inspect(self, *arguments, **more):
        return self.nodeproof("inspect", "-o", "json", *arguments, **more)

    def verdicts(self, done) -> dict:
        return {p["platform"]: p["verdict"] for p in done.report["platforms"]}

    def assert_report(self, done, verdict: str, amd64: str, arm64: str) -> None:
        found = (done.report["verdict"], self.verdicts(done), done.code)
        code = {"whole": 0, "damaged": 1, "unknown": 2}[verdict]
        self.assertEqual((verdict, {"linux/amd64": amd64, "linux/arm64": arm64}, code), found, done.stdout)

    def findings(self, done) -> list[dict]:
        return done.report["findings"] + [f for p in done.report["platforms"] for f in p["findings"]]


class Damaged(InspectTest):
    """Each test pushes an image of its own and damages it."""

    cache = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, cache=cls.cache)

    def push(self, **more) -> images.Image:
        self.name = self.id().rsplit(".", 1)[1]
        pushed = image(f"{type(self).__name__} {self.name}", **more)
        images.Client(self.registry.url).push(self.name, TAG, pushed)
        self.reference = f"{self.registry.name}/{self.name}:{TAG}"
        return pushed

    def blob(self, digest: str) -> Path:
        return self.registry.blob(digest)


class WithoutCache(Damaged):
    def test_a_good_tag_is_whole_and_each_layer_is_asked_for_once(self):
        pushed = self.push()
        done = self.inspect(self.reference)
        self.assert_report(done, "whole", "whole", "whole")
        self.assertEqual([], self.findings(done))
        report = done.report
        self.assertEqual(("nodeproof.dev/v1", "IndexReport", self.reference, pushed.top.digest),
                         (report["apiVersion"], report["kind"], report["reference"], report["indexDigest"]))
        self.assertEqual([v.manifest.digest for v in pushed.variants], [p["digest"] for p in report["platforms"]])
        shared = pushed.variants[0].layers[1].digest
        asked = [(m, s) for m, path, s in self.registry.requests() if path.endswith(shared) and m == "GET"]
        self.assertEqual([("GET", 206)], asked)

    def test_deep_reads_everything_and_finds_nothing_in_a_good_tag(self):
        self.push()
        done = self.inspect("--deep", self.reference)
        self.assert_report(done, "whole", "whole", "whole")
        self.assertEqual([], [f for f in self.findings(done) if f["severity"] != "info"])

    def test_a_layer_that_is_gone(self):
        digest = self.push().variant("arm64").layers[2].digest
        self.blob(digest).unlink()
        done = self.inspect(self.reference)
        self.assert_report(done, "damaged", "whole", "missing")
        self.assertIn("layer 3 of 4 " + digest, self.findings(done)[0]["message"])

    def test_a_layer_that_both_platforms_share(self):
        self.blob(self.push().variants[0].layers[1].digest).unlink()
        self.assert_report(self.inspect(self.reference), "damaged", "missing", "missing")

    def test_a_config_that_is_gone(self):
        self.blob(self.push().variant("amd64").config.digest).unlink()
        self.assert_report(self.inspect(self.reference), "damaged", "missing", "whole")

    def test_layers_that_are_cut_off(self):
        for number, size in ((2, 1000), (2, 0), (3, 100), (3, 0)):
            with self.subTest(layer=number, size=size):
                pushed = self.push()
                path = self.blob(pushed.variant("arm64").layers[number].digest)
                whole = path.read_bytes()
                path.write_bytes(whole[:size])
                for depth in ((), ("--deep",)):
                    self.assert_report(self.inspect(*depth, self.reference), "damaged", "whole", "truncated")
                path.write_bytes(whole)

    def test_a_small_layer_and_a_config_with_a_flipped_bit(self):
        variant = self.push().variant("amd64")
        for digest in (variant.layers[3].digest, variant.config.digest):
            rotten(self.blob(digest))
            self.assert_report(self.inspect(self.reference), "damaged", "corrupt", "whole")
            rotten(self.blob(digest))

    def test_a_large_layer_with_a_flipped_bit_is_for_deep_to_see(self):
        rotten(self.blob(self.push().variant("amd64").layers[2].digest))
        self.assert_report(self.inspect(self.reference), "whole", "whole", "whole")
        self.assert_report(self.inspect("--deep", self.reference), "damaged", "corrupt", "whole")

    def test_a_manifest_of_0_bytes_and_one_that_is_cut_off(self):
        path = self.blob(self.push().variant("arm64").manifest.digest)
        whole = path.read_bytes()
        for size in (0, 100):
            path.write_bytes(whole[:size])
            done = self.inspect(self.reference)
            self.assert_report(done, "damaged", "whole", "corrupt")
            self.assertIn("500", self.findings(done)[0]["evidence"])

    def test_a_manifest_with_a_flipped_bit_that_is_still_json(self):
        path = self.blob(self.push().variant("arm64").manifest.digest)
        path.write_bytes(path.read_bytes().replace(b'"schemaVersion":2', b'"schemaVersion": 2'))
        self.assert_report(self.inspect(self.reference), "damaged", "whole", "corrupt")

    def test_an_index_of_0_bytes(self):
        self.blob(self.push().top.digest).write_bytes(b"")
        done = self.inspect(self.reference)
        self.assertEqual((1, "damaged", []), (done.code, done.report["verdict"], done.report["platforms"]))
        self.assertIn(self.name, self.findings(done)[0]["message"])

    def test_an_index_that_is_not_what_the_registry_says_of_it(self):
        path = self.blob(self.push().top.digest)
        whole = path.read_bytes()
        for rotten in (whole.replace(b'"schemaVersion":2', b'"schemaVersion":2 '), whole.replace(b'"v8"', b'"v9"')):
            path.write_bytes(rotten)
            done = self.inspect(self.reference)
            self.assertEqual((1, "damaged", []), (done.code, done.report["verdict"], done.report["platforms"]))
            self.assertEqual(["ContentCorrupt"], [f["code"] for f in self.findings(done)])
            self.assertIn("--new-digest", self.findings(done)[0]["remedy"])
            resolved = self.nodeproof("resolve", "--platform", "linux/arm64", self.reference)
            self.assertEqual((1, ""), (resolved.code, resolved.stdout))
            self.assertIn("hash to " + layers.sha256(rotten)[:19], resolved.stderr)

    def test_a_tag_link_of_0_bytes_is_not_known(self):
        self.push()
        self.registry.tag_link(self.name, TAG).write_bytes(b"")
        done = self.inspect(self.reference)
        self.assertEqual((2, "unknown"), (done.code, done.report["verdict"]), done.stdout)

    def test_a_tag_that_is_not_there(self):
        done = self.inspect(f"{self.registry.name}/nobody:1")
        self.assertEqual((1, "damaged"), (done.code, done.report["verdict"]))
        self.assertEqual("ImageNotFound", done.report["findings"][0]["code"])

    def test_a_config_for_another_platform(self):
        self.push(arm64={"config_architecture": "amd64"})
        done = self.inspect(self.reference)
        self.assert_report(done, "damaged", "whole", "mismatch")
        self.assertEqual("PlatformMismatch", self.findings(done)[0]["code"])

    def test_several_holes_are_all_named_at_once(self):
        pushed = self.push()
        amd64, arm64 = pushed.variant("amd64"), pushed.variant("arm64")
        self.blob(amd64.config.digest).unlink()
        self.blob(amd64.layers[2].digest).write_bytes(b"short")
        rotten(self.blob(arm64.layers[3].digest))
        self.blob(arm64.layers[2].digest).unlink()
        done = self.inspect(self.reference)
        self.assert_report(done, "damaged", "missing", "missing")
        messages = " ".join(f["message"] for f in self.findings(done))
        for digest in (amd64.config.digest, amd64.layers[2].digest, arm64.layers[3].digest, arm64.layers[2].digest):
            self.assertIn(digest, messages)
        self.assertEqual(4, len(self.findings(done)))

    def test_one_platform_alone(self):
        self.blob(self.push().variant("amd64").layers[2].digest).unlink()
        done = self.inspect("--platform", "linux/arm64", self.reference)
        self.assertEqual((0, {"linux/arm64": "whole"}), (done.code, self.verdicts(done)))
        self.assertEqual(1, self.inspect("--platform", "linux/riscv64", self.reference).code)
        self.assertEqual(1, self.inspect("--all-platforms", self.reference).code)
        metrics = self.nodeproof.folder / "metrics"
        table = self.nodeproof("inspect", "--platform", "linux/arm64", "--metrics", metrics, self.reference)
        self.assertIn("of it only: linux/arm64", table.stdout.splitlines()[0])
        self.assertNotIn("nodeproof_index_verdict{", metrics.read_text())
        self.assertIn('platform="linux/arm64"', metrics.read_text())

    def test_a_platform_that_there_is_not_is_a_typo_and_no_damage(self):
        self.push()
        for command in ("inspect", "resolve"):
            for platform in ("bogus", "linux/amr64"):
                done = self.nodeproof(command, "--platform", platform, self.reference)
                self.assertEqual((64, ""), (done.code, done.stdout))
                self.assertIn(platform, done.stderr)

    def test_deep_takes_the_census_of_the_programs(self):
        wrong = layers.from_files(layers.File("app", programs.good("amd64")))
        pushed = images.index(*(images.variant(a, [wrong], {"Entrypoint": ["/app"]}) for a in ("amd64", "arm64")))
        images.Client(self.registry.url).push("census", TAG, pushed)
        reference = f"{self.registry.name}/census:{TAG}"
        self.assert_report(self.inspect(reference), "whole", "whole", "whole")
        done = self.inspect("--deep", reference)
        self.assert_report(done, "damaged", "whole", "mismatch")
        self.assertIn("ArchMismatch", [f["code"] for f in self.findings(done)])


class Collected(Damaged):
    """A registry of its own: the collector stops at the damage of others."""

    def test_garbage_collection_eats_the_children_of_an_index(self):
        pushed = self.push()
        self.registry.collect_garbage()
        done = self.inspect(self.reference)
        self.assert_report(done, "damaged", "missing", "missing")
        for variant, finding in zip(pushed.variants, self.findings(done), strict=True):
            self.assertEqual(("IndexDamaged", "fail"), (finding["code"], finding["severity"]))
            for part in (self.reference, variant.manifest.digest, "linux/" + variant.platform["architecture"]):
                self.assertIn(part, finding["message"])
            self.assertTrue(finding["remedy"])


class WithCache(Damaged):
    """The packaged configuration: what a HEAD answers outlives the blob."""

    cache = True

    def test_a_blob_that_is_gone_is_announced_until_the_restart(self):
        for number in (2, 3):
            with self.subTest(layer=number):
                pushed = self.push()
                self.assert_report(self.inspect(self.reference), "whole", "whole", "whole")
                path = self.blob(pushed.variant("arm64").layers[number].digest)
                whole = path.read_bytes()
                path.unlink()
                done = self.inspect(self.reference)
                self.assert_report(done, "damaged", "whole", "stale-cache")
                self.assertIn("restart the registry", self.findings(done)[0]["remedy"])
                self.registry.restart()
                self.assert_report(self.inspect(self.reference), "damaged", "whole", "missing")
                path.write_bytes(whole)

    def test_a_blob_that_is_cut_off_is_announced_until_the_restart(self):
        pushed = self.push()
        self.assert_report(self.inspect(self.reference), "whole", "whole", "whole")
        path = self.blob(pushed.variant("amd64").layers[2].digest)
        path.write_bytes(path.read_bytes()[:1000])
        self.assert_report(self.inspect(self.reference), "damaged", "stale-cache", "whole")
        self.registry.restart()
        self.assert_report(self.inspect(self.reference), "damaged", "truncated", "whole")

    def test_deep_agrees_about_a_stale_cache(self):
        pushed = self.push()
        self.assert_report(self.inspect(self.reference), "whole", "whole", "whole")
        self.blob(pushed.variant("arm64").layers[2].digest).unlink()
        self.assert_report(self.inspect("--deep", self.reference), "damaged", "whole", "stale-cache")


class NotKnown(InspectTest):
    def test_a_private_image_without_and_with_credentials(self):
        for auth in ("htpasswd", "token"):
            with self.subTest(auth):
                self.private_image(self.keep(Registry, auth=auth))

    def private_image(self, registry: Registry) -> None:
        images.Client(registry.url, credentials=(USER, PASSWORD)).push("team/app", TAG, image("private"))
        reference = f"{registry.name}/team/app:{TAG}"
        done = self.inspect(reference)
        self.assertEqual((2, "unknown"), (done.code, done.report["verdict"]))
        self.assertEqual("RegistryUnauthorized", done.report["findings"][0]["code"])
        secret = self.nodeproof.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o600)
        config = self.nodeproof.write_config(
            {"registries": {registry.name: {"plain_http": True, "username": USER, "password_file": str(secret)}}})
        done = self.inspect("-c", config, reference)
        self.assert_report(done, "whole", "whole", "whole")
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)

    def test_a_registry_that_does_not_answer(self):
        with TinyRegistry() as registry:
            reference = f"{registry.name}/app:1"
        done = self.inspect(reference)
        self.assertEqual((2, "unknown"), (done.code, done.report["verdict"]))
        self.assertEqual("RegistryUnreachable", done.report["findings"][0]["code"])
        self.assertEqual(1, done.report["findings"][0]["message"].count(reference), "it is named once")


class Lying(InspectTest):
    """A registry that also ignores Range: a layer is then read whole, for its length proves little."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(FaultyRegistry)
        cls.image = image("lying")

    def test_each_lie_has_its_verdict(self):
        for fault, overall, platform, code in (
                ("", "whole", "whole", ""),
                ("wrong-digest", "damaged", "corrupt", "ContentCorrupt"),
                ("wrong-config", "damaged", "corrupt", "ContentCorrupt"),
                ("wrong-layer", "damaged", "corrupt", "ContentCorrupt"),
                ("short-layer", "damaged", "truncated", "ContentCorrupt"),
                ("truncated-layer", "unknown", "unknown", "RegistryError")):
            with self.subTest(fault):
                done = self.inspect(self.registry.serve("fault" + fault, self.image, fault))
                self.assert_report(done, overall, platform, platform)
                self.assertEqual({code} - {""}, {f["code"] for f in self.findings(done)})

    def test_a_tag_that_cannot_be_had_is_not_known(self):
        for fault, code in (("html", "NotARegistry"), ("error", "RegistryError"), ("throttled", "RegistryThrottled"),
                            ("oversized-manifest", "InspectionIncomplete")):
            with self.subTest(fault):
                done = self.inspect(self.registry.serve("fault" + fault, self.image, fault))
                self.assertEqual((2, "unknown", [code]),
                                 (done.code, done.report["verdict"], [f["code"] for f in self.findings(done)]))

    def test_a_stop_is_obeyed_while_a_layer_does_not_come(self):
        reference = self.registry.serve("stalled", self.image, "stalled")
        running = self.nodeproof.start("inspect", "-o", "json", reference)
        wanted = {f"/v2/stalled/blobs/{part.digest}" for variant in self.image.variants for part in variant.layers}
        processes.wait_until(lambda: any(path in wanted for _, path in self.registry.asked), "a layer's request", running)
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=5)
        self.assertEqual((130, "unknown"), (running.returncode, json.loads(out)["verdict"]))


class Renderings(InspectTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        client = images.Client(cls.registry.url)
        cls.broken_image = image("broken")
        for name, pushed in (("good", image("good")), ("broken", cls.broken_image)):
            client.push(name, TAG, pushed)
        cls.lost = cls.broken_image.variant("arm64").layers[2].digest
        cls.registry.blob(cls.lost).unlink()
        old = images.variant("arm64", [layer("drifted", 500)], {"Entrypoint": ["/old"]})
        new = images.variant("amd64", [layer("drifted", 500)], {"Entrypoint": ["/new"]})
        client.push("drifted", TAG, images.index(new, old))
        cls.good, cls.broken, cls.drifted = (f"{cls.registry.name}/{n}:{TAG}" for n in ("good", "broken", "drifted"))

    def test_the_table_has_a_line_for_each_platform_and_what_is_wrong_below(self):
        done = self.nodeproof("inspect", self.broken)
        self.assertEqual(1, done.code, done.stderr)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], rf"^. damaged +{self.broken}  {self.broken_image.top.digest}$")
        self.assertRegex(lines[1], r"^. whole +linux/amd64  sha256:")
        self.assertRegex(lines[2], r"^. missing +linux/arm64  sha256:")
        self.assertIn(self.lost, done.stdout)
        self.assertIn("remedy", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual("", done.stderr)

    def test_several_images_are_a_list_with_the_worst_verdict(self):
        done = self.inspect(self.good, self.broken)
        self.assertEqual((1, "IndexReportList", "damaged"), (done.code, done.report["kind"], done.report["verdict"]))
        self.assertEqual(["whole", "damaged"], [item["verdict"] for item in done.report["items"]])

    def test_a_file_of_images_with_metrics_for_a_watch(self):
        listed = self.nodeproof.folder / "images.txt"
        listed.write_text(f"# the fleet's\n{self.good}  # fine\n\n{self.broken}\n", encoding="utf-8")
        metrics = self.nodeproof.folder / "nodeproof.prom"
        done = self.inspect("-f", listed, "--metrics", metrics)
        self.assertEqual(1, done.code, done.stderr)
        self.assertEqual([self.good, self.broken], [item["reference"] for item in done.report["items"]])
        text = metrics.read_text(encoding="utf-8")
        for line in (f'nodeproof_index_verdict{{image="{self.good}",verdict="whole"}} 1',
                     f'nodeproof_index_verdict{{image="{self.broken}",verdict="whole"}} 0',
                     f'nodeproof_index_verdict{{image="{self.broken}",verdict="damaged"}} 1'):
            self.assertIn(line + "\n", text)
        self.assertEqual([], [f for f in self.nodeproof.folder.iterdir() if f.name.startswith(".nodeproof.prom")])
        listed.write_text(self.good + "\nnot a name\n", encoding="utf-8")
        done = self.inspect("-f", listed)
        self.assertEqual(64, done.code)
        self.assertIn(f"{listed}:2", done.stderr)

    def test_junit_has_a_case_for_each_platform(self):
        done = self.nodeproof("inspect", "-o", "junit", self.good, self.broken)
        self.assertEqual(1, done.code, done.stderr)
        root = xml.fromstring(done.stdout)
        self.assertEqual(("6", "1", "0"), tuple(root.get(k) for k in ("tests", "failures", "errors")))
        failed = [(c.get("classname"), c.get("name")) for c in root.iter("testcase") if c.find("failure") is not None]
        self.assertEqual([(self.broken, "linux/arm64")], failed)
        self.assertIn(self.lost, root.find(".//failure").get("message"))

    def test_what_is_not_known_is_an_error_in_junit(self):
        with TinyRegistry() as registry:
            reference = f"{registry.name}/app:1"
        done = self.nodeproof("inspect", "-o", "junit", reference)
        root = xml.fromstring(done.stdout)
        self.assertEqual((2, "1", "0"), (done.code, root.get("errors"), root.get("failures")))

    def test_sarif_has_the_hole_and_what_is_not_known_is_no_pass(self):
        with TinyRegistry() as registry:
            gone = f"{registry.name}/app:1"
        for reference, code, wanted in ((self.good, 0, []), (self.broken, 1, [("error", "fail", "linux/arm64")]),
                                        (gone, 2, [("warning", "unknown", None)])):
            with self.subTest(reference):
                done = self.nodeproof("inspect", "-o", "sarif", reference)
                (run,) = done.report["runs"]
                found = [(r["level"], r["properties"]["severity"], r["properties"].get("platform")) for r in run["results"]]
                self.assertEqual((code, wanted), (done.code, found))

    def test_platforms_that_have_drifted_apart_are_a_warning(self):
        done = self.inspect(self.drifted)
        self.assertEqual((0, "whole"), (done.code, done.report["verdict"]))
        self.assertEqual([("VariantsDiverge", "warn")],
                         [(f["code"], f["severity"]) for f in done.report["findings"]])
        self.assertIn('"/old" in linux/arm64, "/new" in linux/amd64', done.report["findings"][0]["evidence"])
        self.assertEqual(1, self.inspect("--all-platforms", "--fail-on", "warn", self.drifted).code)
        self.assertEqual(0, self.inspect("--all-platforms", "--fail-on", "warn", self.good).code)
        junit = xml.fromstring(self.nodeproof("inspect", "-o", "junit", "--fail-on", "warn", self.drifted).stdout)
        self.assertEqual("1", junit.get("failures"))

    def test_it_needs_neither_a_home_nor_a_configuration_nor_containerd(self):
        done = self.inspect(self.good, env={}, cwd="/")
        self.assertEqual(0, done.code, done.stderr)

    def test_usage_errors(self):
        for arguments in ((), ("Not/A/Name",), ("--platform", "a/b/c/d", self.good), ("--fail-on", "info", self.good),
                          ("--all-platforms", "--platform", "linux/arm64", self.good)):
            with self.subTest(arguments):
                self.assertEqual(64, self.nodeproof("inspect", *arguments).code)
        self.assertEqual(64, self.nodeproof("version", "-o", "junit").code)
        (self.nodeproof.folder / "file").touch()
        for option, value in (("-f", "/no/such/file"), ("--metrics", self.nodeproof.folder / "file/x.prom"),
                              ("--backup-dir", self.nodeproof.folder / "file"), ("--host", "/no/such/file")):
            with self.subTest(option):
                done = self.nodeproof("inspect", option, value, self.good)
                self.assertEqual((64, ""), (done.code, done.stdout), done.stderr)
                self.assertRegex(done.stderr, rf"^nodeproof: {option} {value}: .*\n  \w+ ")

    def test_a_missing_tmpdir_is_made_up_for(self):
        done = self.inspect("--deep", self.good, env={**os.environ, "TMPDIR": "/no/such/folder"})
        self.assertEqual(0, done.code, done.stderr)

    def test_damage_is_damage_though_the_metrics_could_not_be_written(self):
        metrics = self.nodeproof.folder / ("x" * 250)  # too long for the temporary file beside it
        for image, code in ((self.broken, 1), (self.good, 70)):
            done = self.inspect("--metrics", metrics, image)
            self.assertEqual((code, "IndexReport"), (done.code, done.report["kind"]), done.stderr)
            self.assertIn(f"--metrics {metrics}: ", done.stderr)

    def test_what_the_readme_says(self):
        """README.md: "Is a tag whole?"."""
        folder = self.nodeproof.folder
        (folder / "images.txt").write_text(self.good + "\n", encoding="utf-8")
        self.assertEqual(0, self.nodeproof("inspect", self.good).code)
        done = self.nodeproof("inspect", "-f", "images.txt", "--backup-dir", "backups", "--metrics", "images.prom", cwd=folder)
        self.assertEqual(0, done.code, done.stderr)
        self.assertTrue((folder / "images.prom").is_file())
        self.assertEqual(1, len(list((folder / "backups").iterdir())))
        (folder / "here.json").write_text(self.nodeproof("host", "-o", "json").stdout, encoding="utf-8")
        done = self.nodeproof("inspect", "--host", "here.json", self.good, cwd=folder)
        self.assertEqual(0, done.code, done.stdout + done.stderr)

    def test_the_catalogues_good_images_have_no_findings(self):
        cases = [case.name for case in catalogue.CASES if case.verdict == "ready" and not case.warnings]
        references = catalogue.publish(self.registry, HOST, cases)
        done = self.inspect("--deep", *references.values())
        self.assertEqual(0, done.code, json.dumps(done.report, indent=1)[:4000])


if __name__ == "__main__":
    testing.main()

"""Images from layouts on a stick or in an air-gapped site, through a real containerd (NODEPROOF_CONTAINERD: 1.6, 1.7 or
2); no registry answers unless a test starts one."""

import os
import shutil
import tempfile
from pathlib import Path

from rig import images, offline, packages, processes, program, testing
from rig.containerd import Containerd
from rig.offline import DOMAIN, Packer, image
from rig.program import Nodeproof
from rig.registry import Registry

VERSION = os.environ.get("NODEPROOF_CONTAINERD", "1.6")
HOST = packages.host_architecture()
OTHER = packages.other_architecture(HOST)
LARGE = 100_000_000


class Offline(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.containerd = cls.keep(Containerd, VERSION)
        cls.folder = Path(cls._stack.enter_context(tempfile.TemporaryDirectory(prefix="nodeproof-usb-")))

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    @classmethod
    def pack(cls) -> Packer:
        try:
            return Packer(cls.folder)
        except packages.Unavailable as error:
            raise testing.unittest.SkipTest(str(error)) from error

    def config(self, *references: str, **more) -> dict:
        return {"containerd": {"address": str(self.containerd.socket), "namespace": "k8s.io"},
                "images": [offline.requirement(reference) for reference in references]} | more

    def check(self, place, *references: str):
        return self.nodeproof.check(self.config(*references), "--from", self.folder / place)

    def assert_ready(self, done, reference: str, made: images.Image) -> dict:
        found = done.image(reference)
        self.assertEqual("ready", found["verdict"], found["findings"])
        self.assertEqual(made.variant(HOST).manifest.digest, found["manifestDigest"])
        self.assertEqual(["passed"], [test["result"] for test in found["smoke"]])
        records = self.containerd.images()
        self.assertIn(records[reference], (made.top.digest, found["manifestDigest"]))
        return found

    def findings(self, done, reference: str) -> list[dict]:
        return done.image(reference)["findings"]

    def assert_nothing_left(self) -> None:
        self.assertEqual([], self.containerd.ingests())
        self.assertEqual([], self.containerd.leases())
        self.assertEqual([], self.containerd.containers())
        self.assertEqual([], [key for key, kind in self.containerd.snapshots().items() if kind != "Committed"])


class OfEveryTool(Offline):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = {}
        with cls.pack() as packer:
            for number, (place, kind, tag_alone) in enumerate((
                    ("skopeo", "oci", False), ("skopeo-tag", "oci", True),
                    ("skopeo.tar", "oci-archive", False), ("skopeo-tag.tar", "oci-archive", True))):
                name = f"{DOMAIN}/shop/{place.replace('.', '-')}:{number}"
                made = image(place)
                packer.copy(made, f"{kind}:{place}:{number if tag_alone else name}")
                cls.made[place] = (name, made)
            for place, arguments in (("ctr.tar", ["--all-platforms"]), ("ctr-host.tar", [])):
                name = f"{DOMAIN}/shop/{place.replace('.', '-')}:1"
                made = image(place)
                packer.export(made, name, place, *arguments)
                cls.made[place] = (name, made)
            shutil.unpack_archive(cls.folder / "ctr.tar", cls.folder / "ctr-unpacked", "tar")
            cls.made["ctr-unpacked"] = cls.made["ctr.tar"]
            only = images.single(image("umoci").variant(HOST))
            packer.copy(only, "oci:umoci:1")
            packer.umoci("tag", "--image", f"{cls.folder}/umoci:1", "2")
            cls.made["umoci"] = (f"{DOMAIN}/shop/umoci:2", only)

    def test_the_node_comes_up_ready(self):
        for place, (name, made) in self.made.items():
            with self.subTest(place):
                done = self.check(place, name)
                self.assert_ready(done, name, made)
                self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stderr)
                self.assertEqual("current", done.image(name)["freshness"])
        self.assert_nothing_left()

    def test_the_second_time_nothing_is_copied(self):
        name, made = self.made["skopeo.tar"]
        self.assert_ready(self.check("skopeo.tar", name), name, made)
        again = self.check("skopeo.tar", name)
        self.assertEqual(0, self.assert_ready(again, name, made)["pull"]["downloadedBytes"])

    def test_blobs_name_the_images_own_registry(self):
        name, made = self.made["skopeo"]
        self.assert_ready(self.check("skopeo", name), name, made)
        label = f"containerd.io/distribution.source.{DOMAIN}=shop/skopeo"
        for digest in (made.top.digest, made.variant(HOST).layers[1].digest):
            self.assertIn(label, self.containerd.ctr("content", "ls", f"digest=={digest}"))

    def test_an_image_by_digest(self):
        name, made = self.made["skopeo-tag.tar"]
        reference = f"{name.rsplit(':', 1)[0]}@{made.top.digest}"
        self.assertEqual(0, self.check("skopeo-tag.tar", reference).code)

    def test_ad_hoc_gives_back_what_it_brought(self):
        name, _ = self.made["ctr-host.tar"]
        before = self.containerd.images()
        done = self.nodeproof.check(self.config(), "--from", self.folder / "ctr-host.tar", name)
        self.assertEqual((0, before), (done.code, self.containerd.images()), done.stderr)

    def test_inspect_and_resolve_read_the_layout(self):
        name, made = self.made["skopeo.tar"]
        inspected = self.nodeproof("inspect", "-o", "json", "--deep", "--from", self.folder / "skopeo.tar", name)
        self.assertEqual((0, "whole"), (inspected.code, inspected.report["verdict"]), inspected.stdout)
        partial = self.nodeproof("inspect", "-o", "json", "--from", self.folder / "ctr-host.tar",
                                 self.made["ctr-host.tar"][0])
        verdicts = {p["platform"].split("/")[1]: p["verdict"] for p in partial.report["platforms"]}
        self.assertEqual((1, {HOST: "whole", OTHER: "missing"}), (partial.code, verdicts), partial.stdout)
        resolved = self.nodeproof("resolve", "--address", self.containerd.socket, "--from", self.folder / "skopeo.tar",
                                  "-o", "json", name)
        self.assertEqual(0, resolved.code, resolved.stderr)
        self.assertIn(made.variant(HOST).manifest.digest, resolved.stdout)

    def test_an_image_that_is_not_there_is_told_what_is(self):
        name = f"{DOMAIN}/shop/absent:1"
        done = self.check("skopeo.tar", name)
        finding = self.findings(done, name)[0]
        self.assertEqual(("ImageNotFound", 1), (finding["code"], done.code))
        self.assertIn("skopeo.tar", finding["message"])
        self.assertIn(self.made["skopeo.tar"][0], finding["message"])

    def test_a_path_that_is_not_there_is_a_usage_error(self):
        done = self.check("no-such-thing", f"{DOMAIN}/shop/absent:1")
        self.assertEqual(64, done.code)
        self.assertIn("no-such-thing", done.stderr)


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def lead_out(path: Path) -> None:
    outside = path.parents[3] / "outside"
    path.rename(outside)
    path.symlink_to(outside)


def become_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


class Damaged(Offline):
    """A bad and a good image in one layout."""

    DAMAGES = {"missing": Path.unlink, "empty": lambda p: cut(p, 0), "cut off": lambda p: cut(p, 100), "flipped": flip,
               "led out": lead_out, "a pipe": become_fifo}

    def test_each_kind_is_named_and_the_others_pass(self):
        for number, (kind, damage) in enumerate(self.DAMAGES.items()):
            place = f"damaged-{number}"
            bad, good = f"{DOMAIN}/shop/bad:{number}", f"{DOMAIN}/shop/good:{number}"
            made, whole = image(f"bad {kind}"), image(f"good {kind}")
            with self.pack() as packer:
                packer.copy(made, f"oci:{place}:{bad}")
                packer.copy(whole, f"oci:{place}:{good}")
            for part, digest in (("layer", made.variant(HOST).layers[1].digest),
                                 ("config", made.variant(HOST).config.digest),
                                 ("manifest", made.variant(HOST).manifest.digest), ("index", made.top.digest)):
                with self.subTest(kind, part=part):
                    self._damage_one(place, digest, damage, (bad, good, whole))

    def _damage_one(self, place: str, digest: str, damage, names) -> None:
        bad, good, whole = names
        copy = f"{place}-{digest[7:15]}"
        shutil.copytree(self.folder / place, self.folder / copy)
        damage(self.folder / copy / "blobs/sha256" / digest[7:])
        with Nodeproof() as self.nodeproof:
            done = self.check(copy, bad, good)
        self.assert_ready(done, good, whole)
        found = done.image(bad)
        self.assertNotEqual("ready", found["verdict"])
        grave = [f for f in found["findings"] if f["severity"] in ("fail", "unknown")]
        self.assertEqual(1, len(grave), found["findings"])
        self.assertIn(digest[7:], grave[0]["message"])
        self.assertIn(copy, grave[0]["message"])
        self.assertTrue(grave[0]["remedy"])
        self.assertNotIn(bad, self.containerd.images())


class Platforms(Offline):
    def test_a_layout_of_another_architecture_says_so(self):
        name = f"{DOMAIN}/shop/other:1"
        with self.pack() as packer:
            packer.copy(image("other", (OTHER,)), f"oci-archive:other.tar:{name}")
        done = self.check("other.tar", name)
        self.assertEqual((1, ["PlatformMissing"]), (done.code, program.codes(done.image(name), "fail")))


class Killed(Offline):
    def test_a_killed_run_is_gone_on_with(self):
        name = f"{DOMAIN}/shop/large:1"
        made = image("large", (HOST,), [offline.large_layer("large", LARGE)])
        with self.pack() as packer:
            packer.copy(made, f"oci-archive:large.tar:{name}")
        path = self.nodeproof.write_config(self.config(name))
        process = self.nodeproof.start("check", "-c", path, "--from", self.folder / "large.tar")
        digest = made.variant(HOST).layers[2].digest

        def under_way() -> bool:
            return any(digest in ingest for ingest in self.containerd.ingests())

        processes.wait_until(under_way, "the large layer's ingest", process)
        program.kill_group(process)
        self.assertTrue(under_way(), "it ended before it could be killed")
        self.assertNotIn(name, self.containerd.images())
        self.assert_ready(self.nodeproof.check(path, "--from", self.folder / "large.tar"), name, made)
        self.assert_nothing_left()


class Sources(Offline):
    """The configuration's sources, beside a registry that answers or does not."""

    def setUp(self):
        super().setUp()
        self.stick = self.folder / self.id().rsplit(".", 1)[1]
        self.stick.mkdir()

    def put(self, made: images.Image, name: str, place: str = "stick.tar") -> None:
        with self.pack() as packer:
            packer.copy(made, f"oci-archive:{self.stick.name}/{place}:{name}")

    def test_without_the_registry_the_layout_is_the_word_and_then_the_proof(self):
        name = f"127.0.0.1:{processes.free_port()}/shop/silent:1"
        made = image("silent")
        self.put(made, name)
        config = self.config(name, sources=[str(self.stick)])
        for state in ("in", "out"):
            with self.subTest(stick=state):
                done = self.nodeproof.check(config)
                found = self.assert_ready(done, name, made)
                self.assertEqual((0, "unreachable"), (done.code, found["freshness"]))
                self.assertEqual(["RegistryUnreachable"], program.codes(found, "warn"))
            if state == "in":
                shutil.rmtree(self.stick)

    def test_without_the_registry_another_image_on_the_stick_takes_no_proofs_place(self):
        name = f"127.0.0.1:{processes.free_port()}/shop/moved:1"
        made = image("moved one")
        self.put(made, name)
        config = self.config(name, sources=[str(self.stick)])
        config["images"][0]["on_tag_moved"] = "follow"
        self.assert_ready(self.nodeproof.check(config), name, made)
        (self.stick / "stick.tar").unlink()
        newer = image("moved two")
        self.put(newer, name)
        self.assert_ready(self.nodeproof.check(config), name, made)
        # Named on the command line, it is the operator's word.
        self.assert_ready(self.nodeproof.check(config, "--from", self.stick), name, newer)

    def test_the_registry_is_the_word_and_the_stick_brings_the_bytes(self):
        made = image("both")
        with Registry() as registry:
            name = f"{registry.name}/shop/both:1"
            self.put(image("both, but old"), name, "old.tar")
            self.put(made, f"{DOMAIN}/whatever:7")
            images.Client(registry.url).push("shop/both", "1", made)
            done = self.nodeproof.check(self.config(name, sources=[str(self.stick)]))
            self.assertEqual("current", self.assert_ready(done, name, made)["freshness"])
            blobs = [path for method, path, _ in registry.requests() if method == "GET" and "/blobs/" in path]
            self.assertEqual([], blobs)

    def test_the_registry_mends_what_is_damaged_on_the_stick(self):
        large = offline.large_layer("mended", 3_000_000)  # hashed only while it is given
        made = image("mended", more=[large])
        with Registry() as registry:
            name = f"{registry.name}/shop/mended:1"
            with self.pack() as packer:
                packer.copy(made, f"oci:{self.stick.name}/stick:1")
            images.Client(registry.url).push("shop/mended", "1", made)
            blobs = self.stick / "stick/blobs/sha256"
            flip(blobs / made.variant(HOST).layers[1].digest[7:])
            flip(blobs / large.digest[7:])
            cut(blobs / made.variant(HOST).config.digest[7:], 0)
            done = self.nodeproof.check(self.config(name, sources=[str(self.stick)]))
            self.assert_ready(done, name, made)
            self.assertEqual([], program.codes(done.image(name), "warn", "fail", "unknown"))


if __name__ == "__main__":
    testing.main()

"""How a node asks for its tags (resolve_every), on a real registry whose log is counted, and what damaged tags do to it.

Time passes by moving the moments in the run folder's polls.json back."""

import json

from rig import catalogue, images, packages, testing
from rig.containerd import Containerd
from rig.faulty import FaultyRegistry
from rig.program import Nodeproof, codes
from rig.registry import Registry

HOST = packages.host_architecture()
OTHER = packages.other_architecture(HOST)


class Node(testing.RigTest):
    """A node whose image `good` is proven, as its daemon's cycles see it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, "1.6")

    def prove(self, reference: str, **image) -> None:
        self.reference = reference
        self.nodeproof = self.enterContext(Nodeproof())
        config = catalogue.config(self.containerd, {"good": reference})
        config["images"][0] |= image
        self.config = self.nodeproof.write_config(config)
        first = self.cycle()
        self.assertEqual("ready", first["verdict"], first)

    def cycle(self) -> dict:
        """The image's entry after one of the daemon's cycles."""
        done = self.nodeproof("cycle-child", "-c", self.config)
        last = json.loads(done.stdout.splitlines()[-1])
        self.assertIn("report", last, done.stderr)
        return last["report"]["images"][0]

    def later(self) -> dict:
        """One that is due."""
        self.nodeproof.age_polls()
        return self.cycle()

    def written(self) -> dict:
        """What lies in the state directory, and when it was written."""
        return {path: path.stat().st_mtime_ns for path in self.nodeproof.state.rglob("*") if path.is_file()}


class Polling(Node):
    def setUp(self):
        catalogue.publish(self.registry, HOST, ["good"])
        self.prove(f"{self.registry.name}/good:1")
        self.seen = len(self.registry.requests())

    def asked(self) -> list:
        """Since the last call."""
        requests = self.registry.requests()
        self.seen, new = len(requests), requests[self.seen:]
        return new

    def test_nothing_is_asked_while_nothing_is_due(self):
        before = self.written()
        self.assertEqual("current", self.cycle()["freshness"])
        self.assertEqual([], self.asked())
        self.assertEqual(before, self.written())

    def test_an_unchanged_tag_is_one_head_per_period_and_nothing_is_written_to_disk(self):
        before = self.written()
        for _ in range(2):
            image = self.later()
            self.assertEqual(("ready", "current"), (image["verdict"], image["freshness"]))
            self.cycle()
            self.assertEqual([("HEAD", "/v2/good/manifests/1", 200)], self.asked())
        self.assertEqual(before, self.written())

    def test_a_person_who_checks_is_told_what_is_true_now(self):
        self.assertEqual(0, self.nodeproof.check(self.config).code)
        self.assertEqual([("HEAD", "/v2/good/manifests/1", 200)], self.asked())

    def test_a_moved_tag_is_told_until_it_moves_back(self):
        images.Client(self.registry.url).push("good", "1", catalogue.build("good-static", HOST))
        for image in (self.later(), self.cycle()):
            self.assertEqual(("ready", "stale"), (image["verdict"], image["freshness"]))
            self.assertEqual(["TagMoved"], codes(image, "warn"))
        catalogue.publish(self.registry, HOST, ["good"])
        for image in (self.later(), self.cycle()):
            self.assertEqual(("ready", "current", []), (image["verdict"], image["freshness"], codes(image, "warn")))

    def test_a_registry_that_is_down_is_told_and_asked_again(self):
        self.registry.stop()
        try:
            for image in (self.later(), self.cycle()):
                self.assertEqual(("ready", "unreachable"), (image["verdict"], image["freshness"]))
        finally:
            self.registry.start()
        self.assertEqual("current", self.cycle()["freshness"])

    def test_a_digest_is_never_asked_for_again(self):
        digest = catalogue.build("good", HOST).top.digest
        self.prove(f"{self.registry.name}/good@{digest}")
        self.asked()
        self.assertEqual("ready", self.cycle()["verdict"])
        self.assertEqual(0, self.nodeproof.check(self.config).code)
        self.assertEqual([], self.asked())


class OddRegistries(Node):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.odd = cls.keep(FaultyRegistry)

    def serve(self, name: str) -> list:
        """Proven; what is asked from now on."""
        self.prove(self.odd.serve(name, catalogue.build("good", HOST)))
        self.odd.asked.clear()
        return self.odd.asked

    def test_one_that_refuses_head_or_says_no_digest_is_asked_for_the_document(self):
        for fault in ("no-head", "no-digest"):
            with self.subTest(fault):
                asked = self.serve(fault)
                self.odd.faults[fault] = fault
                self.assertEqual("current", self.later()["freshness"])
                path = f"/v2/{fault}/manifests/1"
                self.assertEqual([("HEAD", path), ("GET", path)], asked)

    def test_polling_pauses_below_a_fifth_of_the_rate_limit(self):
        asked = self.serve("limited")
        self.odd.faults["limited"] = "limited:19"
        self.assertEqual({"limit": 100, "remaining": 19, "windowSeconds": 21600}, self.later()["rateLimit"])
        self.assertEqual(1, len(asked))
        self.nodeproof.age_polls(limits=False)
        paused = self.cycle()
        self.assertEqual(1, len(asked))
        self.assertEqual(("ready", "current"), (paused["verdict"], paused["freshness"]))
        self.assertEqual(["PollingPaused"], codes(paused, "info"))
        table = self.nodeproof("check", "-c", self.config).stdout
        self.assertIn("19 of 100 requests left in 6h", table)
        resolved = self.nodeproof("resolve", "-c", self.config, self.reference)
        self.assertIn("19 of 100 requests left", resolved.stdout)
        self.assertEqual(19, self.nodeproof("resolve", "-o", "json", self.reference).report["rateLimit"]["remaining"])


class DamagedTags(Node):
    """The seed story: a push for one architecture replaces the index."""

    def setUp(self):
        self.registry = self.enterContext(Registry())  # each test damages it in its own way
        self.image = catalogue.build("good", HOST)
        self.name = self.id().rsplit(".", 1)[1].replace("_", "-")[:40].rstrip("-")
        self.client = images.Client(self.registry.url)
        self.client.push(self.name, "1", self.image)
        self.prove(f"{self.registry.name}/{self.name}:1")

    def lose_this_platform(self) -> None:
        self.client.push(self.name, "1", images.index(self.image.variant(OTHER)))

    def warning(self, image: dict) -> dict:
        self.assertEqual("ready", image["verdict"], image["findings"])
        return next(f for f in image["findings"] if f["severity"] == "warn")

    def test_a_lost_platform_leaves_the_node_ready_and_says_that_its_variant_still_pulls(self):
        self.lose_this_platform()
        warning = self.warning(self.later())
        self.assertEqual("PlatformMissing", warning["code"])
        self.assertIn(self.image.variant(HOST).manifest.digest, warning["message"])
        self.assertIn("can still be pulled by its digest", warning["message"])
        self.assertIn(f"nodeproof index restore --tag {self.reference}", warning["remedy"])
        asked = len(self.registry.requests())
        self.assertEqual(warning, self.warning(self.cycle()))
        self.assertEqual(asked, len(self.registry.requests()))

    def test_a_variant_that_is_gone_from_the_registry_is_named(self):
        self.lose_this_platform()
        self.registry.blob(self.image.variant(HOST).layers[0].digest).unlink()
        self.assertIn("can no longer be pulled by its digest: blob", self.warning(self.later())["message"])

    def test_an_unreadable_index_leaves_the_node_ready(self):
        self.registry.blob(self.image.top.digest).write_bytes(b"")
        self.assertEqual("IndexDamaged", self.warning(self.later())["code"])

    def test_a_tag_that_is_gone_leaves_the_node_ready(self):
        self.registry.tag_link(self.name, "1").unlink()
        self.assertEqual("ImageNotFound", self.warning(self.later())["code"])

    def test_what_containerd_lost_is_pulled_again_by_its_digest(self):
        self.lose_this_platform()
        for name in self.containerd.images():
            self.containerd.ctr("images", "rm", "--sync", name)
        digest = self.image.variant(HOST).manifest.digest
        self.assertNotIn(digest, self.containerd.content())
        image = self.cycle()
        self.assertIn("was pulled again by its digest", self.warning(image)["message"])
        self.assertEqual(digest, image["manifestDigest"])
        self.assertEqual("passed", image["smoke"][0]["result"])
        self.assertEqual(self.image.top.digest, self.containerd.images()[self.reference])

    def test_a_node_that_never_proved_it_is_not_ready(self):
        self.lose_this_platform()
        fresh = self.enterContext(Nodeproof())
        done = fresh.check(self.config)
        self.assertEqual((1, "PlatformMissing"), (done.code, done.report["reason"]))


if __name__ == "__main__":
    testing.main()

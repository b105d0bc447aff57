"""nodeproof index restore --ledger against a real registry."""

import hashlib
import json

from index_test import IndexTest, both, variant
from rig import images, testing


class FromTheLedger(IndexTest):
    """What a node has proven last, without any backup."""

    def record(self, name: str, image: images.Image, documents: bool) -> None:
        """As the node's cycle writes it when it has proven the image's amd64."""
        manifest = image.variant("amd64").manifest
        ledger = self.nodeproof.state / "ledger"
        ledger.mkdir(parents=True, exist_ok=True)
        stem = ledger / hashlib.sha256(name.encode()).hexdigest()

        def described(document) -> dict:
            return {"media_type": document.media_type, "digest": document.digest, "size": len(document.data)}
        record = {"version": 1, "name": name, "manifest": described(manifest), "proof_key": "", "time": "2026-01-01T00:00:00Z",
                  "smoke": [], "findings": []}
        if image.top is not manifest:
            record["index"] = described(image.top)
        stem.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
        if documents:
            stem.with_suffix(".index").write_bytes(image.top.data)

    def wipe(self, name: str, documents: bool) -> tuple[images.Image, tuple]:
        """A push of amd64 alone has replaced what was proven."""
        image = both(name)
        self.client.push(name, "1", image)
        self.record(self.name(f"{name}:1"), image, documents)
        self.client.push(name, "1", images.single(variant("amd64", name + ", new")))
        return image, ("restore", "--tag", self.name(f"{name}:1"), "--ledger")

    def test_the_index_is_still_at_the_registry(self):
        image, command = self.wipe("ledger", documents=False)
        self.assertEqual("done", self.index(*command)["outcome"])
        self.assertEqual(image.top.data, self.skopeo.raw(self.name("ledger:1")))
        self.assertEqual("unchanged", self.index(*command, self.nodeproof.state / "ledger")["outcome"])

    def test_the_index_is_kept_by_the_node_alone(self):
        image, command = self.wipe("node", documents=True)
        self.client.delete("node", image.top.digest)
        self.assertEqual("done", self.index(*command)["outcome"])
        self.assertEqual(image.top.data, self.skopeo.raw(self.name("node:1")))
        self.skopeo.copy_all(self.name("node:1"))

    def test_the_index_is_nowhere(self):
        image, command = self.wipe("nowhere", documents=False)
        self.client.delete("nowhere", image.top.digest)
        done = self.index(*command, code=1)
        self.assertIn("another node's ledger", done["stderr"])
        self.assertIn(image.top.digest[:19], done["stderr"])

    def test_a_single_manifest(self):
        one = images.single(variant("amd64", "lone"))
        self.client.push("lone", "1", one)
        self.record(self.name("lone:1"), one, documents=False)
        self.client.push("lone", "1", images.single(variant("amd64", "lone, new")))
        self.assertEqual("done", self.index("restore", "--tag", self.name("lone:1"), "--ledger")["outcome"])
        self.assertEqual(one.top.data, self.skopeo.raw(self.name("lone:1")))

    def test_a_tag_that_was_never_proven_here(self):
        done = self.index("restore", "--tag", self.name("never:1"), "--ledger", code=64)
        self.assertIn("no record of " + self.name("never:1"), done["stderr"])
        for arguments in ((), ("--ledger", "-f", "x")):
            self.index("restore", "--tag", self.name("never:1"), *arguments, code=64)

    def test_a_ledger_that_is_not_there_or_may_not_be_read(self):
        command = ("restore", "--tag", self.name("unread:1"), "--ledger")
        self.assertIn("no such folder", self.index(*command, self.nodeproof.folder / "none", code=64)["stderr"])
        ledger = self.nodeproof.folder / "ledger"
        ledger.mkdir()
        ledger.chmod(0o700)
        self.nodeproof.folder.chmod(0o755)
        done = self.nodeproof("index", *command, ledger, user="nobody")
        self.assertEqual(69, done.code, done.stderr)
        self.assertIn("Permission denied", done.stderr)


if __name__ == "__main__":
    testing.main()

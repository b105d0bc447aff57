"""`nodeproof inspect --from`: image layouts instead of a registry."""

import gzip

from inspect_test import InspectTest, image, rotten
from rig import images, offline, packages, testing


class FromLayouts(InspectTest):
    """Nobody is asked but a stick: what is wrong is wrong with it, and mended by copying there again."""

    def setUp(self):
        super().setUp()
        self.stick = self.nodeproof.folder / "stick"
        self.stick.mkdir()

    def pack(self, *destinations: str) -> images.Image:
        made = image("stick")
        try:
            with offline.Packer(self.stick) as packer:
                for destination in destinations:
                    packer.copy(made, destination)
        except packages.Unavailable as error:
            self.skipTest(str(error))
        return made

    def look(self, place, *arguments):
        return self.inspect("--from", place, *arguments, f"{offline.DOMAIN}/app:1")

    def test_damage_is_the_layouts_and_no_registry_is_spoken_of(self):
        made = self.pack(f"oci:layout:{offline.DOMAIN}/app:1", f"oci-archive:whole.tar:{offline.DOMAIN}/app:1")
        layout, tar = self.stick / "layout", self.stick / "whole.tar"
        self.assert_report(self.look(layout), "whole", "whole", "whole")
        (layout / "blobs/sha256" / made.variant("amd64").layers[2].digest[7:]).unlink()
        rotten(layout / "blobs/sha256" / made.variant("arm64").layers[3].digest[7:])
        damaged = self.look(layout)
        self.assert_report(damaged, "damaged", "missing", "corrupt")
        tar.write_bytes(tar.read_bytes()[:100_000])
        cut_off = self.look(tar)
        self.assertEqual((1, "damaged", ["ContentCorrupt"]),
                         (cut_off.code, cut_off.report["verdict"], [f["code"] for f in self.findings(cut_off)]))
        absent = self.inspect("--from", layout, f"{offline.DOMAIN}/other:2")
        self.assertEqual((1, ["ImageNotFound"]), (absent.code, [f["code"] for f in self.findings(absent)]))
        self.assertIn("skopeo copy", self.findings(absent)[0]["remedy"])
        for finding in self.findings(damaged) + self.findings(cut_off) + self.findings(absent):
            self.assertNotIn("registry", finding["message"].replace(offline.DOMAIN, ""))
            self.assertNotIn("push", finding["remedy"])
            self.assertIn("copy", finding["remedy"])
        resolved = self.nodeproof("resolve", "--platform", "linux/arm64", "--from", tar, f"{offline.DOMAIN}/app:1")
        self.assertEqual(1, resolved.code, resolved.stderr)

    def test_what_is_no_layout_is_a_usage_error_and_what_may_not_be_read_a_permission_that_is_missing(self):
        text, packed, denied = self.stick / "env", self.stick / "app.tar.gz", self.stick / "denied"
        text.write_text("a=b\n")
        packed.write_bytes(gzip.compress(b"tar"))
        (self.stick / "empty").mkdir()
        denied.mkdir()
        denied.chmod(0)
        self.nodeproof.folder.chmod(0o755)
        name = f"{offline.DOMAIN}/app:1"
        for command in ("inspect", "resolve"):
            for place in (text, packed, self.stick / "empty", self.stick / "nowhere"):
                done = self.nodeproof(command, "--from", place, name)
                self.assertEqual((64, ""), (done.code, done.stdout), done.stderr)
                self.assertIn(str(place), done.stderr)
            done = self.nodeproof(command, "--from", denied, name, user="nobody")
            self.assertEqual((69, ""), (done.code, done.stdout), done.stderr)
            self.assertIn("denied", done.stderr)


if __name__ == "__main__":
    testing.main()

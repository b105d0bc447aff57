"""README.md, "In a pipeline": its scripts are run as they stand there."""

import os
import re
import subprocess
import textwrap
import xml.etree.ElementTree as xml

from rig import images, layers, packages, programs, testing
from rig.program import Nodeproof
from rig.registry import Registry

README = (packages.REPOSITORY / "README.md").read_text(encoding="utf-8")

def section(title: str) -> str:
    return README.split(f"\n### {title}\n")[1].split("\n#")[0]


class Pipeline(testing.RigTest):
    """Without containerd, on a whole and on a damaged tag."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        client = images.Client(cls.registry.url)
        pushed = {name: images.index(*(cls.variant(name, a) for a in ("amd64", "arm64"))) for name in ("whole", "damaged")}
        for name, image in pushed.items():
            client.push(name, "1", image)
        cls.registry.blob(pushed["damaged"].variant("arm64").layers[0].digest).unlink()
        cls.whole, cls.damaged = (f"{cls.registry.name}/{name}:1" for name in pushed)

    @staticmethod
    def variant(name: str, architecture: str) -> images.Variant:
        files = [layers.File("app", programs.good(architecture)), layers.File("name", name.encode())]
        return images.variant(architecture, [layers.from_files(*files)], {"Entrypoint": ["/app"]})

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        (self.nodeproof.folder / "bin").mkdir()
        (self.nodeproof.folder / "bin/nodeproof").symlink_to(self.nodeproof.binary)

    def run_script(self, script: str, image: str) -> tuple[int, str]:
        environment = {"IMAGE": image, "PATH": f"{self.nodeproof.folder}/bin:{os.environ['PATH']}", "HOME": str(self.nodeproof.folder)}
        done = subprocess.run(["sh", "-e", "-c", script], cwd=self.nodeproof.folder, env=environment, capture_output=True,
                              text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def failures(self) -> list[str]:
        root = xml.parse(self.nodeproof.folder / "nodeproof.xml").getroot()
        return [c.get("name") for c in root.iter("testcase") if c.find("failure") is not None]

    def test_the_job_for_github(self):
        (block,) = re.findall(r"^```yaml\n(.*?)^```$", section("In a pipeline"), re.M | re.S)
        steps = re.findall(r"^( +)(?:- )?run: (?:\|\n((?:\1 .*\n)+)|(.+)\n)", block, re.M)
        script = "".join(textwrap.dedent(several) + one + "\n" for _, several, one in steps)
        self.assertEqual(1, len(steps), block)
        self.assertEqual(0, self.run_script(script, self.whole)[0])
        self.assertEqual([], self.failures())
        self.assertEqual(1, self.run_script(script, self.damaged)[0])
        self.assertEqual(["linux/arm64"], self.failures())
        self.assertEqual(64, self.run_script(script, "Not/A/Name")[0])
        self.assertFalse((self.nodeproof.folder / "nodeproof.xml").exists(), "an empty file is no JUnit report")

    def test_plain_shell(self):
        (script,) = re.findall(r"^```sh\n(.*?)^```$", section("In a pipeline"), re.M | re.S)
        for image, code, words in ((self.whole, 0, f"{self.whole} is whole"), (self.damaged, 1, "is damaged"),
                                   ("127.0.0.1:9/none:1", 2, "not known whether"), ("Not/A/Name", 64, "could not do it")):
            with self.subTest(image):
                found, said = self.run_script(script, image)
                self.assertEqual(code, found, said)
                self.assertIn(words, said)
                self.assertEqual(code != 64, (self.nodeproof.folder / "nodeproof.xml").exists())


if __name__ == "__main__":
    testing.main()

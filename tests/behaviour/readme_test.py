"""README.md: each command of its shell blocks is run by a test or by a phase of tests/run, and "In a pipeline" is run here."""

import os
import re
import subprocess
import tempfile
import textwrap
import xml.etree.ElementTree as xml

from rig import images, layers, packages, programs, testing
from rig.program import Nodeproof, binary
from rig.registry import Registry

README = (packages.REPOSITORY / "README.md").read_text(encoding="utf-8")
HERE = "readme_test.py: Pipeline"

# The command's first words -> who runs it: a file of this folder with a name in it, or a phase of tests/run.
RUN_BY = {
    "tests/demo": "demo_test.py: Demo",
    "tests/run": "tests/run: phases=(",
    "install -D": "readme_test.py: test_the_files_that_are_installed_are_there",
    "systemctl enable": "tests/machine/service_test.py: systemctl",
    "nodeproof inspect registry.lan": "inspect_test.py: test_what_the_readme_says",
    "nodeproof inspect -f": "inspect_test.py: test_what_the_readme_says",
    "nodeproof inspect --host": "inspect_test.py: test_what_the_readme_says",
    "nodeproof host": "inspect_test.py: test_what_the_readme_says",
    'nodeproof inspect --all-platforms --fail-on warn -o junit "$IMAGE"': HERE,
    "nodeproof index backup": "index_test.py: Readme",
    "nodeproof index merge": "index_test.py: Readme",
    "nodeproof index restore --tag registry.example.com/myimage:latest -f": "index_test.py: Readme",
    "nodeproof index restore --tag registry.example.com/myimage:latest --ledger": "index_test.py: FromTheLedger",
    "cross/tools": "tests/run: phase_prepare",
    "cross/prepare": "tests/run: phase_prepare",
    "cmake --preset": "tests/run: configure",
    "cmake --build": "tests/run: build",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def section(title: str) -> str:
    return README.split(f"\n### {title}\n")[1].split("\n#")[0]


def commands() -> list[str]:
    """Of the blocks that are no scripts: a line is a command."""
    return [line for block in blocks("sh") if "case" not in block for line in block.splitlines() if line.strip()]


class Commands(testing.RigTest):
    def test_each_is_run_somewhere(self):
        for command in commands():
            self.assertTrue(any(command.startswith(words) for words in RUN_BY),
                            f"README.md: {command!r} is run by no test: write one, and name it in RUN_BY")

    def test_nobody_is_named_who_is_not_there(self):
        scripts = "".join(blocks("sh"))
        for words, runner in RUN_BY.items():
            self.assertIn(words, scripts, "README.md has no such command any more")
            file, _, name = runner.partition(": ")
            path = packages.REPOSITORY / (file if "/" in file else f"tests/behaviour/{file}")
            self.assertIn(name, path.read_text(encoding="utf-8"), runner)


    def test_the_files_that_are_installed_are_there(self):
        """Into a folder instead of /, with the binary of this build."""
        root = self.enterContext(tempfile.TemporaryDirectory())
        installs = [command for command in commands() if command.startswith("install ")]
        self.assertEqual(6, len(installs))
        for command in installs:
            words = command.replace("build/arm64-release/nodeproof", str(binary())).split()
            done = subprocess.run([*words[:-1], root + words[-1]], cwd=packages.REPOSITORY, capture_output=True, text=True)
            self.assertEqual(0, done.returncode, f"{command}: {done.stderr}")
            self.assertTrue(os.path.isfile(root + words[-1]))


class Pipeline(testing.RigTest):
    """"In a pipeline", without containerd, on a whole and on a damaged tag."""

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

    def test_plain_shell(self):
        (script,) = re.findall(r"^```sh\n(.*?)^```$", section("In a pipeline"), re.M | re.S)
        for image, code, words in ((self.whole, 0, f"{self.whole} is whole"), (self.damaged, 1, "is damaged"),
                                   ("127.0.0.1:9/none:1", 2, "not known whether"), ("Not/A/Name", 64, "could not do it")):
            with self.subTest(image):
                found, said = self.run_script(script, image)
                self.assertEqual(code, found, said)
                self.assertIn(words, said)


if __name__ == "__main__":
    testing.main()

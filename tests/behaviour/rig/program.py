"""Runs the nodeproof binary as a user would, with folders of its own."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import packages

SECONDS = 300


def binary() -> Path:
    """NODEPROOF_BINARY, else that of the build folder the test belongs to, else this machine's release build."""
    if given := os.environ.get("NODEPROOF_BINARY"):
        return Path(given).resolve()
    if build := os.environ.get("NODEPROOF_BUILD"):
        return Path(build) / "nodeproof"
    built = packages.REPOSITORY / f"build/{packages.host_architecture()}-release/nodeproof"
    if not built.exists():
        raise FileNotFoundError("set NODEPROOF_BINARY to the nodeproof binary")
    return built


@dataclass
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict:
        try:
            return json.loads(self.stdout)
        except ValueError as error:
            raise AssertionError(f"no JSON on stdout ({error}); exit {self.code}; stderr:\n{self.stderr[-2000:]}") from error

    def image(self, reference: str) -> dict:
        return next(i for i in self.report["images"] if i["reference"] == reference)


def codes(image: dict, *severities: str) -> list[str]:
    """The codes of an image's findings of these severities, each once."""
    return sorted({f["code"] for f in image["findings"] if f["severity"] in severities})


class Nodeproof:
    """The program with a state and a run folder of its own; a context manager that removes them."""

    def __init__(self):
        self.binary = binary()
        self.folder = Path(tempfile.mkdtemp(prefix="nodeproof-test-"))
        self.state, self.run_folder = self.folder / "state", self.folder / "run"
        self._configs = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_config(self, content) -> Path:
        """A dict, or the text of a config file."""
        self._configs += 1
        folder = self.folder / f"config-{self._configs}"
        folder.mkdir()
        path = folder / "nodeproof.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
        return path

    def command(self, *arguments) -> list[str]:
        return [str(self.binary), "--state", str(self.state), "--run", str(self.run_folder), *map(str, arguments)]

    def __call__(self, *arguments, **more) -> Outcome:
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=SECONDS, **more)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def check(self, config, *arguments, **more) -> Outcome:
        path = config if isinstance(config, Path) else self.write_config(config)
        return self("check", "-c", path, "-o", "json", *arguments, **more)

    def age_polls(self, limits: bool = True) -> None:
        """A day passes for what the node remembers of its questions to registries: each tag is due. Without `limits`
        the rate limits are as fresh as they were."""
        file = self.run_folder / "polls.json"
        polls = json.loads(file.read_text(encoding="utf-8"))
        for tag in polls["tags"].values():
            tag["asked"] -= 24 * 3600
        for host in polls["registries"].values():
            host["until"] -= 24 * 3600 if limits else 0
        file.write_text(json.dumps(polls), encoding="utf-8")

    def start(self, *arguments) -> subprocess.Popen:
        """Runs on; in a process group of its own, so that kill_group() reaches its children too."""
        return subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)


def kill_group(process: subprocess.Popen, signal_number: int = signal.SIGKILL) -> None:
    os.killpg(process.pid, signal_number)
    process.communicate()

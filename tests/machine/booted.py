"""A Debian system of the host's architecture booted with its own systemd in a namespace (systemd-nspawn -b)."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import userland
from rig import packages, processes, testing


def root() -> Path:
    debs = packages.debs("bookworm", packages.host_architecture(), userland.BASE)
    return packages.cached("booted-root", userland.recipe(debs), lambda folder: userland.make(folder, debs, "booted"))


# Ends the system with the script's status; a system whose script hangs is ended by the caller.
SCRIPT_UNIT = """[Unit]
After=containerd.service
Wants=containerd.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'cd /out && bash /etc/systemd/system/script > /out/log 2>&1; systemctl exit --force $?'
TimeoutStartSec=infinity
"""


def run(files: dict[str, bytes], script: str, binary: Path | None = None, seconds: float = 180) -> dict[str, str]:
    """Boots with `files` in /etc/systemd/system (the only units there) and `binary` as /usr/bin/nodeproof, runs `script`
    as root; gives the files it left in /out by name, "status" (its exit status) and "console"."""
    tree = root()
    with tempfile.TemporaryDirectory(prefix="nodeproof-booted-") as scratch:
        units, out = Path(scratch) / "units", Path(scratch) / "out"
        out.mkdir()
        every = {**files, "script.service": SCRIPT_UNIT.encode(), "script": script.encode()}
        for name, data in every.items():
            (units / name).parent.mkdir(parents=True, exist_ok=True)
            (units / name).write_bytes(data)
        command = [
            "systemd-nspawn", "-q", "--register=no", "--keep-unit", "--private-network", "--link-journal=no", "-D", tree,
            "--volatile=overlay", f"--bind={out}:/out", f"--bind={units}:/etc/systemd/system",
            *([f"--bind-ro={binary}:/usr/bin/nodeproof"] if binary else []), "--console=pipe", "-b", "systemd.wants=script.service",
        ]
        environment = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as process:
            try:
                console, status = process.communicate(timeout=seconds)[0], str(process.returncode)
            except subprocess.TimeoutExpired:
                # systemd-nspawn, killed, would leave the whole system running.
                processes.kill_all(processes.descendants([process.pid]))
                console, status = process.communicate()[0], "timeout"
        found = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in out.iterdir() if path.is_file()}
        return {**found, "status": status, "console": console.decode(errors="replace")}


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("systemd-nspawn"), "needs root and systemd-nspawn")
class BootedTest(testing.RigTest):
    """The tests look at what one script left of one boot."""

    SCRIPT = ""
    LAST = ""  # the file that it writes at its end
    binary: Path | None = None
    out: dict[str, str]

    @classmethod
    def files(cls) -> dict[str, bytes]:
        """For /etc/systemd/system."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.out = run(cls.files(), cls.SCRIPT, cls.binary)
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        if cls.LAST not in cls.out:
            raise AssertionError("the system brought nothing back:\n" + "\n".join(f"{k}: {v[-2000:]}" for k, v in cls.out.items()))

    def facts(self, when: str) -> dict[str, str]:
        """The properties of a unit that `systemctl show` printed."""
        return dict(line.split("=", 1) for line in self.out[when + ".show"].splitlines())

    def word(self, name: str) -> str:
        return self.out[name].strip()

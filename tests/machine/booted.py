"""A Debian system of the host's architecture booted with its own systemd in a namespace (systemd-nspawn -b)."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rig import packages

USERLAND = (
    "base-files", "base-passwd", "bash", "coreutils", "dash", "libc-bin", "procps", "grep", "sed", "tar", "gzip", "mawk", "hostname",
    "util-linux", "mount", "systemd-sysv", "dbus", "containerd", "runc", "kmod", "ca-certificates",
)
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/lib/dpkg")
# What the packages' own scripts would have made: they are not run.
USERS = {"messagebus": 101, "systemd-network": 102, "systemd-journal": 103, "systemd-resolve": 104}


def _make_root(folder: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to("usr/" + name)
    for deb in packages.debs("bookworm", packages.host_architecture(), USERLAND):
        exclude = [f"--exclude=./{path}" for path in UNWANTED]
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as stream:
            subprocess.run(["tar", "-C", folder, "-x", "--keep-directory-symlink", *exclude], stdin=stream.stdout, check=True)
    for name in ("passwd", "group"):
        text = (folder / f"usr/share/base-passwd/{name}.master").read_text(encoding="utf-8")
        more = "::/:/usr/sbin/nologin" if name == "passwd" else ":"
        middle = "x:{0}:{0}" if name == "passwd" else "x:{0}"
        text += "".join(f"{user}:{middle.format(number)}{more}\n" for user, number in USERS.items())
        (folder / "etc" / name).write_text(text, encoding="utf-8")
    for link, target in (("usr/bin/awk", "mawk"), ("usr/bin/sh", "dash")):
        (folder / link).unlink(missing_ok=True)
        (folder / link).symlink_to(target)
    for name in ("proc", "sys", "dev", "run", "tmp", "root", "var/lib", "out"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n", encoding="utf-8")
    (folder / "etc/hostname").write_text("booted\n", encoding="utf-8")


def root() -> Path:
    names = [deb.name for deb in packages.debs("bookworm", packages.host_architecture(), USERLAND)]
    return packages.cached("booted-root", f"1 {names} {UNWANTED} {USERS}", _make_root)


# Ends the system with the script's status; a system whose script hangs is ended by the caller.
SCRIPT_UNIT = """[Unit]
After=containerd.service
Wants=containerd.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'cd /out && bash /etc/systemd/system/script > /out/log 2>&1; systemctl exit --force $?'
TimeoutStartSec=infinity
"""


def run(files: dict[str, bytes], script: str, binary: Path, seconds: float = 180) -> dict[str, str]:
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
            "--volatile=overlay", f"--bind={out}:/out", f"--bind-ro={units}:/etc/systemd/system",
            f"--bind-ro={binary}:/usr/bin/nodeproof", "--console=pipe", "-b", "systemd.wants=script.service",
        ]
        environment = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, env=environment)
            status, console = str(done.returncode), done.stdout + done.stderr
        except subprocess.TimeoutExpired as late:
            status, console = "timeout", (late.stdout or b"") + (late.stderr or b"")
        found = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in out.iterdir() if path.is_file()}
        return {**found, "status": status, "console": console.decode(errors="replace")}


def usable() -> bool:
    return os.geteuid() == 0 and shutil.which("systemd-nspawn") is not None

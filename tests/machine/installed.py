"""nodeproof as an operator installs it: the package, or the same files by hand where there is no package yet."""

import functools
import io
import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from rig import packages

UNITS = packages.REPOSITORY / "systemd"
MAKER = packages.REPOSITORY / "cross/package"
BY_HAND = b"tar -C / -xf nodeproof.tar && systemctl daemon-reload && systemctl enable --now nodeproof.service\n"


def unit_files() -> list[Path]:
    return sorted(p for p in UNITS.iterdir() if p.suffix in (".service", ".target", ".slice"))


def drop_ins() -> list[Path]:
    return sorted(UNITS.glob("*.d/*.conf"))


@functools.cache
def deb(architecture: str) -> bytes:
    """The package of build/ARCH-release."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([MAKER, "--out", folder, architecture], check=True, stdout=subprocess.DEVNULL)
        return next(Path(folder).glob("*.deb")).read_bytes()


def as_version(data: bytes, version: str) -> bytes:
    """The same package as another version: what an upgrade comes from."""
    with tempfile.TemporaryDirectory() as folder:
        old, tree, new = Path(folder) / "old.deb", Path(folder) / "tree", Path(folder) / "new.deb"
        old.write_bytes(data)
        subprocess.run(["dpkg-deb", "-R", old, tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}", control.read_text(encoding="utf-8")), encoding="utf-8")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, new], check=True, stdout=subprocess.DEVNULL)
        return new.read_bytes()


def _by_hand(binary: Path) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        def add(path: str, content: bytes, mode: int) -> None:
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), mode
            archive.addfile(info, io.BytesIO(content))

        add("usr/bin/nodeproof", binary.read_bytes(), 0o755)
        for unit in unit_files():
            add(f"etc/systemd/system/{unit.name}", unit.read_bytes(), 0o644)
        for path in drop_ins():
            add(f"etc/systemd/system/{path.relative_to(UNITS)}", path.read_bytes(), 0o644)
    return data.getvalue()


def has_package(architecture: str, binary: Path) -> bool:
    """The package is that of the usual build folder: what was built elsewhere is installed by hand."""
    usual = packages.REPOSITORY / f"build/{architecture}-release/nodeproof"
    return MAKER.exists() and os.path.realpath(binary) == os.path.realpath(usual)


def payload(architecture: str, binary: Path) -> dict[str, bytes]:
    """Files, of which "install" is a script that installs nodeproof, and "upgrade" one that installs a newer version."""
    if not has_package(architecture, binary):
        return {"install": BY_HAND, "upgrade": b"systemctl restart nodeproof.service\n", "nodeproof.tar": _by_hand(binary)}
    newer = deb(architecture)
    return {"install": b"dpkg -i previous.deb\n", "upgrade": b"dpkg -i nodeproof.deb\n",
            "previous.deb": as_version(newer, "0.0.1~previous"), "nodeproof.deb": newer}

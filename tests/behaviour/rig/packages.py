"""Debian packages for the rig: fetched signature-checked by cross/debs and unpacked beside each other, never installed."""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
CACHE = (
    Path(
        os.environ.get("NODEPROOF_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nodeproof"
    )
    / "rig"
)
ARCHITECTURES = ("amd64", "arm64")
CONTAINERD_SUITES = {"1.6": "bookworm", "1.7": "trixie", "2": "forky"}


class Unavailable(Exception):
    """A package that the archive does not give at present: a reason to skip a test, visibly."""


def host_architecture() -> str:
    return subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()


def other_architecture(architecture: str) -> str:
    return "arm64" if architecture == "amd64" else "amd64"


@functools.cache  # a failure too: it took apt's retries to find out
def asked(command: tuple) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True)


def debs(suite: str, architecture: str, packages, only: str = "") -> list[Path]:
    """The .deb files of `packages` with all they depend on; `only` keeps those whose file name starts with it."""
    done = asked((REPOSITORY / "cross/debs", suite, architecture, *(["--only", only] if only else []), *packages))
    if done.returncode != 0:
        raise Unavailable(f"{suite}/{architecture} {' '.join(packages)}: {done.stderr.strip()[-600:]}")
    return [Path(line) for line in done.stdout.split()]


def cached(name: str, key: str, make) -> Path:
    """The folder CACHE/name-<hash of key>, filled once by make(folder), whoever comes first."""
    place = CACHE / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if place.exists():
        return place
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f".{place.name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            scratch = Path(tempfile.mkdtemp(prefix="tmp.", dir=CACHE))
            try:
                make(scratch)
                scratch.chmod(0o755)
                scratch.rename(place)
            except BaseException:
                shutil.rmtree(scratch, ignore_errors=True)
                raise
    return place


def unpacked(name: str, files: list[Path]) -> Path:
    """The files of these packages below one folder."""

    def unpack(folder: Path) -> None:
        for file in files:
            subprocess.run(["dpkg-deb", "-x", file, folder], check=True)

    return cached(f"tree-{name}", "\n".join(file.name for file in files), unpack)


def containerd_tree(version: str) -> Path:
    suite = CONTAINERD_SUITES[version]
    return unpacked(f"containerd-{version}", debs(suite, host_architecture(), ["containerd"], "containerd_"))


def runc_tree() -> Path:
    """Debian 12's runc, for every containerd: the later ones need a later glibc."""
    return unpacked("runc", debs("bookworm", host_architecture(), ["runc"], "(runc|libseccomp2)_"))


def registry_tree() -> Path:
    return unpacked("registry", debs("bookworm", host_architecture(), ["docker-registry"], "docker-registry_"))


def skopeo_tree() -> Path:
    """With the libraries that a small Debian may lack."""
    own = "(skopeo|libgpgme11|libassuan0|libgpg-error0|libdevmapper1.02.1|libselinux1|libudev1|libpcre2-8-0)_"
    return unpacked("skopeo", debs("bookworm", host_architecture(), ["skopeo"], own))


def nginx_tree() -> Path:
    return unpacked("nginx", debs("bookworm", host_architecture(), ["nginx-light"], "(nginx|libpcre2-8-0)_"))


def strace() -> list[str]:
    """The command, with the libraries that a small Debian may lack."""
    tree = unpacked("strace", debs("bookworm", host_architecture(), ["strace"], "(strace|libunwind8)_"))
    library = next(tree.glob("usr/lib/*/libunwind.so.8")).parent
    return ["env", f"LD_LIBRARY_PATH={library}", str(tree / "usr/bin/strace")]


def decompressors() -> Path:
    """A folder with igzip and unpigz, which containerd uses where it finds them: version 2 the first, older ones the second."""
    files = debs("bookworm", host_architecture(), ["isal", "pigz"], "(isal|libisal2|pigz)_")
    tree = unpacked("decompressors", files)
    library = next(tree.glob("usr/lib/*/libisal.so.2")).parent

    def make(folder: Path) -> None:
        (folder / "igzip").write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={library} exec {tree}/usr/bin/igzip "$@"\n', encoding="utf-8")
        (folder / "igzip").chmod(0o755)
        (folder / "unpigz").symlink_to(tree / "usr/bin/unpigz")

    return cached("decompressors", f"1 {tree}", make)

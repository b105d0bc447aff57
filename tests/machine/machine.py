"""A whole arm64 machine in emulation: Debian's user land with containerd and runc, 4K or 16K pages.

It needs no KVM. Emulation is ten times slower than hardware: right for correctness and page size, wrong for timings.
"""

import io
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import kernel
from rig import packages

HOST = "10.0.2.2"  # how the guest reaches this machine's loopback
USERLAND = (
    "base-files", "base-passwd", "bash", "coreutils", "dash", "grep", "sed", "tar", "gzip", "mawk", "util-linux", "mount",
    "containerd", "runc", "iproute2", "ca-certificates",
)
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale")

# The folder `in` of the payload is the working directory; its run.sh does the work, ./out is brought back.
GUEST_INIT = r"""#!/bin/bash
exec > /dev/console 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
mkdir -p /dev/pts /dev/shm /run/payload; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup; echo arm64 > /proc/sys/kernel/hostname
ip link set lo up; ip address add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
cd /run/payload && tar -xf /dev/vm-in && mkdir -p out
date -s "@$(cat now)" > /dev/null
bash ./run.sh > out/log 2>&1; echo $? > out/status
tar -cf /dev/vm-out out; sync; echo o > /proc/sysrq-trigger; sleep 100
"""


def _root_folder(root: Path) -> None:
    for name in ("bin", "sbin", "lib"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to("usr/" + name)
    for deb in packages.debs("bookworm", "arm64", USERLAND):
        exclude = [f"--exclude=./{path}" for path in UNWANTED]
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as stream:
            subprocess.run(["tar", "-C", root, "-x", "--keep-directory-symlink", *exclude], stdin=stream.stdout, check=True)
    for name in ("passwd", "group"):
        (root / "etc" / name).write_bytes((root / f"usr/share/base-passwd/{name}.master").read_bytes())
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("dash")
    (root / "usr/bin/awk").symlink_to("mawk")
    for name in ("proc", "sys", "dev", "run", "tmp", "root", "var/lib"):
        (root / name).mkdir(parents=True, exist_ok=True)
    init = root / "usr/sbin/init"
    init.unlink(missing_ok=True)
    init.write_text(GUEST_INIT, encoding="utf-8")
    init.chmod(0o755)


def root_disk() -> Path:
    names = [deb.name for deb in packages.debs("bookworm", "arm64", USERLAND)]

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            root = Path(scratch) / "root"
            _root_folder(root)
            subprocess.run(["mkfs.ext4", "-q", "-O", "^metadata_csum,^has_journal", "-d", root, folder / "root.ext4", "2G"],
                           check=True, stdout=subprocess.DEVNULL)

    return packages.cached("machine-root", f"1 {names} {GUEST_INIT} {UNWANTED}", make) / "root.ext4"


def _payload_disk(path: Path, payload: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in {**payload, "now": str(int(time.time())).encode()}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    os.truncate(path, -(-path.stat().st_size // 512) * 512)


def data_disk(path: Path, size: str = "1G") -> Path:
    """An empty ext4 that outlives the machine: give it to run() as `data`."""
    subprocess.run(["mkfs.ext4", "-q", "-F", path, size], check=True, stdout=subprocess.DEVNULL)
    return path


def _wait(process: subprocess.Popen, console: Path, cut_at: bytes, seconds: float) -> None:
    """Until it ends, or the power is cut: what is in the guest's memory alone is lost then."""
    end = time.monotonic() + seconds
    try:
        while process.poll() is None and time.monotonic() < end:
            if cut_at and console.exists() and cut_at in console.read_bytes():
                return
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()


def run(label: str, payload: dict[str, bytes], seconds: float = 300, data: Path | None = None,
        cut_at: bytes = b"") -> dict[str, bytes]:
    """Boots with pages of `label` (4k, 16k), runs payload["run.sh"] as root; the files it left in ./out by name,
    besides "status" (its exit status), "log" (its output) and "console". The power is cut when the console shows
    `cut_at`."""
    program, image, initrd, root = kernel.qemu(), kernel.image(label), kernel.initrd(label), root_disk()
    with tempfile.TemporaryDirectory(prefix="nodeproof-machine-") as scratch:
        folder = Path(scratch)
        _payload_disk(folder / "in", payload)
        (folder / "out").touch()
        os.truncate(folder / "out", 64 << 20)

        def disk(name: str, file: Path, more: str) -> list[str]:
            return ["-drive", f"file={file},if=none,id={name},format=raw,{more}",
                    "-device", f"virtio-blk-device,drive={name},serial={name}"]

        command = [
            program, "-M", "virt,gic-version=3", "-cpu", kernel.KERNELS[label][3], "-smp", "2", "-m", "1024",
            "-accel", "tcg,thread=multi,tb-size=512", "-display", "none", "-nodefaults", "-no-reboot",
            "-serial", f"file:{folder}/console", "-kernel", image, "-initrd", initrd,
            "-append", "console=ttyAMA0 quiet net.ifnames=0 mitigations=off",
            *disk("root", root, "snapshot=on,cache=unsafe"), *disk("in", folder / "in", "readonly=on"),
            *disk("out", folder / "out", "cache=unsafe"), *(disk("data", data, "cache=unsafe") if data else []),
            "-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-device,netdev=net", "-device", "virtio-rng-device",
        ]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
            _wait(process, folder / "console", cut_at, seconds)
        return _brought_back(folder)


def _brought_back(folder: Path) -> dict[str, bytes]:
    found = {"console": (folder / "console").read_bytes()}
    try:
        with tarfile.open(folder / "out") as archive:
            for info in archive:
                if info.isfile():
                    found[info.name.removeprefix("out/")] = archive.extractfile(info).read()
    except tarfile.TarError:
        pass  # it never got so far; the console says why
    return found

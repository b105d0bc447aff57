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
import userland
from rig import packages

HOST = "10.0.2.2"  # how the guest reaches this machine's loopback
# Puts the payload's files into /rig/in, tells the time, and makes the network that there is.
PREPARE = r"""#!/bin/bash
ip link set lo up; ip address add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
rm -rf /rig/in; mkdir -p /rig/in/out && cd /rig/in && tar -xf /dev/vm-in && date -s "@$(cat now)"
"""
# The folder /rig/in is the working directory; its run.sh does the work, ./out is brought back.
WORK = r"""#!/bin/bash
cd /rig/in && bash ./run.sh > out/log 2>&1; echo $? > out/status
tar -cf /dev/vm-out out; sync; echo o > /proc/sysrq-trigger
"""
# Instead of systemd, for what needs nothing of it: in a third of the time.
BARE = r"""#!/bin/bash
exec > /dev/console 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup; echo arm64 > /proc/sys/kernel/hostname
/rig/prepare > /dev/null; /rig/work; sleep 100
"""
UNITS = {
    "rig-prepare.service": """[Unit]
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target network-online.target
[Service]
Type=oneshot
ExecStart=/rig/prepare
""",
    "rig-work.service": """[Unit]
Wants=containerd.service network-online.target
After=containerd.service network-online.target
[Service]
ExecStart=/rig/work
""",
}
WANTED = {"sysinit.target.wants": "rig-prepare.service", "multi-user.target.wants": "rig-work.service"}


def _root_folder(root: Path, debs: list[Path]) -> None:
    userland.make(root, debs, "arm64")
    for name, text in {"prepare": PREPARE, "work": WORK, "bare": BARE}.items():
        (root / "rig").mkdir(exist_ok=True)
        (root / "rig" / name).write_text(text, encoding="utf-8")
        (root / "rig" / name).chmod(0o755)
    units = root / "etc/systemd/system"
    for name, text in UNITS.items():
        (units / name).write_text(text, encoding="utf-8")
    for folder, name in WANTED.items():
        (units / folder).mkdir(parents=True, exist_ok=True)
        (units / folder / name).symlink_to("../" + name)
    (units / "serial-getty@ttyAMA0.service").symlink_to("/dev/null")  # there is no udev to announce the line


def root_disk() -> Path:
    """Never booted; with a journal, for machines whose power is cut."""
    debs = packages.debs("bookworm", "arm64", userland.BASE)

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            root = Path(scratch) / "root"
            _root_folder(root, debs)
            subprocess.run(["mkfs.ext4", "-q", "-O", "^metadata_csum", "-d", root, folder / "root.ext4", "3G"],
                           check=True, stdout=subprocess.DEVNULL)

    key = f"2 {userland.recipe(debs)} {PREPARE} {WORK} {BARE} {UNITS} {WANTED}"
    return packages.cached("machine-root", key, make) / "root.ext4"


def own_root(folder: Path) -> Path:
    """A root disk that keeps what a machine writes: for run(root=...)."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", root_disk(), folder / "root.ext4"], check=True)
    return folder / "root.ext4"


def _payload_disk(path: Path, payload: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in {**payload, "now": str(int(time.time())).encode()}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    os.truncate(path, -(-path.stat().st_size // 512) * 512)


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


def run(label: str, payload: dict[str, bytes], seconds: float = 300, root: Path | None = None,
        cut_at: bytes = b"", bare: bool = False) -> dict[str, bytes]:
    """Boots with pages of `label` (4k, 16k), by systemd unless `bare`, and runs payload["run.sh"] as root, beside a
    containerd that has been started if there is systemd. Gives the files it left in ./out by name, besides "status" (its
    exit status), "log" (its output) and "console". What it writes is kept in `root`, if given. The power is cut when the
    console shows `cut_at`."""
    program, image, initrd = kernel.qemu(), kernel.image(label), kernel.initrd(label)
    with tempfile.TemporaryDirectory(prefix="nodeproof-machine-") as scratch:
        folder = Path(scratch)
        _payload_disk(folder / "in", payload)
        (folder / "out").touch()
        os.truncate(folder / "out", 128 << 20)

        def disk(name: str, file: Path, more: str) -> list[str]:
            return ["-drive", f"file={file},if=none,id={name},format=raw,{more}",
                    "-device", f"virtio-blk-device,drive={name},serial={name}"]

        own = ("snapshot=off" if root else "snapshot=on") + ",cache=unsafe"
        init = "/rig/bare" if bare else "/sbin/init systemd.show_status=0"
        command = [
            program, "-M", "virt,gic-version=3", "-cpu", kernel.KERNELS[label][3], "-smp", "2", "-m", "1536",
            "-accel", "tcg,thread=multi,tb-size=512", "-display", "none", "-nodefaults", "-no-reboot",
            "-serial", f"file:{folder}/console", "-kernel", image, "-initrd", initrd,
            "-append", f"console=ttyAMA0 quiet net.ifnames=0 mitigations=off rig_init={init}",
            *disk("root", root or root_disk(), own), *disk("in", folder / "in", "readonly=on"),
            *disk("out", folder / "out", "cache=unsafe"),
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

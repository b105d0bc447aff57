"""An arm64 kernel of Debian's and the first root file system that finds the disks: both without running arm64 code."""

import lzma
import re
import subprocess
from pathlib import Path

from rig import packages

# label -> (suite, package, size of a page, processor): a Raspberry Pi 4's without LSE atomics, and a Raspberry Pi 5's
KERNELS = {"4k": ("bookworm", "linux-image-cloud-arm64", 4096, "cortex-a72"),
           "16k": ("trixie", "linux-image-arm64-16k", 16384, "cortex-a76")}
MODULES = ("virtio_mmio", "virtio_blk", "virtio_net", "crc32c_generic", "ext4", "overlay")

INIT = r"""#!/bin/sh
/bin/busybox --install -s /bin; export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done
tries=0
while [ "$(ls /sys/block | grep -c ^vd)" -lt 3 ] && [ $tries -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done
# By serial: virtio-mmio numbers the disks in reverse.
for disk in /sys/block/vd*; do ln -s "$(basename "$disk")" "/dev/vm-$(cat "$disk/serial")"; done
mount -t ext4 -o rw,noatime /dev/vm-root /newroot || { echo "NO ROOT"; poweroff -f; }
for folder in dev proc sys; do mount --move /$folder /newroot/$folder; done
exec switch_root /newroot "$rig_init"  # what the kernel does not know on its command line it puts here
"""


def image(label: str) -> Path:
    return next(_tree(label).glob("boot/vmlinuz-*"))


def _tree(label: str) -> Path:
    suite, package, *_ = KERNELS[label]
    return packages.unpacked(f"kernel-{label}", packages.debs(suite, "arm64", [package], "linux-image-[0-9]"))


def _busybox() -> bytes:
    tree = packages.unpacked("busybox-arm64", packages.debs("bookworm", "arm64", ["busybox-static"], "busybox-static_"))
    return (tree / "bin/busybox").read_bytes()


def _module(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _modules(tree: Path) -> list[tuple[str, bytes]]:
    """MODULES with what they depend on, in loading order; what the kernel has built in is not in the tree."""
    files = {re.sub(r"\.ko(\.xz)?$", "", f.name).replace("-", "_"): f for f in tree.rglob("*.ko*")}
    loaded: dict[str, bytes] = {}

    def load(name: str) -> None:
        name = name.replace("-", "_")
        if name in loaded or name not in files:
            return
        data = _module(files[name])
        depends = re.search(rb"(?:^|\0)depends=([^\0]*)\0", data)
        for other in depends[1].decode().split(",") if depends else []:
            load(other)
        loaded[name] = data

    for wanted in MODULES:
        load(wanted)
    return list(loaded.items())


def _entry(name: str, mode: int, data: bytes = b"") -> bytes:
    """A member of a "newc" cpio archive (kernel: Documentation/driver-api/early-userspace/buffer-format.rst)."""
    encoded = name.encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    out = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    out += bytes(-len(out) % 4) + data
    return out + bytes(-len(out) % 4)


def initrd(label: str) -> Path:
    tree = _tree(label)

    def make(folder: Path) -> None:
        parts = [_entry(name, 0o040755) for name in ("bin", "proc", "sys", "dev", "newroot", "modules")]
        parts += [_entry("bin/busybox", 0o100755, _busybox()), _entry("bin/sh", 0o120777, b"busybox")]
        parts += [_entry(f"modules/{i:03}-{name}.ko", 0o100644, data) for i, (name, data) in enumerate(_modules(tree))]
        parts += [_entry("init", 0o100755, INIT.encode()), _entry("TRAILER!!!", 0)]
        (folder / "initrd").write_bytes(b"".join(parts))

    return packages.cached(f"initrd-{label}", f"{tree} {MODULES} {INIT}", make) / "initrd"


def qemu() -> str:
    found = subprocess.run(["sh", "-c", "command -v qemu-system-aarch64"], capture_output=True, text=True).stdout.strip()
    if not found:
        raise packages.Unavailable("qemu-system-aarch64 is not installed (Debian: qemu-system-arm)")
    return found

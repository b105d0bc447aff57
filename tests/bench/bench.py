"""The measurements of tests/bench/run."""

import argparse
import base64
import io
import os
import random
import statistics
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from rig import images, layers, packages, program, programs
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry

MEMORY_TARGET_MB = 40


def big_tar(architecture: str) -> bytes:
    """Files of 11 MB that pack to three quarters and files that pack to nothing, and a program: 200 MB when packed.

    Text and code have symbols of unequal frequency; random bytes would be stored and cost no inflating."""
    numbers, out = random.Random(1), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))

        for i in range(24):
            add(f"data/{i:02}", base64.b64encode(numbers.randbytes(8 << 20)))
        for i in range(6):
            add(f"text/{i:02}", b"the same line again and again, as in many a file %d\n" % i * ((8 << 20) // 53))
        add("app", programs.good(architecture))
    return out.getvalue()


def big_image() -> images.Image:
    host = packages.host_architecture()
    layer = layers.generated(f"bench 2 {host}", lambda: big_tar(host))
    return images.index(images.variant(host, [layer], {"Entrypoint": ["/app"]}))


def peak_memory_mb(pid: int) -> float:
    """VmHWM: what the process needed at most so far. (ru_maxrss would begin with our own size.)"""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def measure(command: list, **more) -> tuple[float, float, subprocess.CompletedProcess]:
    """Wall seconds, peak memory in MB, and the outcome."""
    start, peak = time.monotonic(), 0.0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, **more) as process:
        while process.poll() is None:
            peak = max(peak, peak_memory_mb(process.pid))
            time.sleep(0.005)
        seconds = time.monotonic() - start
        errors = process.stderr.read()
    return seconds, peak, subprocess.CompletedProcess(command, process.returncode, "", errors)


def pull_with_ctr(version: str, reference: str) -> tuple[float, float]:
    with Containerd(version) as containerd:
        seconds, peak, done = measure(
            [containerd.tree / "usr/bin/ctr", "--address", containerd.socket, "--namespace", "k8s.io",
             "images", "pull", "--plain-http", reference], env=os.environ | containerd.environment())
        if done.returncode != 0 or reference not in containerd.images():
            raise RuntimeError(f"ctr images pull: {done.stderr}")
    return seconds, peak


def check_with_nodeproof(version: str, reference: str) -> tuple[float, float]:
    with Containerd(version) as containerd, Nodeproof() as nodeproof:
        config = nodeproof.write_config({"containerd": {"address": str(containerd.socket), "namespace": "k8s.io"},
                                         "images": [{"reference": reference}]})
        seconds, peak, done = measure(nodeproof.command("check", "-c", config))
        if done.returncode != 0 or reference not in containerd.images():
            raise RuntimeError(f"nodeproof check: exit {done.returncode}: {done.stderr}")
    return seconds, peak


def print_sizes() -> None:
    for architecture in packages.ARCHITECTURES:
        path = packages.REPOSITORY / f"build/{architecture}-release/nodeproof"
        size = f"{path.stat().st_size / 1e6:.1f} MB" if path.exists() else "not built"
        print(f"binary, {architecture}: {size}")


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/bench/run")
    options.add_argument("--containerd", choices=list(packages.CONTAINERD_SUITES), default="1.6")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    print_sizes()
    print(f"program measured: {program.binary()}")
    image = big_image()
    size = image.variants[0].layers[0].size
    rows: dict[str, list] = {"ctr images pull": [], "nodeproof check": []}
    with Registry() as registry:
        images.Client(registry.url).push("big", "1", image)
        reference = f"{registry.name}/big:1"
        for _ in range(given.rounds):  # alternating, so that both see the same weather
            rows["ctr images pull"].append(pull_with_ctr(given.containerd, reference))
            rows["nodeproof check"].append(check_with_nodeproof(given.containerd, reference))
    print(f"one layer of {size / 1e6:.0f} MB, containerd {given.containerd}, its state in memory, {given.rounds} rounds:")
    for name, found in rows.items():
        seconds, peaks = [row[0] for row in found], [row[1] for row in found]
        print(f"  {name}: {statistics.median(seconds):.2f} s (median; {min(seconds):.2f}-{max(seconds):.2f}), "
              f"client's peak memory {max(peaks):.1f} MB")
    peak = max(row[1] for row in rows["nodeproof check"])
    print(f"  nodeproof's peak memory may be {MEMORY_TARGET_MB} MB: {'kept' if peak <= MEMORY_TARGET_MB else 'EXCEEDED'}")
    return 0 if peak <= MEMORY_TARGET_MB else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.Unavailable as error:
        sys.exit(f"tests/bench/run: {error}")

"""The measurements of tests/bench/idle."""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from rig import images, layers, packages, processes, program, programs
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry
from usage import cpu_of, io_of

MEMORY_TARGET_MB, CPU_TARGET_PERCENT = 5, 0.1


def pss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024


def wakings(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.MULTILINE)[1])


def publish(registry: Registry, count: int) -> list[str]:
    host, references = packages.host_architecture(), []
    app = layers.from_files(layers.File("app", programs.good(host)))
    for i in range(count):
        own = layers.from_files(layers.File("number", b"%d" % i))
        image = images.index(images.variant(host, [app, own], {"Entrypoint": ["/app"]}))
        images.Client(registry.url).push(f"idle/app-{i}", "1", image)
        references.append(f"{registry.name}/idle/app-{i}:1")
    return references


class Sums:
    """Of a process and the children it waited for, since it was made."""

    def __init__(self, pid: int):
        self._pid, self._begin = pid, time.monotonic()
        self._before = (cpu_of(pid), io_of(pid)["write_bytes"], wakings(pid))

    def print(self, name: str) -> tuple[float, int]:
        seconds = time.monotonic() - self._begin
        cpu, written, woken = cpu_of(self._pid), io_of(self._pid)["write_bytes"], wakings(self._pid)
        percent = 100 * (cpu - self._before[0]) / seconds
        bytes_written = written - self._before[1]
        print(f"  {name}: {pss_mb(self._pid):.2f} MB PSS, CPU {percent:.3f} %, {bytes_written} B written, "
              f"{(woken - self._before[2]) / seconds * 60:.0f} wakings a minute")
        return percent, bytes_written


def measure_look(nodeproof: Nodeproof) -> None:
    """On its own, for a daemon's is over before one looks."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    rounds, peak = 20, 0.0
    for _ in range(rounds):
        with subprocess.Popen(nodeproof.command("look-child"), stdin=subprocess.DEVNULL) as look:
            while look.poll() is None:
                try:
                    peak = max(peak, pss_mb(look.pid))
                except (OSError, TypeError):
                    pass
        if look.returncode != 0:
            raise RuntimeError(f"look-child: exit {look.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  one look: {1000 * cpu / rounds:.1f} ms CPU, {peak:.1f} MB PSS at its peak, for some milliseconds a minute")


def written_in(folder: Path) -> dict:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def scrubbed(state: Path) -> bool:
    """It begins half a minute after the start, and is then due in a week."""
    try:
        return json.loads((state / "scrub.json").read_text(encoding="utf-8"))["due"] > time.time() + 3600
    except (OSError, ValueError):
        return False


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/bench/idle")
    options.add_argument("--containerd", choices=list(packages.CONTAINERD_SUITES), default="2")
    options.add_argument("--minutes", type=float, default=4)
    options.add_argument("--images", type=int, default=10)
    given = options.parse_args()
    print(f"program measured: {program.binary()}")
    with Registry() as registry, Containerd(given.containerd) as containerd, Nodeproof() as nodeproof:
        references = publish(registry, given.images)
        config = nodeproof.write_config({"containerd": {"address": str(containerd.socket), "namespace": "k8s.io"},
                                         "check_every": "24h", "images": [{"reference": r} for r in references]})
        with open(os.devnull, "w", encoding="ascii") as nowhere:
            daemon = subprocess.Popen(nodeproof.command("daemon", "-c", config), stdin=subprocess.DEVNULL,
                                      stdout=nowhere, stderr=nowhere)
        try:
            if nodeproof("wait", "--timeout", "300").code != 0:
                raise RuntimeError(nodeproof("status").stdout)
            processes.wait_until(lambda: scrubbed(nodeproof.state), "the first round of the scrub", daemon, 600)
            time.sleep(5)  # memory is given back a moment after
            kept = written_in(nodeproof.state)
            ours, theirs, most = Sums(daemon.pid), Sums(containerd.process.pid), 0.0
            end = time.monotonic() + 60 * given.minutes
            while time.monotonic() < end:
                time.sleep(1)
                most = max(most, pss_mb(daemon.pid))
            print(f"{given.images} images, {given.minutes:g} minutes, containerd {given.containerd}:")
            percent, written = ours.print("nodeproof")
            print(f"  nodeproof's most: {most:.2f} MB PSS")
            theirs.print("containerd")
            written += sum(1 for path, when in written_in(nodeproof.state).items() if kept.get(path) != when)
            memory = pss_mb(daemon.pid)
            measure_look(nodeproof)
        finally:
            processes.stop(daemon)
    kept_to = {"memory": memory <= MEMORY_TARGET_MB, "CPU": percent < CPU_TARGET_PERCENT, "disk": written == 0}
    for name, held in kept_to.items():
        print(f"  {name}: {'kept' if held else 'EXCEEDED'}")
    return 0 if all(kept_to.values()) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.Unavailable as error:
        sys.exit(f"tests/bench/idle: {error}")

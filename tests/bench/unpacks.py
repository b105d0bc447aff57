"""Layers unpacked: the part "unpack" of tests/bench/pull, and what is left to do when the last byte has come."""

import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import bench_images
from rig import images, packages
from rig.registry import Registry
from usage import Used

WALL_TARGET = {"Go's gzip": 0.35, "igzip": 0.65}  # of theirs
CPU_TARGET, TAR_TARGET, MEMORY_TARGET_MB, TAIL_TARGET_S = 0.5, 1.5, 32, 1.0
PLACES = {"in memory": "", "on a disk": "/var/tmp"}
TAR = "igzip | tar"
AFTER = 1 << 16  # bytes that come behind the last layer: ends of connections, a last question


class LastByte:
    """A context manager: how long before its end the link had carried all. To be used at the near end."""

    def __init__(self, link):
        self._link, self._seen, self._done = link, [], threading.Event()
        self.ago = 0.0

    def __enter__(self):
        self._thread = threading.Thread(target=self._look, daemon=True)  # a thread begins in the network namespace of its maker
        self._thread.start()
        return self

    def __exit__(self, *_):
        end, total = time.monotonic(), self._link.received()
        self._done.set()
        self._thread.join()
        self.ago = end - next((moment for moment, count in self._seen if count >= total - AFTER), end)

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self._seen.append((time.monotonic(), self._link.received()))


def tar_by_hand(registry: Registry, image: images.Image, place: str) -> Used:
    """One process at a time would be slower: igzip inflates while tar writes, layer after layer, each in its own folder."""
    used, igzip = Used(), packages.decompressors() / "igzip"
    with tempfile.TemporaryDirectory(prefix="nodeproof-bench-", dir=place or "/dev/shm") as folder:
        before, begin = os.times(), time.monotonic()
        for number, layer in enumerate(image.variants[0].layers):
            into = Path(folder) / str(number)
            into.mkdir()
            with subprocess.Popen([igzip, "-dc", registry.blob(layer.digest)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as inflating:
                subprocess.run(["tar", "-x", "--numeric-owner", "-C", into], stdin=inflating.stdout, check=True)
        used.wall, after = time.monotonic() - begin, os.times()
        used.client_cpu = sum(after[2:4]) - sum(before[2:4])
    return used


def _say(what: str, ratios: list[float], target: float) -> None:
    found = statistics.median(ratios)
    print(f"  {what} ({min(ratios):.2f}-{max(ratios):.2f}): {found:.3f}, target {target:.3f}: "
          f"{'met' if found <= target else 'MISSED'}", flush=True)


def _judge(rows: dict[str, list[Used]], others: dict[str, str], check: str, how: str) -> None:
    """The median of each round's ratio, for all saw the same weather."""
    ours = rows[check]
    for name, who in others.items():
        _say(f"the check's wall beside {name}'s", [a.wall / b.wall for a, b in zip(ours, rows[who])], WALL_TARGET[how])
        _say(f"its CPU with containerd's beside {name}'s", [(a.client_cpu + a.daemon_cpu) / (b.client_cpu + b.daemon_cpu)
                                                            for a, b in zip(ours, rows[who])], CPU_TARGET)
    _say(f"the check's wall beside {TAR}", [a.wall / b.wall for a, b in zip(ours, rows[TAR])], TAR_TARGET)
    _say("its peak memory in MB, with its children", [used.peak for used in ours], MEMORY_TARGET_MB)


def measure_all(bench, others: dict[str, str], check: str) -> bool:
    """Targets of speed are printed only. `bench` is a pulls.Bench, `others` names its clients."""
    image, table_of = bench_images.debian(bench.scale), bench.new_table
    with Registry() as registry:
        images.Client(registry.url).push("large", "1", image)
        reference = f"{registry.name}/large:1"
        for where, place in PLACES.items():
            for how, decompressors in (("Go's gzip", False), ("igzip", packages.decompressors())):
                table, clients = table_of(), [check, *others.values(), TAR]
                for turn in range(bench.rounds):
                    for who in clients[turn % len(clients):] + clients[: turn % len(clients)]:
                        found = tar_by_hand(registry, image, place) if who == TAR else bench.pulls(
                            registry, [reference], (who,), place=place, decompressors=decompressors)[who]
                        table.add(who, found)
                size = sum(layer.size for layer in image.variants[0].layers) / 1e6
                table.show(f"one image of {size:.0f} MB unpacked, containerd {bench.version}, its state {where}, by {how}")
                _judge(table.rows, others, check, how)
    return True

"""The measurements of tests/bench/registry."""

import argparse
import collections
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rig import images, layers, packages, program, programs
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry
from rig.skopeo import Skopeo

TARGET = 20  # times faster than the loop
JUDGED = 8   # a busy machine measures what it likes; below this something is wrong


@dataclass
class Row:
    seconds: float
    cpu: float  # seconds, of the client alone
    peak: float  # MB
    requests: collections.Counter  # (method, path)
    bytes: int  # of the answers' bodies


def publish(registry: Registry, count: int) -> list[str]:
    """Images of both architectures that differ in one small layer."""
    client, references = images.Client(registry.url), []
    program_of = {a: layers.from_files(layers.File("app", programs.good(a))) for a in packages.ARCHITECTURES}
    for i in range(count):
        own = layers.from_files(layers.File("number", b"%d" % i))
        variants = [images.variant(a, [program_of[a], own], {"Entrypoint": ["/app"]}) for a in packages.ARCHITECTURES]
        client.push(f"fleet/app-{i:03}", "1", images.index(*variants))
        references.append(f"{registry.name}/fleet/app-{i:03}:1")
    return references


def answered(log: str) -> tuple[collections.Counter, int]:
    """Requests and body bytes of the access log's lines; the answer to a HEAD has no body."""
    lines = re.findall(r'"([A-Z]+) (\S+) HTTP/[0-9.]+" (\d{3}) (\d+)', log)
    counted = collections.Counter((method, path) for method, path, _, _ in lines)
    return counted, sum(int(size) for method, _, _, size in lines if method != "HEAD")


class PeakMemory:
    """VmHWM of a process, looked at from a thread of its own: what it needed at most."""

    def __init__(self, pid: int):
        self.peak, self._pid, self._done = 0.0, pid, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.002):
            try:
                status = Path(f"/proc/{self._pid}/status").read_text(encoding="utf-8")
            except OSError:
                return
            if found := re.search(r"VmHWM:\s+(\d+)", status):
                self.peak = max(self.peak, int(found[1]) / 1024)

    def end(self) -> float:
        self._done.set()
        self._thread.join()
        return self.peak


def run(command: list, environment=None) -> tuple[float, float, float, str]:
    """Wall and CPU seconds, peak memory in MB, standard output."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env=environment, text=True)
    memory = PeakMemory(process.pid)
    output = process.stdout.read()
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {process.returncode}")
    return seconds, used.ru_utime + used.ru_stime, memory.end(), output


class Bench:
    def __init__(self, registry: Registry, containerd: Containerd, nodeproof: Nodeproof, references: list[str]):
        self.registry, self.nodeproof, self.references = registry, nodeproof, references
        self.config = nodeproof.write_config({
            "containerd": {"address": str(containerd.socket), "namespace": "k8s.io"},
            "images": [{"reference": reference} for reference in references]})

    def prove(self) -> float:
        begin = time.monotonic()
        done = self.nodeproof.check(self.config)
        if done.code != 0:
            raise RuntimeError(f"the images are not ready: {done.report['message']}")
        return time.monotonic() - begin

    def new_requests(self, action) -> Row:
        before = self.registry.log.stat().st_size
        seconds, cpu, peak = action()
        with open(self.registry.log, encoding="utf-8") as log:
            log.seek(before)
            return Row(seconds, cpu, peak, *answered(log.read()))

    def warm_pass(self) -> Row:
        """A cycle as the daemon runs it, every tag due."""
        self.nodeproof.age_polls()
        return self.new_requests(self._cycle)

    def idle_pass(self) -> Row:
        """The same with no tag due."""
        return self.new_requests(self._cycle)

    def _cycle(self) -> tuple[float, float, float]:
        seconds, cpu, peak, output = run(self.nodeproof.command("cycle-child", "-c", self.config))
        if '"verdict":"ready"' not in output.splitlines()[-1]:
            raise RuntimeError("the warm pass did not end ready")
        return seconds, cpu, peak

    def loop(self, skopeo: Skopeo) -> Row:
        return self.new_requests(lambda: self._loop(skopeo))

    def _loop(self, skopeo: Skopeo) -> tuple[float, float, float]:
        begin, cpu, peak = time.monotonic(), 0.0, 0.0
        for reference in self.references:
            _, used, most, _ = run([skopeo.tree / "usr/bin/skopeo", "--insecure-policy", "inspect",
                                    "--tls-verify=false", f"docker://{reference}"], skopeo.environment)
            cpu, peak = cpu + used, max(peak, most)
        return time.monotonic() - begin, cpu, peak


def show(name: str, rows: list[Row]) -> float:
    """Prints the medians; the median of the seconds."""
    seconds = statistics.median(row.seconds for row in rows)
    print(f"  {name}: {sum(rows[-1].requests.values())} requests, {rows[-1].bytes} bytes of bodies, {seconds:.3f} s "
          f"({min(row.seconds for row in rows):.3f}-{max(row.seconds for row in rows):.3f}), CPU "
          f"{statistics.median(row.cpu for row in rows):.3f} s, peak memory {max(row.peak for row in rows):.1f} MB")
    return seconds


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/bench/registry")
    options.add_argument("--containerd", choices=list(packages.CONTAINERD_SUITES), default="1.6")
    options.add_argument("--images", type=int, default=100)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    print(f"program measured: {program.binary()}")
    with (Registry() as registry, Containerd(given.containerd) as containerd, Nodeproof() as nodeproof,
          Skopeo() as skopeo):
        bench = Bench(registry, containerd, nodeproof, publish(registry, given.images))
        print(f"{given.images} images of one registry, containerd {given.containerd}; proven in {bench.prove():.1f} s")
        warm = [bench.warm_pass() for _ in range(given.rounds)]
        idle = [bench.idle_pass() for _ in range(given.rounds)]
        loops = [bench.loop(skopeo) for _ in range(min(given.rounds, 2))]
    ours = show("nodeproof, a cycle with every tag due", warm)
    show("nodeproof, a cycle with no tag due", idle)
    theirs = show("skopeo inspect in a loop", loops)
    wanted = collections.Counter(("HEAD", f"/v2/fleet/app-{i:03}/manifests/1") for i in range(given.images))
    exact = all(row.requests == wanted for row in warm) and not any(row.requests for row in idle)
    faster = theirs / ours
    print(f"  one HEAD per image that is due, and nothing else: {'kept' if exact else 'BROKEN'}")
    print(f"  {faster:.1f} times as fast as the loop; the target of {TARGET} is {'met' if faster >= TARGET else 'MISSED'}")
    return 0 if exact and faster >= JUDGED else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.Unavailable as error:
        sys.exit(f"tests/bench/registry: {error}")

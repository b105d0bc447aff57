"""The measurements of tests/bench/smoke."""

import argparse
import statistics
import sys

from pulls import NAMESPACE
from rig import catalogue, images, layers, packages, program
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry
from usage import Used, measure

IMAGES = 20
TARGET = 1.2
COMMAND = ["/usr/bin/bash", "-c", "true"]
CTR, OURS = "ctr run --rm, one after another", "nodeproof check --again, all of it"


def publish(registry: Registry) -> list[str]:
    """Debian's base and bash, each with a file of its own."""
    host, references = packages.host_architecture(), []
    for i in range(IMAGES):
        own = layers.from_files(layers.File("etc/which", b"%d\n" % i, 0o644))
        image = images.index(images.variant(host, [catalogue.base(host), own], {"Entrypoint": ["/usr/bin/bash"]}))
        images.Client(registry.url).push(f"image-{i:02}", "1", image)
        references.append(f"{registry.name}/image-{i:02}:1")
    return references


class Bench:
    def __init__(self, containerd: Containerd, nodeproof: Nodeproof, references: list[str]):
        self.containerd, self.nodeproof, self.references = containerd, nodeproof, references
        test = {"name": "runs", "args": COMMAND}
        self.config = nodeproof.write_config({
            "containerd": {"address": str(containerd.socket), "namespace": NAMESPACE}, "pull": {"keep_free": "0"},
            "images": [{"reference": reference, "smoke": [test]} for reference in references]})

    def ctr(self) -> Used:
        tree, inside = self.containerd.tree, self.containerd.inside()
        ctr = [*inside, tree / "usr/bin/ctr", "--address", self.containerd.socket, "--namespace", NAMESPACE]
        commands = [[*ctr, "run", "--rm", reference, f"bench-{i}", *COMMAND] for i, reference in enumerate(self.references)]
        return measure(self.containerd.process.pid, commands, False, self.containerd.environment())

    def ours(self, *more: str) -> Used:
        command = self.nodeproof.command("check", "-c", self.config, "-o", "json", *more)
        used = measure(self.containerd.process.pid, [command])
        started = used.outputs[0].count('"result":"passed"') + used.outputs[0].count('"result": "passed"')
        if started != IMAGES:
            raise RuntimeError(f"{started} of {IMAGES} tests passed: {used.outputs[0][:2000]}")
        return used


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/bench/smoke")
    options.add_argument("--containerd", choices=[*packages.CONTAINERD_SUITES], default="2")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    print(f"program measured: {program.binary()}", flush=True)
    rows: dict[str, list[Used]] = {CTR: [], OURS: []}
    with Registry() as registry, Containerd(given.containerd) as containerd, Nodeproof() as nodeproof:
        bench = Bench(containerd, nodeproof, publish(registry))
        bench.ours()  # pulls and proves
        bench.ours("--again")  # nobody knows how this boot began: all files are compared, once
        for turn in range(given.rounds):
            for who in (CTR, OURS) if turn % 2 == 0 else (OURS, CTR):
                rows[who].append(bench.ctr() if who == CTR else bench.ours("--again"))
    print(f"{IMAGES} images with one command each, containerd {given.containerd}, {given.rounds} rounds:")
    for who, found in rows.items():
        wall = [used.wall for used in found]
        cpu, daemon = (statistics.median(getattr(used, name) for used in found) for name in ("client_cpu", "daemon_cpu"))
        print(f"  {who:36} {statistics.median(wall):6.2f} s wall (median; {min(wall):.2f}-{max(wall):.2f}), "
              f"CPU s {cpu:.2f} + {daemon:.2f} of containerd")
    ratio = statistics.median(ours.wall / ctr.wall for ctr, ours in zip(rows[CTR], rows[OURS]))
    print(f"  wall beside ctr's: {ratio:.2f}, may be {TARGET}: {'kept' if ratio <= TARGET else 'EXCEEDED'}")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.Unavailable as error:
        sys.exit(f"tests/bench/smoke: {error}")

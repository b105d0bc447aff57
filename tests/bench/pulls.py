"""The measurements of tests/bench/pull."""

import argparse
import contextlib
import json
import signal
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import bench_images
import unpacks
from rig import images, packages, processes, program
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry
from shaped_link import FAR, ShapedLink
from usage import Used, io_of, measure
from warm_pass import answered

PARTS = ("large", "set", "link", "written", "unchanged", "unpack")
NAMESPACE = "k8s.io"
MEMORY_TARGET_MB = 40
UNCHANGED_TARGET_S = 0.050
SMALLER = 0.25  # of the large image
DISK = "/var/tmp"
CLIENTS = OURS, CRI, CTR, CHECK = ("nodeproof, the pull", "CRI PullImage", "ctr images pull",
                                   "nodeproof check, all of it")


def driver() -> Path:
    return program.binary().parent / "containerd_driver"


@dataclass
class Stage:
    """One fresh containerd and the registry it pulls from."""

    registry: Registry
    containerd: Containerd
    references: list[str]

    def commands(self, who: str, nodeproof: Nodeproof) -> tuple[list, bool]:
        """What to run, and whether all of it together."""
        socket = self.containerd.socket
        if who == OURS:
            return [[driver(), socket, "set", "publish=1", "observe=0", *self.references]], False
        if who == CRI:
            return [[driver(), socket, "cri-pull", reference] for reference in self.references], True
        if who == CTR:
            ctr = [self.containerd.tree / "usr/bin/ctr", "--address", socket, "--namespace", NAMESPACE]
            return [[*ctr, "images", "pull", "--plain-http", reference] for reference in self.references], False
        plain = {self.registry.name: {"plain_http": True}}
        config = nodeproof.write_config({"containerd": {"address": str(socket), "namespace": NAMESPACE},
                                         "registries": plain, "pull": {"keep_free": "0"},
                                         "images": [{"reference": reference} for reference in self.references]})
        return [nodeproof.command("check", "-c", config, "-o", "json")], False

    def run(self, who: str, nodeproof: Nodeproof) -> Used:
        commands, together = self.commands(who, nodeproof)
        environment = self.containerd.environment() | {"PLAIN_HTTP": self.registry.name}
        before = self.registry.log.stat().st_size
        used = measure(self.containerd.process.pid, commands, together, environment)
        with open(self.registry.log, encoding="utf-8") as log:
            log.seek(before)
            used.wire = answered(log.read())[1]
        missing = set(self.references) - set(self.containerd.images())
        if missing:
            raise RuntimeError(f"{who}: containerd has no {', '.join(sorted(missing))}")
        return used


@dataclass
class Table:
    """What was measured, by client; the rounds in their order."""

    rows: dict[str, list[Used]] = field(default_factory=dict)

    def add(self, who: str, used: Used) -> None:
        self.rows.setdefault(who, []).append(used)

    def wall(self, who: str) -> float:
        return statistics.median(used.wall for used in self.rows[who])

    def show(self, title: str) -> None:
        print(f"{title}\n  {'':28}  wall s (min-max)    CPU s: client daemon   on wire    written   peak")
        for who, found in self.rows.items():
            walls = [used.wall for used in found]
            client, daemon = (statistics.median(getattr(used, name) for used in found)
                              for name in ("client_cpu", "daemon_cpu"))
            print(f"  {who:28} {self.wall(who):7.3f} ({min(walls):.3f}-{max(walls):.3f})"
                  f"   {client:9.2f} {daemon:6.2f} {found[-1].wire / 1e6:8.1f} MB {found[-1].written / 1e6:7.1f} MB"
                  f" {max(used.peak for used in found):6.1f} MB", flush=True)

    def judge(self, what: str, theirs: str, target: float) -> None:
        """The median of each round's ratio, for both saw the same weather."""
        pairs = list(zip(self.rows[OURS], self.rows[theirs]))
        ratios = [ours.wall / other.wall for ours, other in pairs]
        say(f"{what} ({min(ratios):.2f}-{max(ratios):.2f})", statistics.median(ratios), target)

    def keeps_memory(self) -> bool:
        """The pull's decides; a whole check inspects and tests besides."""
        peaks = {who: max(used.peak for used in self.rows[who]) for who in (OURS, CHECK)}
        for who, peak in peaks.items():
            say(f"peak memory in MB, {who}", peak, MEMORY_TARGET_MB)
        return peaks[OURS] <= MEMORY_TARGET_MB


def megabytes(image: images.Image) -> str:
    return f"{sum(part.size for part in image.variants[0].layers) / 1e6:.0f} MB"


def say(what: str, found: float, target: float) -> None:
    print(f"  {what}: {found:.3f}, target {target:.3f}: {'met' if found <= target else 'MISSED'}", flush=True)


class Bench:
    new_table = Table

    def __init__(self, version: str, rounds: int, link_scale: float = 1, scale: float = 1):
        self.version, self.rounds, self.link_scale, self.scale = version, rounds, link_scale, scale
        self.tails: dict[str, list[float]] = {}  # client -> seconds that it took after the last byte, by round

    @contextlib.contextmanager
    def stage(self, registry: Registry, references: list[str], **more):
        with Containerd(self.version, **more) as containerd, Nodeproof() as nodeproof:
            yield Stage(registry, containerd, references), nodeproof

    def pulls(self, registry: Registry, references: list[str], clients: tuple, **more) -> dict[str, Used]:
        """One round: each client with a containerd that has nothing yet."""
        found = {}
        for who in clients:
            with self.stage(registry, references, **more) as (stage, nodeproof):
                found[who] = stage.run(who, nodeproof)
        return found

    def compare(self, registry: Registry, references: list[str]) -> Table:
        table = Table()
        for turn in range(self.rounds):
            first = turn % len(CLIENTS)
            for who, used in self.pulls(registry, references, CLIENTS[first:] + CLIENTS[:first]).items():
                table.add(who, used)
        return table

    def large(self) -> bool:
        with Registry() as registry:
            image = bench_images.large()
            images.Client(registry.url).push("large", "1", image)
            table = self.compare(registry, [f"{registry.name}/large:1"])
        table.show(f"one image of {megabytes(image)}, containerd {self.version}, its state in memory")
        table.judge("the pull beside CRI's", CRI, 1.0)
        return table.keeps_memory()

    def unpack(self) -> bool:
        return unpacks.measure_all(self, {"ctr": CTR, "CRI": CRI}, CHECK)

    def set(self) -> bool:
        with Registry() as registry:
            table = self.compare(registry, publish_set(registry))
        table.show(f"ten images that share bases, containerd {self.version}, its state in memory; ctr one after "
                   "another, CRI all together")
        table.judge("the pull beside ctr's", CTR, 0.6)
        table.judge("the pull beside CRI's", CRI, 0.9)
        return table.keeps_memory()

    def written(self) -> bool:
        """Once each, for the bytes alone: a disk that has just lost a tree of snapshots is slow for a while."""
        table = Table()
        with Registry() as registry:
            image = bench_images.large(SMALLER)
            images.Client(registry.url).push("large", "1", image)
            for who, used in self.pulls(registry, [f"{registry.name}/large:1"], CLIENTS, place=DISK).items():
                table.add(who, used)
        table.show(f"one image of {megabytes(image)}, containerd {self.version}, its state on a disk; the walls tell "
                   "nothing here")
        return table.keeps_memory()

    def link(self) -> bool:
        table, floors = Table(), []
        image = bench_images.large(self.link_scale)
        with ShapedLink() as link:
            link.far()
            with Registry(address=FAR) as registry:
                images.Client(registry.url).push("large", "1", image)
                link.near()
                for _ in range(self.rounds):
                    floors.append(self.link_round(table, link, registry))
        table.show(f"one image of {megabytes(image)} over {link.mbit} Mbit/s and "
                   f"{link.round_trip_ms} ms, containerd {self.version}; on the wire: with all headers")
        ratios = [used.wall / floor for used, floor in zip(table.rows[OURS], floors)]
        say(f"the pull beside bytes/bandwidth and the last unpack ({min(ratios):.2f}-{max(ratios):.2f})",
            statistics.median(ratios), 1.05)
        for who in (OURS, CHECK):
            say(f"{who}, seconds after the last byte", statistics.median(self.tails[who]), unpacks.TAIL_TARGET_S)
        return table.keeps_memory()

    def link_round(self, table: Table, link: ShapedLink, registry: Registry) -> float:
        """What our pull could have taken at best, in seconds."""
        floor = 0.0
        for who in CLIENTS:
            with self.stage(registry, [f"{registry.name}/large:1"], plain_http=registry.name) as (stage, nodeproof):
                before = link.received()
                with unpacks.LastByte(link) as last_byte:
                    used = stage.run(who, nodeproof)
                self.tails.setdefault(who, []).append(last_byte.ago)
                used.wire = link.received() - before
            table.add(who, used)
            if who == OURS:
                last = json.loads(used.outputs[0])["last_unpack"]
                floor = used.wire * 8 / link.mbit / 1e6 + last
        return floor

    def unchanged(self) -> bool:
        """A check of what is proven, every tag due, its state on a disk; then the others' pulls of what is there."""
        table = Table()
        with Registry() as registry, tempfile.TemporaryDirectory(dir="/dev/shm") as run_folder:
            references = publish_set(registry)
            with self.stage(registry, references, place=DISK) as (stage, nodeproof):
                nodeproof.run_folder = Path(run_folder)  # a tmpfs, as /run is
                stage.run(CHECK, nodeproof)
                wait_for_rest(stage.containerd)
                right = [self.check_unchanged(stage, nodeproof, table) for _ in range(self.rounds)]
                for _ in range(self.rounds):
                    for who in (CRI, CTR):
                        table.add(who, stage.run(who, nodeproof))
        table.show(f"ten images unchanged, containerd {self.version}, its state on a disk")
        say("the check, seconds", table.wall(CHECK), UNCHANGED_TARGET_S)
        print(f"  one HEAD per image, no layer read, nothing written: {'kept' if all(right) else 'BROKEN'}", flush=True)
        return all(right)

    def check_unchanged(self, stage: Stage, nodeproof: Nodeproof, table: Table) -> bool:
        nodeproof.age_polls()
        asked = len(stage.registry.requests())
        used = stage.run(CHECK, nodeproof)
        table.add(CHECK, used)
        count = len(stage.references)
        processes.wait_until(lambda: len(stage.registry.requests()) >= asked + count, "the registry's log")
        heads = sorted((method, path) for method, path, _ in stage.registry.requests()[asked:])
        wanted = sorted(("HEAD", f"/v2/{name.split('/', 1)[1].split(':')[0]}/manifests/1") for name in stage.references)
        report = json.loads(used.outputs[0])
        right = heads == wanted and used.written == 0 and used.read < 1 << 20 and report["verdict"] == "ready"
        if not right:
            print(f"  {len(heads)} requests {heads[:20]}, {used.written} bytes written, {used.read} read by containerd, "
                  f"{report['message']}")
        return right


def wait_for_rest(containerd: Containerd) -> None:
    """After a pull containerd collects its garbage when it likes: until it has written nothing for a while."""
    seen = [-1] * 50

    def rests() -> bool:
        seen.append(io_of(containerd.process.pid)["write_bytes"])
        return len(set(seen[-50:])) == 1

    processes.wait_until(rests, "containerd at rest")


def publish_set(registry: Registry) -> list[str]:
    for i, image in enumerate(bench_images.sharing()):
        images.Client(registry.url).push(f"set/app-{i}", "1", image)
    return [f"{registry.name}/set/app-{i}:1" for i in range(10)]


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/bench/pull")
    options.add_argument("--containerd", choices=[*packages.CONTAINERD_SUITES, "all"], default="all")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--part", choices=PARTS, action="append")
    options.add_argument("--link-scale", type=float, default=1)
    options.add_argument("--scale", type=float, default=1)
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("tests/bench/pull: ended"))  # through all that cleans up
    print(f"program measured: {program.binary()}", flush=True)
    versions = list(packages.CONTAINERD_SUITES) if given.containerd == "all" else [given.containerd]
    kept = True
    for version in versions:
        bench = Bench(version, given.rounds, given.link_scale, given.scale)
        for part in given.part or PARTS:
            kept = getattr(bench, part)() and kept
    return 0 if kept else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.Unavailable as error:
        sys.exit(f"tests/bench/pull: {error}")

"""The measurements of tests/bench/inspect."""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import bench_images
from pulls import NAMESPACE, driver, megabytes, say
from rig import images, layers, packages, program, programs
from rig.containerd import Containerd
from rig.registry import Registry
from shaped_link import FAR, ShapedLink
from usage import Used, measure

PARTS = ("loopback", "link")
TARGETS = {"loopback": 1.25, "link": 1.10}
CACHED_TARGET_S = 0.005
MEMORY_TARGET_MB = 16
PLAIN, INSPECTED = "the pull alone", "the pull, inventories taken"
# Some 90 MB of programs and libraries that unpack to 350 MB.
PACKAGES = ("libc6 libstdc++6 libssl3 libicu72 libpython3.11-stdlib python3.11-minimal libnode108 perl-base perl-modules-5.36 "
            "openjdk-17-jre-headless libllvm14 libopenblas0-pthread libgtk-3-0 libavcodec59 git").split()


def code() -> images.Image:
    """Debian's for arm64, in an image that says it is for this machine: what is measured is the reading."""
    debs = packages.debs("bookworm", "arm64", PACKAGES)
    half = len(debs) // 2
    app = programs.good(packages.host_architecture())
    parts = [layers.from_packages(debs[:half]), layers.from_packages(debs[half:]),
             layers.from_files(layers.File("app", app))]
    return images.index(images.variant(packages.host_architecture(), parts, {"Entrypoint": ["/app"]}))


class Bench:
    def __init__(self, version: str, rounds: int):
        self.version, self.rounds = version, rounds

    def pull(self, reference: str, registry: str, inventories: str) -> Used:
        """By a containerd that has nothing yet."""
        with Containerd(self.version, plain_http=registry) as containerd:
            how = [f"inventories={inventories}"] if inventories else ["observe=0"]
            command = [driver(), containerd.socket, "set", "publish=1", *how, reference]
            environment = containerd.environment() | {"PLAIN_HTTP": registry}
            used = measure(containerd.process.pid, [command], False, environment)
            if reference not in containerd.images():
                raise RuntimeError(f"containerd has no {reference} in {NAMESPACE}: {used.outputs}")
            return used

    def compare(self, title: str, reference: str, registry: str, part: str) -> bool:
        rows: dict[str, list[Used]] = {PLAIN: [], INSPECTED: []}
        with contextlib.ExitStack() as stack:
            for turn in range(self.rounds):
                folder = stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))
                for who in (PLAIN, INSPECTED) if turn % 2 == 0 else (INSPECTED, PLAIN):
                    rows[who].append(self.pull(reference, registry, folder if who == INSPECTED else ""))
            print(f"{title}, containerd {self.version}, {part}", flush=True)
            for who, found in rows.items():
                wall, cpu, daemon = (statistics.median(getattr(used, name) for used in found)
                                     for name in ("wall", "client_cpu", "daemon_cpu"))
                print(f"  {who:28} {wall:7.3f} s wall, CPU s {cpu:6.2f} + {daemon:6.2f} of containerd, "
                      f"peak {max(used.peak for used in found):5.1f} MB", flush=True)
            ratios = [ours.wall / plain.wall for plain, ours in zip(rows[PLAIN], rows[INSPECTED])]
            say(f"wall beside the pull alone ({min(ratios):.2f}-{max(ratios):.2f})", statistics.median(ratios),
                TARGETS[part])
            on_top = (max(used.peak for used in rows[INSPECTED]) - max(used.peak for used in rows[PLAIN]))
            say("peak memory on top, MB", on_top, MEMORY_TARGET_MB)
            if part == "loopback":
                self.cached(reference, folder)
        return on_top <= MEMORY_TARGET_MB

    def cached(self, reference: str, folder: str) -> None:
        command = [driver().parent / "inspect_bench", folder, reference, "20"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        say("inspection of an image whose inventories are there, s", float(done.stdout), CACHED_TARGET_S)

    def loopback(self) -> bool:
        kept = True
        with Registry() as registry:
            for name, image in (("code", code()), ("files", bench_images.large())):
                images.Client(registry.url).push(name, "1", image)
                kept = self.compare(f"{name}: {megabytes(image)}", f"{registry.name}/{name}:1", registry.name,
                                    "loopback") and kept
        return kept

    def link(self) -> bool:
        image = code()
        with ShapedLink() as link:
            link.far()
            with Registry(address=FAR) as registry:
                images.Client(registry.url).push("code", "1", image)
                link.near()
                return self.compare(f"code: {megabytes(image)}", f"{registry.name}/code:1", registry.name, "link")


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/bench/inspect")
    options.add_argument("--containerd", choices=[*packages.CONTAINERD_SUITES], default="2")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--part", choices=PARTS, action="append")
    given = options.parse_args()
    print(f"program measured: {Path(program.binary()).parent}", flush=True)
    bench = Bench(given.containerd, given.rounds)
    kept = [getattr(bench, part)() for part in given.part or PARTS]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.Unavailable as error:
        sys.exit(f"tests/bench/inspect: {error}")

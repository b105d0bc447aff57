"""The power is cut right after an image was called ready: whatever the kernel had not written by then is lost."""

import hashlib
import io
import json
import tarfile
import tempfile
import unittest
from pathlib import Path

import machine
from machine_test import CONFIG, arm64_binary
from rig import catalogue, images, layers, packages, program, programs, testing
from rig.registry import Registry

SECONDS = 300
CUT = b"THE POWER IS CUT"
# Nothing is written but what somebody syncs: the kernel's own writing back is put off for as long as the test takes.
BEGIN = rb"""
echo 0 > /proc/sys/vm/dirty_writeback_centisecs; echo 90 > /proc/sys/vm/dirty_ratio; echo 80 > /proc/sys/vm/dirty_background_ratio
for serial in /sys/block/vd*/serial; do [ "$(cat "$serial")" = data ] && disk=/dev/$(basename "$(dirname "$serial")"); done
mkdir -p /var/lib/kept; mount -t ext4 -o commit=3000 "$disk" /var/lib/kept || exit 9
mkdir -p /var/lib/kept/containerd /var/lib/kept/nodeproof /var/lib/containerd /var/lib/nodeproof
mount --bind /var/lib/kept/containerd /var/lib/containerd; mount --bind /var/lib/kept/nodeproof /var/lib/nodeproof
containerd > out/containerd.log 2>&1 &
until [ -S /run/containerd/containerd.sock ] && ctr version > /dev/null 2>&1; do :; done
./nodeproof check -c nodeproof.json -o json > out/report.json 2> out/check.err; echo $? > out/code
"""
FIRST = BEGIN + b"""
cp nodeproof /var/lib/kept/nobody-synced-this
[ "$(cat out/code)" = 0 ] && echo '%s' > /dev/console && sleep 1000
""" % CUT
SECOND = BEGIN + rb"""
[ "$(wc -c < /var/lib/kept/nobody-synced-this)" = "$(wc -c < nodeproof)" ]; echo $? > out/lost
ctr -n k8s.io images check > out/images
mkdir /tmp/root; ctr -n k8s.io images mount --platform linux/arm64 "$(cat reference)" /tmp/root && tar -C /tmp/root -cf out/files.tar .
"""


def contents(archive: tarfile.TarFile) -> dict[str, str]:
    """SHA-256 of every regular file by its path."""
    files = (info for info in archive if info.isfile())
    return {info.name.removeprefix("./"): hashlib.sha256(archive.extractfile(info).read()).hexdigest() for info in files}


class PowerCut(testing.RigTest):
    def test_behind_ready_costs_no_file_of_the_image(self):
        registry = self.keep(Registry)
        debs = packages.debs(catalogue.SUITE, "arm64", catalogue.BASE)
        layer = layers.from_packages(debs, (layers.File("app", programs.good("arm64")),))
        image = images.index(images.variant("arm64", [layer], {"Entrypoint": ["/app"]}))
        images.Client(registry.url).push("kept", "1", image)
        inside = f"{machine.HOST}:{registry.port}"
        config = {"containerd": CONFIG, "registries": {inside: {"plain_http": True}}, "pull": {"keep_free": "10MB"},
                  "images": [{"reference": f"{inside}/kept:1"}]}
        payload = {"nodeproof": arm64_binary().read_bytes(), "nodeproof.json": json.dumps(config).encode(),
                   "reference": f"{inside}/kept:1".encode()}
        with tempfile.TemporaryDirectory(prefix="nodeproof-power-") as folder:
            try:
                disk = machine.data_disk(Path(folder) / "data")
                cut = machine.run("4k", {**payload, "run.sh": FIRST}, SECONDS, disk, CUT)
                self.assertIn(CUT, cut["console"], {name: data[-2000:] for name, data in cut.items()})
                out = machine.run("4k", {**payload, "run.sh": SECOND}, SECONDS, disk)
            except packages.Unavailable as error:
                raise unittest.SkipTest(str(error)) from error
        self.assertIn("files.tar", out, {name: data[-2000:] for name, data in out.items()})
        self.assertEqual(b"1\n", out["lost"], "this power cut loses nothing")
        with tarfile.open(layer.path) as wanted, tarfile.open(fileobj=io.BytesIO(out["files.tar"])) as found:
            self.assertEqual(contents(wanted), contents(found))
        outcome = program.Outcome(int(out["code"]), out["report.json"].decode(), out["check.err"].decode())
        image = outcome.image(f"{inside}/kept:1")
        self.assertEqual(("ready", 0), (image["verdict"], image["pull"]["downloadedBytes"]), image["findings"])
        self.assertIn(b"complete", out["images"])


if __name__ == "__main__":
    testing.main()

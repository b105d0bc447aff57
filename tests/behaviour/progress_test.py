"""How far a pull is, said while it is under way: by `check` in a log, by the daemon to `status` and in its log."""

import re
import subprocess
from pathlib import Path

from rig import images, processes, testing
from rig.on_containerd import HOST, MEGABYTE, OnContainerd, layer
from rig.program import Nodeproof
from rig.proxy import Proxy


class Progress(OnContainerd):
    """A registry that gives 3 of 8 MB and then nothing for as long as the test likes."""

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.log = self.nodeproof.folder / "log"

    def stalling(self, name: str) -> Proxy:
        self.part = layer(name, 8 * MEGABYTE)
        self.push(name, images.index(images.variant(HOST, [self.part], {"Cmd": ["/x"]})))
        proxy = self.enterContext(Proxy(self.registry.port, stall=3 * MEGABYTE))
        self.reference = f"{proxy.name}/{name}:1"
        return proxy

    def config(self) -> Path:
        return self.nodeproof.write_config({"containerd": {"address": str(self.containerd.socket)},
                                            "images": [{"reference": self.reference}]})

    def start_logged(self, *arguments) -> subprocess.Popen:
        log = self.enterContext(open(self.log, "w", encoding="utf-8"))
        process = subprocess.Popen(self.nodeproof.command(*arguments), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=log)
        self.addCleanup(processes.stop, process)
        return process

    def wait_for_line(self, pattern: str, process: subprocess.Popen) -> None:
        line = re.compile(rf"^{re.escape(self.reference)}: {pattern}$", re.M)
        processes.wait_until(lambda: line.search(self.log.read_text()), f"a line '{pattern}' in the log", process, 60)

    def status(self) -> dict:
        return self.nodeproof("status", "-o", "json").report

    def image(self) -> dict:
        """As the status shows it under way; {} when it does not."""
        shown = self.status().get("progress", {"images": []})["images"]
        return next((image for image in shown if image["image"] == self.reference), {})

    def test_check_says_in_its_log_that_a_pull_stalls_and_that_it_goes_on(self):
        proxy = self.stalling("check-stalls")
        running = self.start_logged("check", "-c", self.config())
        self.wait_for_line(r"pulling, .* of 8\.4 MB.*", running)
        self.wait_for_line(r"pulling, .* of 8\.4 MB, stalled for \d+ s", running)
        proxy.go_on()
        running.wait(60)
        self.wait_for_line(r"goes on after \d+ s, .* of 8\.4 MB", None)
        self.wait_for_line("ended", None)

    def test_the_daemons_status_shows_a_pull_and_its_stall_while_it_is_under_way(self):
        proxy = self.stalling("daemon-stalls")
        daemon = self.start_logged("daemon", "-v", "-c", self.config())
        socket = self.nodeproof.run_folder / "nodeproof.sock"
        processes.wait_until(socket.exists, "the daemon", daemon)
        processes.wait_until(lambda: self.image().get("doneBytes", 0) > MEGABYTE, "a pull with bytes", daemon, 60)
        image = self.image()
        self.assertEqual(("pull", self.part.size), (image["phase"], image["totalBytes"]))
        self.assertLess(image["doneBytes"], self.part.size)
        processes.wait_until(lambda: self.image()["stalledSeconds"] > 0, "a pull that stalls", daemon, 60)
        total = self.status()["progress"]["total"]
        self.assertEqual((1, 1, self.part.size, 0),
                         tuple(total[key] for key in ("images", "pulling", "totalBytes", "bytesPerSecond")))
        table = self.nodeproof("status").stdout
        self.assertIn("a check is under way, pulling 1 of 1 image\n", table)
        self.assertRegex(table, rf"{re.escape(self.reference)}  pull .* of 8\.4 MB  stalled for \d+ s\n")
        self.wait_for_line(r"pulling, .* of 8\.4 MB, stalled for \d+ s", daemon)

        proxy.go_on()
        processes.wait_until(lambda: self.status()["sequence"] > 0, "the report", daemon, 60)
        self.assertNotIn("progress", self.status())
        self.wait_for_line(r"goes on after \d+ s, .* of 8\.4 MB", daemon)
        self.wait_for_line("ended", daemon)


if __name__ == "__main__":
    testing.main()

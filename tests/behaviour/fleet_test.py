"""nodeproof fleet: 500 nodes' reports, seven of which are not as they should be, told apart by one command."""

import copy
import datetime
import json

from rig import testing
from rig.containerd import Containerd
from rig.program import Nodeproof

IMAGE = "registry.lan:5000/shop/app:v2.1.0"
BOARDS = {"pi5": ("arm64", "Raspberry Pi 5 Model B Rev 1.0"), "pi4": ("arm64", "Raspberry Pi 4 Model B Rev 1.4"), "server": ("amd64", "")}


def finding(code: str, message: str) -> dict:
    return {"code": code, "severity": "fail", "subject": "/app", "layer": "", "message": message, "evidence": "", "remedy": "build it anew"}


class Fleet(testing.RigTest):
    """The reports are those of a real check, given other names, boards and causes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with Nodeproof() as nodeproof:
            containerd = cls.keep(Containerd)
            cls.pattern = nodeproof("check", "--address", containerd.socket, "-o", "json").report
            cls.documents = {output: nodeproof("check", "--address", containerd.socket, "-o", output) for output in ("html", "junit", "sarif")}

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.reports = self.nodeproof.folder / "reports"
        self.reports.mkdir()
        self.now = datetime.datetime.now(datetime.timezone.utc)

    def put(self, name: str, kind: str, cause: dict | None = None, hours: float = 0) -> None:
        report = copy.deepcopy(self.pattern)
        architecture, board = BOARDS[kind]
        time = (self.now - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        report |= {"node": name, "time": time, "since": time, "bootId": f"boot of {name}", "findings": [],
                   "verdict": "not-ready" if cause else "ready", "reason": cause["code"] if cause else "", "message": ""}
        report["host"] |= {"architecture": architecture, "board": board}
        report["images"] = [{"reference": IMAGE, "verdict": report["verdict"], "required": True, "freshness": "current",
                             "findings": [cause] if cause else []}]
        (self.reports / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")

    def fill(self) -> None:
        pages = finding("PageSizeIncompatible", "its jemalloc is built for 4 KiB pages")
        broken = finding("ArchMismatch", "the entrypoint is built for x86-64")
        for i in range(493):
            self.put(f"node-{i}", ("pi5", "pi4", "server")[i % 3] if i % 3 else "server")
        for i in range(4):
            self.put(f"pages-{i}", "pi5", pages)
        self.put("broken", "pi4", broken)
        self.put("mute-1", "pi4", hours=3)
        self.put("mute-2", "server", pages, hours=50)

    def fleet(self, *arguments, code: int):
        done = self.nodeproof("fleet", *arguments)
        self.assertEqual(code, done.code, done.stdout[-3000:] + done.stderr)
        return done

    def test_seven_of_five_hundred_with_their_causes(self):
        self.fill()
        report = self.fleet("-o", "json", self.reports, code=1).report
        self.assertEqual({"reported": 500, "ready": 493, "notReady": 5, "unknown": 0, "silent": 2, "missing": 0}, report["nodes"])
        self.assertEqual([("PageSizeIncompatible", "Raspberry Pi 5 Model B", [f"pages-{i}" for i in range(4)]),
                          ("ArchMismatch", "Raspberry Pi 4 Model B", ["broken"])],
                         [(g["code"], g["board"], g["nodes"]) for g in report["groups"]])
        self.assertEqual(["mute-2", "mute-1"], [n["node"] for n in report["silent"]])
        table = self.fleet(self.reports, code=1).stdout
        self.assertIn("493 of 500 nodes ready, 5 not ready, 2 silent", table)
        self.assertLess(len(table.splitlines()), 20, "what is fine is not told")

    def test_a_check_has_its_other_documents(self):
        for output, begin in (("html", "<!DOCTYPE html>"), ("junit", "<?xml "), ("sarif", "{")):
            done = self.documents[output]
            self.assertEqual(2, done.code, done.stderr)
            self.assertTrue(done.stdout.startswith(begin), done.stdout[:200])
            self.assertIn("NothingRequired", done.stdout)

    def test_who_is_expected(self):
        self.put("node-1", "pi4")
        inventory = self.nodeproof.folder / "inventory.txt"
        inventory.write_text("# hall 3\nnode-1  10.0.0.1\nnode-2\n", encoding="utf-8")
        self.assertEqual(["node-2"], self.fleet("-o", "json", "--expect", inventory, self.reports, code=2).report["missing"])
        self.fleet("--expect", inventory, self.reports / "node-1.json", code=2)
        inventory.write_text("node-1\n", encoding="utf-8")
        self.assertIn("1 of 1 nodes ready\n", self.fleet("--expect", inventory, self.reports, code=0).stdout)

    def test_how_long_is_silent(self):
        self.put("node-1", "pi4", hours=3)
        self.fleet(self.reports, code=2)
        self.fleet("--silent-after", "4h", self.reports, code=0)
        self.assertIn("--silent-after 'soon' is no time", self.fleet("--silent-after", "soon", self.reports, code=64).stderr)

    def test_a_file_that_is_no_report_is_named_and_the_others_count(self):
        self.put("node-1", "pi4")
        (self.reports / "torn.json").write_text('{"apiVersion": "nodeproof.dev/v1", "ki', encoding="utf-8")
        done = self.fleet(self.reports, code=2)
        self.assertIn("torn.json", done.stdout)
        self.assertIn("1 of 1 nodes ready", done.stdout)

    def test_a_file_of_another_name_is_told_unless_it_was_named(self):
        self.put("node-1", "pi4")
        (self.reports / "node-1.json").rename(self.reports / "node-1")
        self.assertIn("reports in a folder are called *.json", self.fleet(self.reports, code=2).stdout)
        self.fleet(self.reports / "node-1", code=0)

    def test_nothing_to_read_is_a_usage_error(self):
        self.assertIn("there is no report", self.fleet(self.reports, code=64).stderr)
        self.assertIn("absent.json", self.fleet(self.nodeproof.folder / "absent.json", code=2).stdout)


if __name__ == "__main__":
    testing.main()

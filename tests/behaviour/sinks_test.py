"""The word to the fleet: what a running daemon tells its receivers, and what becomes of it while they are away."""

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from rig import processes, prometheus, testing
from rig.authority import Authority
from rig.front import Front
from rig.program import Nodeproof
from rig.receiver import Answer, Receiver

TYPE = "dev.nodeproof.report.v1"


class Sinks(testing.RigTest):
    """Without a containerd: the report says so, and that is as good a report as any."""

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.receiver = self.enterContext(Receiver())
        self.log = self.nodeproof.folder / "log"

    def start(self, **report) -> subprocess.Popen:
        config = {"node": {"name": "pi-17"}, "containerd": {"address": str(self.nodeproof.folder / "none.sock")}, "report": report}
        self.config = self.nodeproof.write_config(config)
        log = self.enterContext(open(self.log, "a", encoding="utf-8"))
        daemon = subprocess.Popen(self.nodeproof.command("daemon", "-c", self.config), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(processes.stop, daemon)
        return daemon

    def until(self, ready, what: str) -> None:
        try:
            processes.wait_until(ready, what, seconds=90)
        except TimeoutError as error:
            self.fail(f"{error}; the daemon said:\n{self.log.read_text()[-3000:]}")

    def state(self, sink: str) -> dict:
        try:
            return json.loads((self.nodeproof.run_folder / "sinks" / f"{sink}.json").read_text())
        except FileNotFoundError:
            return {}

    def events(self) -> list[dict]:
        return [each.json for each in self.receiver.all()]

    def test_a_webhook_gets_a_cloud_event_for_each_news(self):
        self.start(webhook={"url": f"http://{self.receiver.name}/hook"})
        self.until(lambda: any(e["data"]["reason"] == "ContainerdUnavailable" for e in self.events()), "the event")
        first = self.receiver.all()[0]
        self.assertEqual("application/cloudevents+json; charset=UTF-8", first.headers["content-type"])
        event = self.events()[-1]
        self.assertEqual(("1.0", TYPE, "pi-17", "https://nodeproof.dev/nodes/pi-17"),
                         (event["specversion"], event["type"], event["subject"], event["source"]))
        self.assertEqual(("NodeReport", "unknown"), (event["data"]["kind"], event["data"]["verdict"]))
        self.assertEqual(len(self.events()), len({e["id"] for e in self.events()}))
        self.assertEqual(sorted(e["sequence"] for e in self.events()), [e["sequence"] for e in self.events()])

    def test_a_receiver_that_was_away_gets_what_it_missed_newest_first(self):
        with Receiver() as gone:
            address = gone.name
        daemon = self.start(webhook={"url": f"http://{address}/hook"})
        self.until(lambda: self.state("webhook").get("spoolEvents", 0) >= 1, "the spool")
        self.nodeproof("override", "--ready", "--for", "1h", "--reason", "a second event")
        self.until(lambda: self.state("webhook").get("spoolEvents", 0) >= 2, "the second event in the spool")
        spool = sorted((self.nodeproof.state / "spool/webhook").glob("*.json"))
        kept = [json.loads(file.read_text())["id"] for file in spool]
        processes.stop(daemon)

        daemon = self.start(webhook={"url": f"http://{self.receiver.name}/hook"})
        self.until(lambda: set(kept) <= {e["id"] for e in self.events()}, "what was missed")
        self.until(lambda: self.state("webhook").get("spoolEvents") == 0, "an empty spool")
        got = [e["id"] for e in self.events()]
        self.assertNotIn(got[0], kept)
        self.assertEqual(kept, [i for i in got if i in kept])
        self.assertEqual([], list((self.nodeproof.state / "spool/webhook").glob("*.json")))

    def test_a_receiver_that_wants_no_more_is_left_alone_until_a_reload(self):
        self.receiver.answer = Answer(410)
        daemon = self.start(webhook={"url": f"http://{self.receiver.name}/hook"})
        self.until(lambda: self.state("webhook").get("stopped"), "its refusal")
        self.until(lambda: self.nodeproof("status", "-o", "json").report["reason"] == "ContainerdUnavailable", "a check")
        self.assertEqual(1, len(self.receiver.all()))
        self.assertIn("wants no more events", self.log.read_text())
        self.receiver.answer = Answer(204)
        daemon.send_signal(1)
        self.until(lambda: len(self.receiver.all()) > 1, "the event after the reload")

    def test_another_receiver_is_told_what_the_one_before_knew(self):
        daemon = self.start(webhook={"url": f"http://{self.receiver.name}/hook"})
        self.until(lambda: any(e["data"]["reason"] == "ContainerdUnavailable" for e in self.events()), "the event")
        with Receiver() as other:
            config = json.loads(self.config.read_text())
            config["report"]["webhook"]["url"] = f"http://{other.name}/hook"
            self.config.write_text(json.dumps(config))
            daemon.send_signal(1)
            self.until(lambda: other.all(), "the event at the other receiver")
            self.assertEqual("ContainerdUnavailable", other.all()[0].json["data"]["reason"])

    def test_a_heartbeat_is_a_sign_of_life(self):
        self.start(webhook={"url": f"http://{self.receiver.name}/hook", "heartbeat": "1s"})
        self.until(lambda: len(self.events()) > len({e["id"] for e in self.events()}) + 1, "the same event again")

    def test_nothing_is_called_delivered_that_was_not(self):
        with Receiver() as gone:
            address = gone.name
        daemon = self.start(webhook={"url": f"http://{address}/hook"})
        self.until(lambda: self.state("webhook").get("spoolEvents", 0) >= 1, "the spool")
        for reason in ("one", "two", "three"):
            self.nodeproof("override", "--ready", "--for", "1h", "--reason", reason)
        self.until(lambda: self.state("webhook").get("spoolEvents", 0) >= 3, "the overrides in the spool")
        processes.stop(daemon)
        self.assertNotIn("delivered again", self.log.read_text())
        self.assertEqual(0, self.state("webhook")["delivered"])
        told = [json.loads(file.read_text())["sequence"] for file in sorted((self.nodeproof.state / "spool/webhook").glob("*.json"))]
        self.assertEqual(sorted(set(told)), told, "each content is a report of its own")

    def test_reloads_harm_nobody_who_scrapes(self):
        port = processes.free_port()
        daemon = self.start(metrics={"listen": f"127.0.0.1:{port}"}, otlp={"url": f"http://{self.receiver.name}", "every": "1s"})

        def scrape() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    return b"nodeproof_ready" in answer.read()
            except OSError:
                return False

        self.until(scrape, "the metrics")
        for _ in range(40):
            daemon.send_signal(1)
            self.assertTrue(scrape())
        self.assertIsNone(daemon.poll(), self.log.read_text()[-2000:])

    def test_status_says_who_does_not_get_its_reports(self):
        with Receiver() as gone:
            address = gone.name
        self.start(webhook={"url": f"http://{address}/hook"})
        self.until(lambda: self.state("webhook").get("failures", 0) >= 1, "a failure")
        told = self.nodeproof("status").stderr
        self.assertIn("reports to webhook: ", told)
        self.assertIn("never delivered", told)

    def test_files_and_metrics_say_what_status_says(self):
        folder = self.nodeproof.folder / "out"
        folder.mkdir()
        port = processes.free_port()
        self.start(file=str(folder / "report.json"), metrics={"textfile": str(folder / "nodeproof.prom"), "listen": f"127.0.0.1:{port}"},
                   otlp={"url": f"http://{self.receiver.name}", "every": "1s"})

        def told() -> bool:
            file = folder / "report.json"
            return file.exists() and json.loads(file.read_text())["reason"] == "ContainerdUnavailable"

        self.until(told, "the file")
        status = self.nodeproof("status", "-o", "json").report
        for key in ("node", "verdict", "reason", "message", "sequence", "bootId"):
            self.assertEqual(status[key], json.loads((folder / "report.json").read_text())[key])
        self.until(lambda: 'code="ContainerdUnavailable"' in (folder / "nodeproof.prom").read_text(), "the textfile")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            self.assertEqual("text/plain; version=0.0.4; charset=utf-8", answer.headers["Content-Type"])
            scraped = answer.read().decode()
        for text in (scraped, (folder / "nodeproof.prom").read_text()):
            self.assertIn("nodeproof_ready 0", text)
            done = prometheus.promtool("check", "metrics", input=text)
            self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))
        self.assertIn('nodeproof_sink_last_success_timestamp_seconds{sink="file"}', scraped)
        self.until(lambda: len(self.receiver.all()) > 1, "measurements by OTLP")
        first = self.receiver.all()[0]
        self.assertEqual(("/v1/metrics", "application/json"), (first.path, first.headers["content-type"]))
        self.assertEqual(["resourceMetrics"], list(first.json))

    def test_metrics_are_only_read(self):
        port = processes.free_port()
        self.start(metrics={"listen": f"127.0.0.1:{port}"})

        def ask(path: str, method: str = "GET", body=None) -> int:
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method=method)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
            except OSError:
                return 0

        self.until(lambda: ask("/metrics") == 200, "the metrics")
        self.assertEqual(200, ask("/metrics?name=x"))
        self.assertEqual(200, ask("/metrics", "HEAD"))
        self.assertEqual(404, ask("/"))
        self.assertEqual(405, ask("/metrics", "DELETE"))
        self.assertNotEqual(200, ask("/metrics", "POST", b"x" * 100))

    def test_a_node_is_let_in_by_its_certificate_and_rotates_it_without_a_restart(self):
        authority = self.enterContext(Authority())
        server = authority.issue("server", "IP:127.0.0.1")
        client = authority.issue("pi-17", "DNS:pi-17")
        front = self.keep_front(server, authority.ca)
        place = self.nodeproof.folder / "client.pem", self.nodeproof.folder / "client.key"
        with Authority("another") as other:
            wrong = other.issue("pi-17", "DNS:pi-17")
            self.put(wrong, place)
            self.start(webhook={"url": f"https://{front.name}/hook", "ca": str(authority.ca), "client_certificate": str(place[0]),
                                "client_key": str(place[1])})
            self.until(lambda: self.state("webhook").get("failures", 0) >= 1, "the refusal")
        self.assertEqual([], self.receiver.all())
        self.assertIn("400", self.state("webhook")["problem"])
        self.assertEqual(0, self.state("webhook")["dropped"])
        self.put(client, place)
        self.until(lambda: self.receiver.all(), "the event with the new certificate")

    def test_an_authority_that_is_not_ours_gets_no_report(self):
        authority = self.enterContext(Authority())
        front = self.keep_front(authority.issue("server", "IP:127.0.0.1"), None)
        with Authority("another") as other:
            self.start(webhook={"url": f"https://{front.name}/hook", "ca": str(other.ca)})
            self.until(lambda: self.state("webhook").get("failures", 0) >= 1, "the refusal")
        self.assertEqual([], self.receiver.all())

    def keep_front(self, certificate, clients) -> Front:
        return self.enterContext(Front(self.receiver.name, certificate, clients))

    @staticmethod
    def put(certificate, place: tuple[Path, Path]) -> None:
        place[1].write_bytes(certificate.key.read_bytes())
        place[0].write_bytes(certificate.file.read_bytes())


if __name__ == "__main__":
    testing.main()

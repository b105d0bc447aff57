"""nodeproof metrics: what promtool, OpenTelemetry's own definitions and a real receiver say of its output."""

import json
import re
import subprocess
import unittest
import urllib.error
import urllib.request

from rig import metrics_fleet, otlp, packages, processes, prometheus, testing
from rig.metrics_fleet import APP, Fleet, rendered
from rig.otlp_receiver import Definitions, VictoriaMetrics
from rig.program import Nodeproof

SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def samples(text: str) -> dict[tuple, float]:
    """(name, labels without empty ones) -> value"""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        pairs = {(key, re.sub(r"\\.", lambda m: ESCAPES[m.group()], word)) for key, word in LABEL.findall(labels or "") if word}
        found[name, frozenset(pairs)] = float(value)
    return found


class Metrics(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nodeproof = cls.keep(Nodeproof)
        cls.pattern = metrics_fleet.real_report(cls.keep)
        cls.fleet = Fleet(cls.pattern)
        cls.hostile = cls.fleet.node("evil\"} 1\nnode\u202e", [cls.fleet.image("a\"} 1\nnodeproof_ready 1\n# \\\x1b[2J", "X\"\n")])
        cls.hostile["images"][0]["smoke"][0]["name"] = "{__name__=\"up\"}\r\x07"
        cls.hostile["labels"] = {"__name__": "x", "0": "y", "a b": "z", "a-b": "twice", "": "none"}

    def assert_promtool_is_content(self, text: str) -> None:
        done = prometheus.promtool("check", "metrics", input=text)
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr), text)

    def test_promtool_finds_nothing_to_say(self):
        reports = list(self.fleet.nodes().values())[:-1]
        for report in [self.pattern, self.hostile, *reports]:
            with self.subTest(report["node"]):
                self.assert_promtool_is_content(rendered(self.nodeproof, [report]))
                self.assert_promtool_is_content(rendered(self.nodeproof, [report], "--stale-after", "1s"))
        self.assert_promtool_is_content(rendered(self.nodeproof, [*reports, self.hostile]))
        # What the alerts' tests add in an agent's name.
        self.assert_promtool_is_content(rendered(self.nodeproof, [self.pattern]) + metrics_fleet.sinks(1, 2, 3))

    def test_the_node_exporters_textfile_collector_takes_it(self):
        folder = self.nodeproof.folder / "textfiles"
        folder.mkdir()
        for name, report in (("plain", self.pattern), ("hostile", self.hostile)):
            with self.subTest(name):
                text = rendered(self.nodeproof, [report])
                (folder / "nodeproof.prom").write_text(text, encoding="utf-8")
                found = samples(self.keep(prometheus.NodeExporter, folder).metrics())
                self.assertEqual(0, found["node_textfile_scrape_error", frozenset()])
                self.assertEqual(samples(text), {key: value for key, value in found.items() if key[0].startswith("nodeproof_")})

    def test_a_real_report_says_what_it_says(self):
        found = samples(rendered(self.nodeproof, [self.pattern]))
        self.assertEqual(0, found["nodeproof_ready", frozenset()])
        self.assertEqual(1, found["nodeproof_verdict", frozenset({("verdict", "not-ready")})])
        bad = next(i["reference"] for i in self.pattern["images"] if i["verdict"] != "ready")
        problem = frozenset({("image", bad), ("code", "SmokeFailed"), ("severity", "fail")})
        self.assertEqual(1, found["nodeproof_problem", problem])
        self.assertEqual(1, found["nodeproof_smoke_result", frozenset({("image", bad), ("test", "starts"), ("result", "failed")})])
        self.assertEqual(1, found["nodeproof_node_labels", frozenset({("label_site", "berlin"), ("label_ring", "1")})])

    def test_hostile_names_are_values_of_labels_and_nothing_else(self):
        text = rendered(self.nodeproof, [self.hostile])
        self.assertFalse(set("\x1b\r\x07\u202e") & set(text))
        plain = samples(rendered(self.nodeproof, [self.fleet.node("plain", [self.fleet.image(APP, "X")])]))
        self.assertEqual({name for name, _ in plain}, {name for name, _ in samples(text)})
        self.assertEqual(0, samples(text)["nodeproof_ready", frozenset()])

    def test_an_old_report_counts_for_nothing(self):
        good = self.fleet.node("pi-1", [self.fleet.image(APP)], age=1)
        for arguments, ready in ((("--stale-after", "2h"), 1), (("--stale-after", "30m"), 0)):
            found = samples(rendered(self.nodeproof, [good], *arguments))
            self.assertEqual(ready, found["nodeproof_ready", frozenset()])
            self.assertEqual(1 - ready, found["nodeproof_verdict", frozenset({("verdict", "unknown")})])

    def test_of_one_node_the_newest_report_speaks_and_every_sample_names_its_node(self):
        old, new, other = (self.fleet.node(name, [self.fleet.image(APP)], age=age) for name, age in (("a", 1), ("a", 0.5), ("b", 0.1)))
        text = rendered(self.nodeproof, [old, new, other])
        self.assertEqual(text, rendered(self.nodeproof, [new, other, old]))
        instances = [dict(labels).get("instance") for _, labels in samples(text)]
        self.assertEqual({"a", "b"}, set(instances))
        self.assertEqual(instances.count("a"), instances.count("b"))
        self.assertEqual({"a"}, {dict(labels).get("instance") for _, labels in samples(rendered(self.nodeproof, [new], "--instance"))})

    def test_what_is_no_report_is_named(self):
        file = self.nodeproof.folder / "torn.json"
        file.write_text('{"kind": ', encoding="utf-8")
        done = self.nodeproof("metrics", file)
        self.assertEqual((64, ""), (done.code, done.stdout))
        self.assertIn("torn.json", done.stderr)
        self.assertEqual(64, self.nodeproof("metrics", "--stale-after", "soon", file).code)

    def test_without_a_daemon_there_is_nothing_to_ask(self):
        done = self.nodeproof("metrics")
        self.assertEqual("", done.stdout)
        self.assertNotEqual(0, done.code)
        self.assertIn("daemon", done.stderr)


class OfTheDaemon(testing.RigTest):
    def test_a_running_daemons_report_is_asked_for(self):
        nodeproof = self.keep(Nodeproof)
        config = nodeproof.write_config({"containerd": {"address": str(nodeproof.folder / "none.sock")}})
        log = self.enterContext(open(nodeproof.folder / "log", "w", encoding="utf-8"))
        daemon = subprocess.Popen(nodeproof.command("daemon", "-c", config), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(processes.stop, daemon)
        processes.wait_until(lambda: nodeproof("metrics").code == 0, "the daemon's metrics", daemon, 60)
        text = nodeproof("metrics").stdout
        self.assertEqual(0, samples(text)["nodeproof_ready", frozenset()])
        self.assertEqual("", prometheus.promtool("check", "metrics", input=text).stderr)
        self.assertEqual(1, len(otlp.parse(nodeproof("metrics", "-o", "json").stdout.encode())["resourceMetrics"]))


class Otlp(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nodeproof = cls.keep(Nodeproof)
        cls.fleet = Fleet(metrics_fleet.real_report(cls.keep))
        cls.reports = list(cls.fleet.nodes().values())[:-1]

    def document(self, reports: list) -> str:
        return rendered(self.nodeproof, reports, "-o", "json")

    def test_the_document_has_every_field_as_the_protocol_defines_it(self):
        document = otlp.parse(self.document(self.reports).encode())
        self.assertEqual(len(self.reports), len(document["resourceMetrics"]))
        for resource, report in zip(document["resourceMetrics"], sorted(self.reports, key=lambda one: one["node"]), strict=True):
            attributes = otlp.attributes_of(resource["resource"])
            self.assertEqual(("nodeproof", report["node"], report["host"]["architecture"]),
                             tuple(attributes[name] for name in ("service.name", "service.instance.id", "host.arch")))
            self.assertEqual(report["agentVersion"], attributes["service.version"])

    def test_a_receiver_that_stores_it_under_prometheus_names_has_what_a_scrape_has(self):
        stored = {}
        for resource in otlp.parse(self.document(self.reports).encode())["resourceMetrics"]:
            instance = {"instance": otlp.attributes_of(resource["resource"])["service.instance.id"]}
            for metric in resource["scopeMetrics"][0]["metrics"]:
                for point in otlp.points_of(metric):
                    key = otlp.prometheus_name(metric), frozenset((instance | otlp.attributes_of(point)).items())
                    stored[key] = float(point.get("asInt", point.get("asDouble")))
        self.assertEqual(samples(rendered(self.nodeproof, self.reports)), stored)

    def test_opentelemetrys_own_definitions_read_it_and_would_write_it_just_so(self):
        definitions = self.definitions()
        for reports in ([self.reports[0]], self.reports):
            text = self.document(reports)
            self.assertEqual(json.loads(text), definitions.canonical(definitions.message(text)))
        wrong = text.replace('"timeUnixNano"', '"timeUnixNanos"', 1)
        self.assertRaises(definitions.json_format.ParseError, definitions.message, wrong)

    def test_the_rigs_receiver_takes_it_and_answers_as_it_is_told(self):
        body = self.document(self.reports).encode()
        with otlp.Receiver([(503, {"Retry-After": "5"}, b"")]) as receiver:
            self.assertEqual([503, 200, 400], [self.post(receiver.url, one) for one in (body, body, b'{"resourceMetrics": 1}')])
        self.assertEqual([json.loads(body)], receiver.documents)
        self.assertEqual(["document.resourceMetrics: no list"], receiver.faults)

    @staticmethod
    def post(url: str, body: bytes) -> int:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_a_real_receiver_stores_it_under_the_names_of_a_scrape(self):
        message = self.definitions().message(self.document(self.reports))
        receiver = self.keep(VictoriaMetrics)
        receiver.take(message.SerializeToString())
        resource = {"service_name", "service_version", "host_name", "host_arch", "os_type", "k8s_node_name"}
        stored = {}
        for labels, value in receiver.series('{service_name="nodeproof"}'):
            name, instance = labels.pop("__name__"), labels.pop("service_instance_id")
            stored[name, frozenset({("instance", instance)} | {pair for pair in labels.items() if pair[0] not in resource})] = value
        self.assertEqual(samples(rendered(self.nodeproof, self.reports)), stored)

    def definitions(self) -> Definitions:
        try:
            return Definitions()
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error


class StrictReading(unittest.TestCase):
    """The rig's own reading of OTLP, seen to refuse what real receivers pass over."""

    def document(self) -> dict:
        point = {"attributes": [{"key": "sink", "value": {"stringValue": "x"}}], "timeUnixNano": "2", "asInt": "1"}
        metric = {"name": "a", "unit": "s", "sum": {"dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": True}}
        return {"resourceMetrics": [{"resource": {"attributes": []}, "scopeMetrics": [{"scope": {"name": "n"}, "metrics": [metric]}]}]}

    def test_each_kind_of_fault(self):
        otlp.parse(json.dumps(self.document()).encode())
        faults = {
            '"asInt": "1"': ['"asInt": 1', '"asInt": "1", "asDouble": 2', '"as_int": "1"', '"asInt": "9223372036854775808"'],
            '"timeUnixNano": "2"': ['"timeUnixNano": 2', '"startTimeUnixNano": "3", "timeUnixNano": "2"', '"time": "2"'],
            '"aggregationTemporality": 2': ['"aggregationTemporality": "2"', '"aggregationTemporality": 0'],
            '"unit": "s"': ['"unit": "seconds"', '"unit": "s", "gauge": {"dataPoints": []}', '"unit": "s", "unit": "s"'],
            '"stringValue": "x"': ['"stringValue": 1', '"stringValue": "x", "intValue": "1"'],
            '"resourceMetrics"': ['"resource_metrics"'],
        }
        for right, wrongs in faults.items():
            for wrong in wrongs:
                with self.subTest(wrong):
                    text = json.dumps(self.document())
                    self.assertIn(right, text)
                    self.assertRaises(otlp.Wrong, otlp.parse, text.replace(right, wrong, 1).encode())


if __name__ == "__main__":
    testing.main()

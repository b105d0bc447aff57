"""The dashboard's and the rules' queries against a real Prometheus that scrapes what the real program says of a fleet."""

import json
import re
import time
from pathlib import Path

from rig import metrics_fleet, processes, prometheus, testing
from rig.metrics_fleet import APP, Fleet, Pages, rendered
from rig.program import Nodeproof
from rig.prometheus import DASHBOARD, RULES, Prometheus

NODES = 1000
VARIABLES = {"$architecture": ".*", "$image": ".*", "$__rate_interval": "1m", "${datasource}": "prometheus"}
# In a fleet from which something comes it finds nothing.
FINDS_NOTHING = {"NodeproofAbsent"}


def dashboard() -> dict:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def queries(**chosen: str) -> list[tuple[str, str]]:
    """The panels' (title, expression) with the variables as "All" has them, or as chosen."""
    variables = VARIABLES | {f"${name}": value for name, value in chosen.items()}
    found = []
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in variables.items():
                expression = expression.replace(name, value)
            found.append((panel["title"], expression))
    return found


class OnPrometheus(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pattern = metrics_fleet.real_report(cls.keep)
        cls.nodeproof = cls.keep(Nodeproof)
        cls.fleet = Fleet(pattern)
        cls.pages = cls.keep(Pages, cls.page_of_each_node())
        cls.prometheus = cls.keep(Prometheus, [cls.pages.scrape("nodeproof")], prepare=cls.backfill)
        processes.wait_until(cls.all_is_there, "the alerts' causes", cls.prometheus.process, 120)

    @classmethod
    def page_of_each_node(cls) -> dict:
        texts = {name: rendered(cls.nodeproof, [report]) for name, report in cls.fleet.nodes().items()}
        pages = {name: lambda text=text: text for name, text in texts.items()}
        cls.scrapes = 0

        def flapping() -> str:
            cls.scrapes += 1
            return texts["pi-9"].replace("nodeproof_ready 1", f"nodeproof_ready {cls.scrapes % 2}")

        def failing() -> str:
            return texts["pi-8"] + metrics_fleet.sinks(int(time.time()) - 7200, cls.scrapes, cls.scrapes // 2)

        return pages | {"pi-9": flapping, "pi-8": failing}

    @staticmethod
    def backfill(folder) -> None:
        """A node that was there two hours ago."""
        then = int(time.time()) - 7200
        lines = [f'instance:nodeproof_node:info{{instance="pi-0",node="pi-0",architecture="arm64"}} 1 {then + 60 * i}' for i in range(5)]
        file = folder / "past"
        file.write_text("# TYPE instance:nodeproof_node:info gauge\n" + "\n".join(lines) + "\n# EOF\n", encoding="utf-8")
        done = prometheus.promtool("tsdb", "create-blocks-from", "openmetrics", file, folder / "data")
        assert done.returncode == 0, done.stdout + done.stderr

    @classmethod
    def all_is_there(cls) -> bool:
        told = {rule["name"] for rule in cls.alerting_rules() if rule["alerts"]}
        return told | FINDS_NOTHING >= {rule["name"] for rule in cls.alerting_rules()}

    @classmethod
    def rules(cls) -> list[dict]:
        return [rule for group in cls.prometheus.get("rules")["groups"] for rule in group["rules"]]

    @classmethod
    def alerting_rules(cls) -> list[dict]:
        return [rule for rule in cls.rules() if rule["type"] == "alerting"]

    def test_every_query_of_the_dashboard_has_an_answer(self):
        self.assertGreater(len(queries()), 20)
        for title, expression in queries():
            with self.subTest(title):
                self.assertNotIn("$", expression)
                self.assertTrue(self.prometheus.query(expression.removesuffix(" or vector(0)")), expression)

    def test_a_chosen_image_and_architecture_leave_the_queries_valid_and_others_out(self):
        # As Grafana writes a choice into a regular expression in quotes.
        for title, expression in queries(architecture="(amd64)", image=f"({APP})".replace(".", "\\\\.")):
            with self.subTest(title):
                for labels, _ in self.prometheus.query(expression):
                    if "$image" in dict(queries(image="$image"))[title]:
                        self.assertIn(labels.get("image", APP), (APP,), expression)
                    if "$architecture" in dict(queries(architecture="$architecture"))[title]:
                        self.assertIn(labels.get("architecture", "amd64"), ("amd64",), expression)

    def test_every_query_of_the_rules_has_an_answer(self):
        rules = self.rules()
        self.assertEqual(RULES.read_text(encoding="utf-8").count("expr:"), len(rules))
        for rule in rules:
            with self.subTest(rule["name"]):
                self.assertEqual("ok", rule["health"], rule.get("lastError"))
                found = self.prometheus.query(rule["query"])
                self.assertEqual(rule["name"] not in FINDS_NOTHING, bool(found), rule["query"])

    def test_every_annotation_is_a_sentence_and_names_nodes_where_it_says_so(self):
        for rule in self.alerting_rules():
            with self.subTest(rule["name"]):
                for alert in rule["alerts"]:
                    for text in alert["annotations"].values():
                        self.assertNotIn("error expanding", text)
                        self.assertNotIn("<no value>", text)
        texts = {(alert["labels"]["alertname"], alert["labels"].get("code", "")): alert["annotations"]
                 for rule in self.alerting_rules() for alert in rule["alerts"]}
        smoke = texts["NodeproofNotReady", "SmokeFailed"]
        self.assertEqual(f"2 node(s) not ready: SmokeFailed in {APP}", smoke["summary"])
        self.assertEqual({"pi-3", "pi-7"}, set(re.findall(r"pi-\d", smoke["description"])))
        self.assertIn("pi-0", texts["NodeproofNodeSilent", ""]["description"])
        self.assertIn("pi-6", texts["NodeproofReportStale", ""]["description"])

    def test_the_sentences_name_files_and_sections_that_are_there(self):
        readme = (prometheus.packages.REPOSITORY / "README.md").read_text(encoding="utf-8")
        for section in set(re.findall(r'README.md, "([^"]+)"', RULES.read_text(encoding="utf-8"))):
            self.assertRegex(readme, rf"\n#+ {re.escape(section)}\n")

    def test_who_is_not_ready_and_why(self):
        verdicts = {labels["instance"]: labels["verdict"] for labels, _ in self.prometheus.query("instance:nodeproof_verdict:now")}
        wanted = dict.fromkeys(self.fleet.nodes(), "ready")
        wanted |= {"server-2": "not-ready", "pi-1": "not-ready", "pi-3": "not-ready", "pi-7": "not-ready",
                   "pi-5": "unknown", "pi-6": "unknown"}
        self.assertEqual(wanted, verdicts)
        alone = {(labels["architecture"], labels["image"]) for labels, _ in
                 self.prometheus.query("architecture_image:nodeproof_nodes_failing_alone:count")}
        self.assertEqual({("arm64", metrics_fleet.ARM_BROKEN), ("amd64", metrics_fleet.AMD_BROKEN)}, alone)

    def test_the_dashboards_variables_have_values(self):
        for variable in dashboard()["templating"]["list"]:
            if variable["type"] == "query":
                series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
                self.assertTrue(self.prometheus.query(f"group by ({label}) ({series})"), variable["name"])

    def test_a_collector_that_has_only_reports_serves_many_nodes_as_one_page(self):
        reports = [self.fleet.node(f"edge-{i}", [self.fleet.image(APP)]) for i in range(5)]
        text = rendered(self.nodeproof, reports)
        pages = self.keep(Pages, {"all": lambda: text})
        served = self.keep(Prometheus, [pages.scrape("collected", honor_labels=True)])
        processes.wait_until(lambda: served.query("instance:nodeproof_verdict:now"), "the collected nodes", served.process, 60)
        nodes = {(labels["instance"], labels["node"]) for labels, _ in served.query("instance:nodeproof_verdict:now")}
        self.assertEqual({(f"edge-{i}", f"edge-{i}") for i in range(5)}, nodes)


class Dashboard(testing.RigTest):
    """What Grafana asks of the document; there is no Grafana here to load it."""

    def test_panels_have_ids_kinds_and_places_of_their_own(self):
        panels = dashboard()["panels"]
        self.assertEqual(len(panels), len({panel["id"] for panel in panels}))
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            with self.subTest(panel["title"]):
                self.assertIn(panel["type"], {"row", "stat", "table", "timeseries"})
                place = panel["gridPos"]
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
                self.assertLessEqual(place["x"] + place["w"], 24)
                self.assertFalse(taken & cells)
                taken |= cells

    def test_every_query_goes_to_the_chosen_data_source(self):
        for panel in dashboard()["panels"]:
            if panel["type"] != "row":
                self.assertEqual({"type": "prometheus", "uid": "${datasource}"}, panel["datasource"])
                self.assertEqual([chr(65 + i) for i in range(len(panel["targets"]))], [t["refId"] for t in panel["targets"]])


class ThousandNodes(testing.RigTest):
    """What a fleet costs; numbers are printed, and only what is exact is asked."""

    def test_one_prometheus_takes_a_thousand_nodes(self):
        fleet, nodeproof = Fleet(metrics_fleet.real_report(self.keep)), self.keep(Nodeproof)
        text = rendered(nodeproof, [fleet.node("node-x", [fleet.image(f"registry.lan:5000/shop/app-{i}:v1") for i in range(5)])])
        seven = rendered(nodeproof, [fleet.node("node-x", [fleet.image(APP, "PageSizeIncompatible")])])
        names = [f"node-{i:03}" for i in range(NODES)]
        pages = {name: lambda page=(seven if i < 7 else text).replace("node-x", name): page for i, name in enumerate(names)}
        server = self.keep(Pages, pages)
        scraped = self.keep(Prometheus, [server.scrape("nodeproof", "20s")])
        self.wait_for(scraped, f"count(nodeproof_ready) == {NODES}")
        self.wait_for(scraped, f"sum(verdict:nodeproof_nodes:count) == {NODES}")
        self.wait_for(scraped, 'verdict:nodeproof_nodes:count{verdict="not-ready"} == 7')
        alerts = [alert for alert in scraped.get("alerts")["alerts"] if alert["labels"]["alertname"] == "NodeproofNotReady"]
        self.assertEqual(["PageSizeIncompatible"], [alert["labels"]["code"] for alert in alerts], "one for seven nodes")
        self.tell(scraped, text)

    def wait_for(self, scraped: Prometheus, expression: str) -> None:
        processes.wait_until(lambda: scraped.query(expression), expression, scraped.process, 300)

    def tell(self, scraped: Prometheus, text: str) -> None:
        def value(expression: str) -> float:
            return scraped.query(expression)[0][1]

        evaluations = [group["evaluationTime"] for group in scraped.get("rules")["groups"]]
        memory = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{scraped.process.pid}/status").read_text(encoding="utf-8"))
        print(f"\n  a node with 5 images: {len(text.encode())} bytes a scrape, {value('avg(scrape_samples_scraped)'):.0f} series, "
              f"{1000 * value('avg(scrape_duration_seconds)'):.1f} ms; {NODES} nodes: {scraped.get('status/tsdb')['headStats']['numSeries']} series, "
              f"{int(memory.group(1)) // 1024} MB, rules evaluated in {1000 * sum(evaluations):.0f} ms")


if __name__ == "__main__":
    testing.main()

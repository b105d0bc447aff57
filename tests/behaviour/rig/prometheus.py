"""A real Prometheus and its promtool, and the metrics of nodes over time for promtool's tests of rules."""

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import packages, processes

FOLDER = packages.REPOSITORY / "systemd/prometheus"
RULES, DASHBOARD = FOLDER / "nodeproof.rules.yml", FOLDER / "nodeproof-dashboard.json"


def tree() -> Path:
    return packages.unpacked("prometheus", packages.debs("bookworm", packages.host_architecture(), ["prometheus"], "prometheus_"))


def promtool(*arguments, **more) -> subprocess.CompletedProcess:
    return subprocess.run([tree() / "usr/bin/promtool", *map(str, arguments)], capture_output=True, text=True, timeout=120, **more)


class Prometheus:
    """Use as a context manager. `scrapes`: scrape_configs; `prepare` is given the folder before it starts."""

    def __init__(self, scrapes: list, prepare=None):
        self.binary = tree() / "usr/bin/prometheus"
        self.folder = processes.scratch_folder("nodeproof-prometheus-")
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                  "scrape_configs": scrapes, "rule_files": ["rules.yml"]}
        (self.folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        # As they are but evaluated often, for nobody waits a minute here.
        (self.folder / "rules.yml").write_text(RULES.read_text(encoding="utf-8").replace("interval: 1m", "interval: 1s"), encoding="utf-8")
        self.prepare, self.process, self.port = prepare, None, 0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if self.prepare:
            self.prepare(self.folder)
        self.port = processes.free_port()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        processes.wait_until(self._answers, f"Prometheus (see {self.folder}/log)", self.process)

    def close(self) -> None:
        if self.process is not None:
            processes.stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, path: str, **parameters) -> dict:
        """The answer's `data`; a query that is not valid is an AssertionError with Prometheus' words."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode(errors='replace')}") from error

    def query(self, expression: str) -> list[tuple[dict, float]]:
        """An instant vector: the labels without the name, and the value."""
        found = self.get("query", query=expression)
        assert found["resultType"] == "vector", found
        return [({name: value for name, value in one["metric"].items() if name != "__name__"}, float(one["value"][1]))
                for one in found["result"]]


class NodeExporter:
    """Its textfile collector alone, over `folder`; use as a context manager."""

    def __init__(self, folder: Path):
        files = packages.debs("bookworm", packages.host_architecture(), ["prometheus-node-exporter"], "prometheus-node-exporter_")
        self.binary = packages.unpacked("node-exporter", files) / "usr/bin/prometheus-node-exporter"
        self.textfiles, self.process = folder, None
        self.port = processes.free_port()

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.binary, "--collector.disable-defaults", "--collector.textfile", f"--collector.textfile.directory={self.textfiles}",
             "--web.disable-exporter-metrics", f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            processes.wait_until(self._answers, "the node exporter", self.process)
        except BaseException:
            processes.stop(self.process)
            raise
        return self

    def __exit__(self, *_):
        processes.stop(self.process)

    def _answers(self) -> bool:
        try:
            return bool(self.metrics())
        except OSError:
            return False

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return answer.read().decode()

"""A fleet in which every alert has its cause: reports of a real check under other names, rendered by the real program."""

import copy
import datetime
import http.server
import json
import threading
from pathlib import Path

from . import catalogue, packages
from .containerd import Containerd
from .program import Nodeproof
from .registry import Registry

HOST = packages.host_architecture()
APP, ARM_BROKEN, AMD_BROKEN = (f"registry.lan:5000/shop/{name}:v2" for name in ("app", "arm-broken", "amd-broken"))
BOARDS = {"arm64": "Raspberry Pi 5 Model B Rev 1.0", "amd64": ""}


def real_report(keep) -> dict:
    """Of a node that has `good` ready and on which a test of `fails` fails. `keep` is RigTest.keep."""
    registry, containerd = keep(Registry), keep(Containerd)
    references = catalogue.publish(registry, HOST, ["good", "fails"])
    config = catalogue.config(containerd, references, node={"labels": {"site": "berlin", "ring": "1"}})
    with Nodeproof() as nodeproof:
        return nodeproof.check(config).report


def finding(code: str, severity: str) -> dict:
    return {"code": code, "severity": severity, "subject": "", "layer": "", "message": "a message", "evidence": "", "remedy": ""}


class Fleet:
    """Reports made of the real one; the times are what the rules wait for, counted back from now."""

    def __init__(self, pattern: dict):
        self.pattern = pattern
        good, bad = (next(i for i in pattern["images"] if i["verdict"] == verdict) for verdict in ("ready", "not-ready"))
        self.good, self.bad = good, bad
        self.now = datetime.datetime.now(datetime.timezone.utc)

    def time(self, hours: float) -> str:
        return (self.now - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def image(self, reference: str, code: str = "", severity: str = "fail", **more) -> dict:
        entry = copy.deepcopy(self.bad if code and severity == "fail" else self.good) | {"reference": reference, **more}
        entry["findings"] = [finding(code, severity)] if code else []
        entry["verdict"] = {"fail": "not-ready", "unknown": "unknown"}.get(severity, "ready") if code else "ready"
        return entry

    def node(self, name: str, images: list, architecture: str = "arm64", age: float = 0.01, findings: list = (), **more) -> dict:
        report = copy.deepcopy(self.pattern)
        worst = next((v for v in ("not-ready", "unknown") if v in [i["verdict"] for i in images]), "ready")
        report |= {"node": name, "time": self.time(age), "since": self.time(age + 3), "verdict": worst, "effectiveVerdict": worst,
                   "reason": next((f["code"] for i in images for f in i["findings"]), ""), "images": images, "findings": list(findings), **more}
        report["host"] |= {"architecture": architecture, "board": BOARDS[architecture]}
        return report

    def nodes(self) -> dict[str, dict]:
        """instance -> report"""
        app = self.image(APP, rateLimit={"limit": 100, "remaining": 12, "windowSeconds": 21600})
        override = {"until": self.time(-4), "since": self.time(1), "reason": "the registry moves", "by": {"uid": 0, "pid": 1}}
        found = [
            self.node("server-1", [app, self.image(ARM_BROKEN)], "amd64"),
            self.node("server-2", [app, self.image(AMD_BROKEN, "ArchMismatch")], "amd64"),
            self.node("pi-1", [app, self.image(ARM_BROKEN, "ArchMismatch")]),
            self.node("pi-2", [app, self.image(AMD_BROKEN)]),
            self.node("pi-3", [self.image(APP, "SmokeFailed")]),
            self.node("pi-4", [app]),
            self.node("pi-5", [self.image(APP, "RegistryUnreachable", "unknown", freshness="unreachable")]),
            self.node("pi-6", [app], age=5),
            self.node("pi-7", [self.image(APP, "SmokeFailed")], override=override),
            self.node("pi-8", [self.image(APP, "IndexDamaged", "warn")], findings=[finding("CertificateExpiring", "warn")]),
            self.node("pi-9", [app]),
        ]
        return {report["node"]: report for report in found} | {"copy-of-pi-4": found[5]}


def sinks(time: int, failures: int, dropped: int) -> str:
    """As to_prometheus() writes the counters of an agent that has a webhook; a report alone has none."""
    lines = []
    for name, kind, value in (("last_success_timestamp_seconds", "gauge", time), ("failures_total", "counter", failures),
                              ("delivered_total", "counter", 3), ("dropped_total", "counter", dropped),
                              ("spool_bytes", "gauge", 4096), ("spool_events", "gauge", 2)):
        lines += [f"# HELP nodeproof_sink_{name} Of the sinks.", f"# TYPE nodeproof_sink_{name} {kind}",
                  f'nodeproof_sink_{name}{{sink="webhook"}} {value}']
    return "\n".join(lines) + "\n"


def rendered(nodeproof: Nodeproof, reports: list[dict], *arguments: str) -> str:
    """What `nodeproof metrics` says of these reports."""
    files = []
    for report in reports:
        file = Path(nodeproof.folder) / f"report-{len(list(nodeproof.folder.glob('report-*')))}.json"
        file.write_text(json.dumps(report), encoding="utf-8")
        files.append(file)
    done = nodeproof("metrics", *arguments, *files)
    assert done.code == 0, done.stderr
    return done.stdout


class Pages:
    """Serves /NAME by calling pages[NAME]; a context manager."""

    def __init__(self, pages: dict):
        self.pages = pages
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                page = owner.pages.get(self.path.removeprefix("/"))
                data = page().encode() if page else b""
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def scrape(self, job: str, interval: str = "1s", **more) -> dict:
        """A scrape config in which each page is a target, and its name the instance."""
        target = f"127.0.0.1:{self.server.server_port}"
        return {"job_name": job, "scrape_interval": interval, "scrape_timeout": interval, **more,
                "static_configs": [{"targets": [target], "labels": {"instance": name, "__metrics_path__": f"/{name}"}} for name in self.pages]}

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

"""What a fleet's nodes say minute by minute, as input of `promtool test rules`."""

import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import prometheus

APP = "registry.lan:5000/shop/app:v2"
EVERY = 15  # minutes between two checks
GROUPS = ["nodeproof-nodes", "nodeproof-fleet", "nodeproof-alerts"]
VERDICTS = ("ready", "not-ready", "unknown")


@dataclass(frozen=True)
class Said:
    """One report. `problems`: (image, code, severity)."""

    verdict: str = "ready"
    problems: tuple = ()
    images: dict = field(default_factory=lambda: {APP: 1})
    freshness: str = "current"
    sinks: dict = field(default_factory=dict)  # (sink, counter) -> value
    override_until: int = 0  # minute


READY = Said()


def broken(code: str = "ArchMismatch", image: str = APP, severity: str = "fail") -> Said:
    verdict = {"fail": "not-ready", "unknown": "unknown", "warn": "ready"}[severity]
    return Said(verdict, ((image, code, severity),), {APP: int(verdict == "ready" or image != APP)})


class Node:
    """`story(minute)` is what a check at that minute finds; None = none ends. `away(minute)`: no sample comes."""

    def __init__(self, name: str, story=lambda minute: READY, architecture: str = "arm64", away=lambda minute: False,
                 instance: str = ""):
        self.name, self.story, self.architecture, self.away = name, story, architecture, away
        self.instance = instance or f"{name}:9100"

    def series(self, minutes: int) -> list[dict]:
        values: dict[str, dict[int, float]] = {}
        last = since = verdict = None
        for minute in range(minutes + 1):
            if minute % EVERY == 0 and not self.away(minute):
                if said := self.story(minute):
                    since = since if said.verdict == verdict else minute
                    last, verdict, made = said, said.verdict, minute
            if last is None or self.away(minute):
                continue
            for name, value in self.samples(last, made, since).items():
                values.setdefault(name, {})[minute] = value
        return [{"series": name, "values": written(found, minutes)} for name, found in values.items()]

    def samples(self, said: Said, made: int, since: int) -> dict[str, float]:
        def one(name: str, value: float, **labels) -> None:
            found["nodeproof_" + name + labelled({"instance": self.instance, "job": "node", **labels})] = value

        found: dict[str, float] = {}
        one("node_info", 1, node=self.name, architecture=self.architecture, board="", kernel="6.1")
        one("ready", int(said.verdict == "ready"))
        for word in VERDICTS:
            one("verdict", int(word == said.verdict), verdict=word)
        one("verdict_since_timestamp_seconds", since * 60)
        one("report_timestamp_seconds", made * 60)
        one("report_stale_after_seconds", 7200)
        for image, code, severity in said.problems:
            one("problem", 1, image=image, code=code, severity=severity)
        for image, ready in said.images.items():
            one("image_ready", ready, image=image)
            for word in ("current", "stale", "unreachable"):
                one("image_freshness", int(word == said.freshness), image=image, freshness=word)
        for (sink, counter), value in said.sinks.items():
            one(f"sink_{counter}", value, sink=sink)
        if said.override_until:
            one("override_until_timestamp_seconds", said.override_until * 60)
        return found


def labelled(labels: dict) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items() if value) + "}"


def written(values: dict[int, float], minutes: int) -> str:
    """With the marker that a scrape leaves where a series has ended."""
    words = []
    for minute in range(minutes + 1):
        ended = minute not in values and minute - 1 in values
        words.append(f"{values[minute]:g}" if minute in values else "stale" if ended else "_")
    return " ".join(words)


def minute_values(found: list[dict]) -> list[dict]:
    return [one for one in found if set(one["values"].split()) != {"_"}]


@dataclass
class Alert:
    name: str
    labels: dict


def verdict_of(nodes: list, minute: int, alerts: list[Alert], more: list[dict] = ()) -> str:
    """"" or what promtool says is otherwise: exactly these alerts fire at this minute."""
    severities = severity_of_alerts()
    wanted = [{"labels": "ALERTS" + labelled({"alertname": a.name, "alertstate": "firing", "severity": severities[a.name], **a.labels}), "value": 1}
              for a in alerts]
    series = [one for node in nodes for one in minute_values(node.series(minute))]
    # In the order of the file: promtool takes groups in any order, and then what one records is a minute late in the next.
    test = {"rule_files": [str(prometheus.RULES)], "evaluation_interval": "1m", "group_eval_order": GROUPS,
            "tests": [{"interval": "1m", "input_series": series + list(more),
                       "promql_expr_test": [{"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{minute}m", "exp_samples": wanted}]}]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test.yml"
        file.write_text(json.dumps(test), encoding="utf-8")
        done = prometheus.promtool("test", "rules", file)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def severity_of_alerts() -> dict[str, str]:
    found, name = {}, ""
    for line in prometheus.RULES.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.strip().removeprefix("- ").partition(": ")
        if word == "alert":
            name = rest
        elif word == "severity" and name:
            found[name] = rest
    return found


def with_sinks(said: Said, **counters) -> Said:
    return replace(said, sinks={("webhook", f"{name}_total"): value for name, value in counters.items()})

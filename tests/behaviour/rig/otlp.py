"""OTLP/HTTP with JSON, taken as strictly as opentelemetry-proto defines it: real receivers pass over what they do not know."""

import http.server
import json
import threading

UNSIGNED_64, SIGNED_64 = (0, (1 << 64) - 1), (-(1 << 63), (1 << 63) - 1)
UCUM = {"s", "By", "1"}


class Wrong(Exception):
    """Names the place in the document."""


def require(right: bool, place: str, what: str) -> None:
    if not right:
        raise Wrong(f"{place}: {what}")


def text(value, place: str) -> None:
    require(isinstance(value, str), place, f"no string: {value!r}")


def flag(value, place: str) -> None:
    require(isinstance(value, bool), place, f"no boolean: {value!r}")


def number_64(limits: tuple):
    def check(value, place: str) -> None:
        require(isinstance(value, str) and value.lstrip("-").isdigit(), place, f"a 64-bit number is a string of digits: {value!r}")
        require(limits[0] <= int(value) <= limits[1], place, f"out of range: {value}")

    return check


def real(value, place: str) -> None:
    require(isinstance(value, (int, float)) and not isinstance(value, bool) or value in ("NaN", "Infinity", "-Infinity"), place, f"no number: {value!r}")


def temporality(value, place: str) -> None:
    require(type(value) is int and value in (1, 2), place, f"an enum is its number, and not 0: {value!r}")


def listed(item):
    def check(value, place: str) -> None:
        require(isinstance(value, list), place, "no list")
        for i, one in enumerate(value):
            item(one, f"{place}[{i}]")

    return check


def message(fields: dict, one_of: tuple = (), needed: tuple = ()):
    """`one_of`: exactly one of these is there."""

    def check(value, place: str) -> None:
        require(isinstance(value, dict), place, "no object")
        for name in value:
            require(name in fields, place, f"there is no field {name!r}")
        if one_of:
            require(sum(name in value for name in one_of) == 1, place, f"exactly one of {one_of}")
        for name in needed:
            require(name in value, place, f"{name} is missing")
        for name, one in value.items():
            fields[name](one, f"{place}.{name}")

    return check


ANY_VALUE = message({"stringValue": text, "boolValue": flag, "intValue": number_64(SIGNED_64), "doubleValue": real},
                    ("stringValue", "boolValue", "intValue", "doubleValue"))
KEY_VALUE = message({"key": text, "value": ANY_VALUE}, needed=("key", "value"))
POINT = message({"attributes": listed(KEY_VALUE), "startTimeUnixNano": number_64(UNSIGNED_64), "timeUnixNano": number_64(UNSIGNED_64),
                 "asInt": number_64(SIGNED_64), "asDouble": real}, ("asInt", "asDouble"), ("timeUnixNano",))
GAUGE = message({"dataPoints": listed(POINT)}, needed=("dataPoints",))
SUM = message({"dataPoints": listed(POINT), "aggregationTemporality": temporality, "isMonotonic": flag},
              needed=("dataPoints", "aggregationTemporality", "isMonotonic"))
METRIC = message({"name": text, "description": text, "unit": text, "gauge": GAUGE, "sum": SUM}, ("gauge", "sum"), ("name",))
SCOPE = message({"name": text, "version": text, "attributes": listed(KEY_VALUE)})
SCOPE_METRICS = message({"scope": SCOPE, "metrics": listed(METRIC), "schemaUrl": text})
RESOURCE_METRICS = message({"resource": message({"attributes": listed(KEY_VALUE)}), "scopeMetrics": listed(SCOPE_METRICS), "schemaUrl": text})
REQUEST = message({"resourceMetrics": listed(RESOURCE_METRICS)}, needed=("resourceMetrics",))


def attributes_of(holder: dict) -> dict:
    return {one["key"]: one["value"]["stringValue"] for one in holder.get("attributes", [])}


def points_of(metric: dict) -> list:
    return metric.get("gauge", metric.get("sum"))["dataPoints"]


def prometheus_name(metric: dict) -> str:
    """By OpenTelemetry's specification "Prometheus and OpenMetrics Compatibility"."""
    suffix = {"s": "_seconds", "By": "_bytes", "1": "_ratio"}.get(metric.get("unit", ""), "")
    return metric["name"].replace(".", "_") + suffix + ("_total" if "sum" in metric else "")


def unique_keys(pairs: list) -> dict:
    require(len({key for key, _ in pairs}) == len(pairs), "document", f"a key is there twice: {[key for key, _ in pairs]}")
    return dict(pairs)


def check_metric(metric: dict, place: str) -> None:
    """What the data model asks beyond the fields."""
    require(metric["name"] != "", place, "a metric has a name")
    require(metric.get("unit", "1") in UCUM or metric["unit"].startswith("{"), place, f"no unit of UCUM: {metric.get('unit')}")
    points = points_of(metric)
    require(len(points) > 0, place, "a metric without a point")
    streams = [tuple(sorted(attributes_of(point).items())) for point in points]
    require(len(set(streams)) == len(streams), place, "two points of one stream at one time")
    for point in points:
        keys = [one["key"] for one in point.get("attributes", [])]
        require(len(set(keys)) == len(keys) and "" not in keys, place, f"attribute keys: {keys}")
        require(int(point.get("startTimeUnixNano", 0)) <= int(point["timeUnixNano"]), place, "it ends before it begins")


def parse(body: bytes) -> dict:
    """The ExportMetricsServiceRequest; raises Wrong where it is not exactly one."""
    document = json.loads(body, object_pairs_hook=unique_keys)
    REQUEST(document, "document")
    for resource in document["resourceMetrics"]:
        for scope in resource["scopeMetrics"]:
            names = [metric["name"] for metric in scope["metrics"]]
            require(len(set(names)) == len(names), "metrics", "a name is there twice")
            for metric in scope["metrics"]:
                check_metric(metric, metric["name"])
    return document


class Receiver:
    """POST /v1/metrics on loopback; use as a context manager. `answers`: (status, headers, body) for the next requests,
    then 200. What came in is in `documents`, what was wrong with it in `faults`."""

    def __init__(self, answers: list = ()):
        self.answers, self.documents, self.faults, self.headers = list(answers), [], [], []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.headers.append(dict(self.headers))
                status, headers, answer = owner.take(self.path, self.headers, body)
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/metrics"

    def take(self, path: str, headers, body: bytes) -> tuple[int, dict, bytes]:
        if self.answers:
            return self.answers.pop(0)
        try:
            require(path == "/v1/metrics", "path", path)
            require(headers["Content-Type"] == "application/json", "Content-Type", str(headers["Content-Type"]))
            self.documents.append(parse(body))
        except (Wrong, ValueError) as error:
            self.faults.append(str(error))
            return 400, {}, json.dumps({"code": 3, "message": str(error)}).encode()
        return 200, {}, b"{}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

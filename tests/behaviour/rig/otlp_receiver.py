"""OpenTelemetry's own definitions of OTLP, and a real receiver of it: VictoriaMetrics, which takes protobuf only.

Debian has no collector, and builds Prometheus without its OTLP endpoint."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from . import packages, processes

GO = "usr/share/gocode/src/go.opentelemetry.io/proto/otlp"
FILES = ("common/v1/common", "resource/v1/resource", "metrics/v1/metrics", "collector/metrics/v1/metrics_service")
RAW = re.compile(r"_rawDesc = \[\]byte\{(.*?)\n\}", re.S)
HOST = packages.host_architecture()


def _protobuf():
    """Debian's Python package of it, without its compiled part."""
    tree = packages.unpacked("python-protobuf", packages.debs("bookworm", HOST, ["python3-protobuf"], "python3-protobuf_"))
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    sys.path.insert(0, str(tree / "usr/lib/python3/dist-packages"))
    from google.protobuf import descriptor_pool, json_format, message_factory
    return descriptor_pool.DescriptorPool(), json_format, message_factory


class Definitions:
    """The .proto files as the Go package carries them: compiled descriptors."""

    def __init__(self):
        tree = packages.unpacked("otlp-definitions", packages.debs("trixie", HOST, ["golang-opentelemetry-proto-dev"], "golang-opentelemetry-proto-dev_"))
        pool, self.json_format, factory = _protobuf()
        for file in FILES:
            found = RAW.search((tree / GO / f"{file}.pb.go").read_text(encoding="utf-8"))
            pool.AddSerializedFile(bytes(int(word, 16) for word in re.findall(r"0x[0-9a-f]{2}", found[1])))
        name = "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest"
        self.request = factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))

    def message(self, text: str):
        """Raises json_format.ParseError for a field that there is none of, or of another type."""
        return self.json_format.Parse(text, self.request())

    def canonical(self, message) -> dict:
        return self.json_format.MessageToDict(message, use_integers_for_enums=True)


class VictoriaMetrics:
    """Use as a context manager."""

    def __init__(self):
        tree = packages.unpacked("victoria-metrics", packages.debs("trixie", HOST, ["victoria-metrics"], "victoria-metrics_"))
        self.binary, self.process = tree / "usr/bin/victoria-metrics", None
        self.folder = processes.scratch_folder("nodeproof-victoria-")
        self.port = processes.free_port()

    def __enter__(self):
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [self.binary, f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
                 "-opentelemetry.usePrometheusNaming", "-search.latencyOffset=0s", "-memory.allowedBytes=128MiB"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            processes.wait_until(self._answers, f"VictoriaMetrics (see {self.folder}/log)", self.process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        processes.stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return self.get("/health") == b"OK"
        except OSError:
            return False

    def get(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers={"Content-Type": "application/x-protobuf"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def take(self, protobuf: bytes) -> None:
        self.get("/opentelemetry/v1/metrics", protobuf)
        self.get("/internal/force_flush")
        processes.wait_until(lambda: self.series('{service_name!=""}'), "what was sent", self.process)

    def series(self, selector: str) -> list[tuple[dict, float]]:
        answer = json.loads(self.get("/api/v1/query?" + urllib.parse.urlencode({"query": selector, "time": time.time() + 1})))
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

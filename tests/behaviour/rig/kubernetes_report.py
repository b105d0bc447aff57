"""Reports for kubernetes_driver, and what it says."""

import datetime
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

DRIVER = Path(os.environ.get("NODEPROOF_BUILD", ".")) / "kubernetes_driver"
READY = {"verdict": "ready", "reason": "", "message": "1/1 ready"}
WRONG = {"verdict": "not-ready", "reason": "ArchMismatch", "message": "0/1 ready; ArchMismatch app:v2"}
UNKNOWN = {"verdict": "unknown", "reason": "RegistryUnreachable", "message": "0/1 ready; RegistryUnreachable app:v2"}
BOARD = {"architecture": "arm64", "pageSize": 16384, "hwcaps": ["fp", "atomics"], "userlandBits": 64,
         "board": "Raspberry Pi 5 Model B Rev 1.0"}


def report(node: str, said: dict, host: dict | None = None) -> dict:
    now = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return {"apiVersion": "nodeproof.dev/v1", "kind": "NodeReport", "node": node, "time": now, "since": now, "sequence": 1, **said,
            "freshness": "current", "agentVersion": "0.1.0", "bootId": "", "configDigest": "", "labels": {}, "host": host or BOARD,
            "findings": [], "images": []}


@dataclass
class Publisher:
    """One node's nodeproof: `folder` keeps its memory and its reports; settings are kubernetes_driver's arguments."""

    node: str
    folder: Path
    settings: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    remembers: bool = True

    def publish(self, *said: dict, host: dict | None = None, **more: str) -> list[dict]:
        """One answer per report: {"memory", "failed", "retryAfter"} or {"error"}."""
        self.folder.mkdir(exist_ok=True)
        files = []
        for number, each in enumerate(said):
            files.append(self.folder / f"report-{number}.json")
            files[-1].write_text(json.dumps(report(self.node, each, host)), encoding="utf-8")
        arguments = self.settings | more | ({"memory": str(self.folder / "memory.json")} if self.remembers else {})
        done = subprocess.run([DRIVER, *files, *(f"{name}={value}" for name, value in arguments.items())], capture_output=True, text=True,
                              timeout=120, env=self.environment, check=False)
        if done.returncode != 0:
            raise AssertionError(f"kubernetes_driver ended with {done.returncode}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

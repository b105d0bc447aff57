"""Runs registry_driver: the registry adapter alone, its answer as a dictionary."""

import json
import os
import subprocess
from pathlib import Path

DRIVER = Path(os.environ.get("NODEPROOF_BUILD", ".")) / "registry_driver"


def ask(reference: str, environment: dict | None = None, **arguments: str) -> dict:
    """{"digest", "mediaType", "blobs": [{"digest", "whole", "resumed"}]}, and when it failed "code", "message",
    "remedy"; always "peakKib" of memory and "rateLimits". The environment is empty but for what is given: no proxies."""
    command = [DRIVER, reference, *(f"{name}={value}" for name, value in arguments.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment or {}, check=False)
    if done.returncode != 0:
        raise AssertionError(f"registry_driver ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)

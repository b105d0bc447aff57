"""A private registry, filled with the images, and a private containerd, for use by hand.

    python3 -m rig.shell [1.6|1.7|2] [COMMAND...]     (in tests/behaviour, as root)
runs COMMAND (default: a shell) with REGISTRY, CONTAINERD_ADDRESS, NODEPROOF_CONFIG and ctr on the PATH set up.
"""

import json
import os
import subprocess
import sys

from . import catalogue, packages
from .containerd import Containerd
from .registry import Registry


def main() -> int:
    arguments = sys.argv[1:]
    version = arguments.pop(0) if arguments and arguments[0] in packages.CONTAINERD_SUITES else "1.6"
    host = packages.host_architecture()
    with Registry() as registry, Containerd(version) as containerd:
        references = catalogue.publish(registry, host)
        config = containerd.folder / "nodeproof.json"
        config.write_text(json.dumps(catalogue.config(containerd, references), indent=2), encoding="utf-8")
        wrapper = containerd.folder / "bin/ctr"
        wrapper.parent.mkdir()
        wrapper.write_text(
            f'#!/bin/sh\nexec nsenter --target={containerd.process.pid} --mount --root '
            f'{containerd.tree}/usr/bin/ctr --address {containerd.socket} --namespace k8s.io "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
        environment = os.environ | {
            "REGISTRY": registry.name, "CONTAINERD_ADDRESS": str(containerd.socket), "NODEPROOF_CONFIG": str(config),
            "CONTAINERD_LOG": str(containerd.log), "PATH": f"{wrapper.parent}:{os.environ['PATH']}",
        }
        return subprocess.run(arguments or [os.environ.get("SHELL", "/bin/sh")], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())

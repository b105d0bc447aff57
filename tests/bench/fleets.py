"""The measurements of tests/bench/fleet."""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rig import processes, program, reports
from rig.authority import Authority
from rig.front import Front
from rig.receiver import Receiver


class Daemons:
    """The status sockets of so many nodes, each with its report: what a delivery asks for it."""

    def __init__(self, folder: Path, count: int):
        self.folder, self.listeners = folder, []
        for number in range(count):
            run = self.run(number)
            run.mkdir(parents=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(run / "nodeproof.sock"))
            listener.listen(4)
            self.listeners.append(listener)
            threading.Thread(target=self._serve, args=(listener, document(number)), daemon=True).start()

    def run(self, number: int) -> Path:
        return self.folder / f"{number}/run"

    @staticmethod
    def _serve(listener: socket.socket, report: bytes) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(256)
                client.sendall(report)

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()


def document(number: int) -> bytes:
    images = [reports.image(f"registry.lan:5000/shop/app-{n}:v2") for n in range(5)]
    return json.dumps(reports.node(f"node-{number}", images=images)).encode()


def measure(name: str, commands: list[list[str]], at_once: int) -> None:
    """All of them; a command that fails ends the benchmark."""
    def one(command: list[str]) -> float:
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return time.monotonic() - begin

    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        seconds = sorted(pool.map(one, commands))
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  {name}: {wall:.1f} s for {len(commands)} nodes, {at_once} at once; a delivery {1000 * seconds[len(seconds) // 2]:.0f} ms "
          f"(median), {1000 * cpu / len(commands):.1f} ms CPU")


def run(options: argparse.Namespace) -> None:
    folder = processes.scratch_folder("nodeproof-bench-fleet-")
    daemons = Daemons(folder, options.nodes)
    with Authority() as authority, Receiver() as receiver:
        client = authority.issue("fleet", "DNS:fleet")
        with Front(receiver.name, authority.issue("server", "IP:127.0.0.1"), authority.ca) as front:
            url = f"https://{front.name}/hook"
            config = folder / "nodeproof.json"
            config.write_text(json.dumps({"report": {"webhook": {
                "url": url, "ca": str(authority.ca), "client_certificate": str(client.file), "client_key": str(client.key)}}}))
            ours = [[str(program.binary()), "report-child", "--config", str(config), "--state", str(folder / f"{n}/state"),
                     "--run", str(daemons.run(n)), "--sink", "webhook", "--news"] for n in range(options.nodes)]
            measure("nodeproof", ours, options.at_once)
            got = [each.json for each in receiver.all()]
            if {e["subject"] for e in got} != {f"node-{n}" for n in range(options.nodes)} or len(got) != options.nodes:
                sys.exit(f"tests/bench/fleet: {len(got)} events of {len({e['subject'] for e in got})} nodes arrived")
            body = folder / "event.json"
            body.write_bytes(receiver.all()[0].body)
            curl = ["curl", "-sS", "--fail", "--cacert", str(authority.ca), "--cert", str(client.file), "--key", str(client.key),
                    "-H", "Content-Type: application/cloudevents+json", "--data-binary", f"@{body}", url]
            measure("curl", [curl] * options.nodes, options.at_once)
            print(f"  an event of this report: {body.stat().st_size} bytes, {24 * body.stat().st_size / 1e3:.0f} kB a day by heartbeats")
    daemons.close()
    subprocess.run(["rm", "-rf", folder], check=True)


def main() -> None:
    options = argparse.ArgumentParser(prog="tests/bench/fleet")
    options.add_argument("--nodes", type=int, default=1000)
    options.add_argument("--at-once", type=int, default=8)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    run(options.parse_args())


if __name__ == "__main__":
    os.umask(0o077)
    main()

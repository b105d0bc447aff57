"""The processes of a nodeproof that unpacks: itself, its broker, the broker's writers; and faults of the kernel's for them."""

import subprocess
from pathlib import Path

from . import packages, processes


class Family:
    """Of one running `nodeproof check`."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.seen: set[int] = set()

    def brokers(self) -> list[int]:
        found = processes.children(self.process.pid)
        self.seen.update(found)
        return found

    def writers(self) -> list[int]:
        found = [writer for broker in self.brokers() for writer in processes.children(broker)]
        self.seen.update(found)
        return found

    def wait_for(self, who: str) -> int:
        """The first one; `who`: main, broker or writer."""
        if who == "main":
            return self.process.pid
        look = {"broker": self.brokers, "writer": self.writers}[who]
        found: list[int] = []
        processes.wait_until(lambda: found.extend(look()) or found, f"a {who}", self.process)
        return found[0]

    def wait_for_their_end(self) -> None:
        processes.wait_until(lambda: not [pid for pid in self.seen if processes.alive(pid)], "the end of broker and writers")


class Injected:
    """A context manager: from now on these processes get an error for these system calls, by strace(1). Raises Unavailable
    where nobody may trace."""

    def __init__(self, pids: list[int], calls: str, error: str, log: Path):
        self._command = [*packages.strace(), "-f", "-o", str(log), *(word for pid in pids for word in ("-p", str(pid))),
                         "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
        self._pids, self._log = pids, log

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                         text=True)
        try:
            processes.wait_until(lambda: all(map(self._traced, self._pids)), "strace", self._process, seconds=10)
        except RuntimeError as error:
            raise packages.Unavailable(f"ptrace: {self._process.stderr.read().strip()}") from error
        return self

    def __exit__(self, *_):
        processes.stop(self._process)
        self._process.stderr.close()

    def hits(self) -> int:
        return self._log.read_text(errors="replace").count("(INJECTED)") if self._log.exists() else 0

    @staticmethod
    def _traced(pid: int) -> bool:
        try:
            return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except OSError:
            return True

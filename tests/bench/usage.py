"""What a command, and a daemon meanwhile, used."""

import contextlib
import os
import re
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from rig import processes

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Used:
    wall: float = 0.0  # seconds, as the CPU's
    client_cpu: float = 0.0
    daemon_cpu: float = 0.0
    peak: float = 0.0  # MB, of the client with its children; of those that run together the sum
    wire: int = 0  # bytes
    written: int = 0  # bytes to a disk, by client and daemon; 0 where they write to memory
    read: int = 0  # bytes by the daemon, from wherever
    outputs: list = field(default_factory=list)


def io_of(pid: int) -> dict[str, int]:
    text = Path(f"/proc/{pid}/io").read_text(encoding="ascii")
    return {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", text)}


def written_of(io: dict[str, int]) -> int:
    """Without pages that were written in memory and dropped before the disk saw them: those of a file that is deleted."""
    return io["write_bytes"] - io["cancelled_write_bytes"]


def cpu_of(pid: int) -> float:
    """With the children that were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICK


def pss_of(pids: list[int]) -> float:
    """MB: what several share counts once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            if found := re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"), re.MULTILINE):
                total += int(found[1])
    return total / 1024


class Running:
    """One command; its peak memory is looked at by a thread: the larger of its own high-water mark and, while it has
    children, of the sum of all their proportional shares. (ru_maxrss would begin with our own size.)"""

    def __init__(self, command: list, environment: dict | None):
        self._command = command
        self._out, self._err = (os.fdopen(os.memfd_create(name), "w+b") for name in ("out", "err"))  # no disk's bytes
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err,
                                         env=environment)
        self._peak, self._done = 0.0, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _look(self) -> None:
        looks = 0
        while not self._done.wait(0.02):
            try:
                status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
            except OSError:
                return
            if found := re.search(r"VmHWM:\s+(\d+)", status):
                self._peak = max(self._peak, int(found[1]) / 1024)
            looks += 1  # the kernel walks all pages for it: not each time
            if looks % 2 == 0 and processes.children(self._process.pid):
                self._peak = max(self._peak, pss_of(processes.descendants([self._process.pid])))

    def end(self, used: Used, accept: tuple = (0,)) -> None:
        """Waits for it and adds what it used."""
        pid = self._process.pid
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        used.written += written_of(io_of(pid))  # as the CPU's, with the children that it waited for
        _, status, rusage = os.wait4(pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._done.set()
        self._watch.join()
        used.client_cpu += rusage.ru_utime + rusage.ru_stime
        used.peak += self._peak
        used.outputs.append(self._read(self._out))
        errors = self._read(self._err)
        if self._process.returncode not in accept:
            raise RuntimeError(f"{' '.join(map(str, self._command))}: exit {self._process.returncode}: "
                               f"{errors[-2000:]}{used.outputs[-1][-2000:]}")

    @staticmethod
    def _read(file) -> str:
        with file:
            file.seek(0)
            return file.read().decode(errors="replace")


def measure(daemon: int, commands: list, together: bool = False, environment: dict | None = None) -> Used:
    """Commands one after another, or all of them together; `daemon` is the process whose share is counted."""
    used = Used()
    cpu, io = cpu_of(daemon), io_of(daemon)
    begin = time.monotonic()
    if together:
        for running in [Running(command, environment) for command in commands]:
            running.end(used)
    else:
        peak = 0.0
        for command in commands:
            used.peak = 0.0
            Running(command, environment).end(used)
            peak = max(peak, used.peak)
        used.peak = peak
    used.wall = time.monotonic() - begin
    after = io_of(daemon)
    used.daemon_cpu = cpu_of(daemon) - cpu
    used.written += written_of(after) - written_of(io)
    used.read = after["rchar"] - io["rchar"]
    return used

"""A link of a given rate and round trip time between two network namespaces. In user space, on two TUN devices: kernels
without sch_netem know no delay. Run as a program it is the link's pump."""

import contextlib
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

CLONE_NEWNET = 0x40000000
NEAR, FAR = "10.9.0.1", "10.9.0.2"
MTU, QUEUE = 1500, 600  # bytes; packets that wait for the link at most
libc = ctypes.CDLL(None, use_errno=True)


def _checked(answer: int, what: str) -> None:
    if answer != 0:
        raise OSError(ctypes.get_errno(), what)


def _namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _tun(name: str, address: str) -> int:
    """A device in the namespace of the calling thread; it ends with the descriptor."""
    tunsetiff, iff_tun, iff_no_pi = 0x400454CA, 0x0001, 0x1000
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(device, tunsetiff, struct.pack("16sH22x", name.encode(), iff_tun | iff_no_pi))
    for command in ("link set lo up", f"addr add {address}/24 dev {name}",
                    f"link set {name} mtu {MTU} txqueuelen 4000 up"):
        subprocess.run(["ip", *command.split()], check=True)
    return device


class ShapedLink:
    """Use as a context manager, on the main thread. near() and far() take that thread, and what it starts from then on,
    into one of the namespaces; they end with their last process. The registry belongs at FAR."""

    def __init__(self, mbit: float = 50, round_trip_ms: float = 40):
        self.mbit, self.round_trip_ms = mbit, round_trip_ms
        self._stack = contextlib.ExitStack()
        self._near = self._far = -1

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            home = _namespace()
            stack.callback(os.close, home)
            stack.callback(lambda: _checked(libc.setns(home, CLONE_NEWNET), "setns"))
            devices = []
            for name, address in (("far", FAR), ("near", NEAR)):
                _checked(libc.unshare(CLONE_NEWNET), "unshare")
                setattr(self, f"_{name}", _namespace())
                stack.callback(os.close, getattr(self, f"_{name}"))
                devices.append(_tun(name, address))
            pump = subprocess.Popen([sys.executable, "-B", Path(__file__), str(self.mbit), str(self.round_trip_ms),
                                     *map(str, devices)], stdin=subprocess.PIPE, pass_fds=devices)
            stack.callback(lambda: (pump.stdin.close(), pump.wait()))
            for device in devices:
                os.close(device)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def near(self) -> None:
        _checked(libc.setns(self._near, CLONE_NEWNET), "setns")

    def far(self) -> None:
        _checked(libc.setns(self._far, CLONE_NEWNET), "setns")

    def received(self) -> int:
        """Bytes of packets that came to the near end; to be asked there."""
        lines = Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines()
        return next(int(line.split(":")[1].split()[0]) for line in lines if line.strip().startswith("near:"))


def pump(mbit: float, round_trip_ms: float, devices: tuple[int, int]) -> None:
    """Until standard input ends: with it goes who started us."""
    with contextlib.suppress(OSError):  # a link that waits for a busy machine is another link
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    rate, delay = mbit * 1e6 / 8, round_trip_ms / 2000
    ways = [(devices[0], devices[1], deque()), (devices[1], devices[0], deque())]
    free_at = [0.0, 0.0]
    while True:
        now = time.monotonic()
        due = now + 3600.0
        for _, target, queue in ways:
            while queue and queue[0][0] <= now:
                with contextlib.suppress(OSError):
                    os.write(target, queue.popleft()[1])
            if queue:
                due = min(due, queue[0][0])
        ready, _, _ = select.select([*devices, 0], [], [], max(due - time.monotonic(), 0))
        if 0 in ready:
            return
        for i, (source, _, queue) in enumerate(ways):
            if source not in ready:
                continue
            with contextlib.suppress(BlockingIOError):
                for _ in range(64):
                    packet = os.read(source, 2048)
                    begin = max(free_at[i], time.monotonic())
                    if (begin - time.monotonic()) * rate > QUEUE * MTU:
                        continue  # dropped, as a router's full queue does
                    free_at[i] = begin + len(packet) / rate
                    queue.append((free_at[i] + delay, packet))


if __name__ == "__main__":
    pump(float(sys.argv[1]), float(sys.argv[2]), (int(sys.argv[3]), int(sys.argv[4])))

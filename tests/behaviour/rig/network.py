"""A network and files of the test's own: run the test in new mount and network namespaces, then arrange them."""

import ctypes
import fcntl
import os
import socket
import struct
import sys
import tempfile
from pathlib import Path

INSIDE = "NODEPROOF_TEST_OWN_NETWORK"


def enter(script: str) -> None:
    """Starts the calling script anew in namespaces of its own, unless it is there or is not root."""
    if INSIDE in os.environ or os.geteuid() != 0:
        return
    os.environ[INSIDE] = "1"
    own = ["unshare", "--mount", "--net", "--propagation", "private"]
    os.execvp(own[0], [*own, sys.executable, "-B", str(Path(script).resolve())])


def loopback_up() -> None:
    siocgifflags, siocsifflags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack("16sH22x", fcntl.ioctl(any_socket, siocgifflags, request))[1]
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sH22x", b"lo", flags | up))


def add_address(number: int, address: str) -> None:
    """One more address of this machine, as lo:number; in a network namespace nobody else sees it."""
    siocsifaddr = 0x8916
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        where = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(any_socket, siocsifaddr, struct.pack("16s16s8x", f"lo:{number}".encode(), where))


def replace_file(path: str, text: str) -> None:
    """Within this mount namespace only."""
    with tempfile.NamedTemporaryFile("w", prefix="nodeproof-", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    bind = 4096
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(file.name.encode(), os.path.realpath(path).encode(), None, bind, None) != 0:
        raise OSError(ctypes.get_errno(), f"bind mount over {path}")
    os.unlink(file.name)

"""A TCP proxy in front of a registry: it cuts, slows down and counts what the registry sends."""

import selectors
import socket
import threading
import time


class Proxy:
    """Use as a context manager; `name` is what an image reference starts with. `cuts`: after that many bytes from the
    registry, counted over all connections, the connection that carries them is reset. `rate`: bytes per second of each
    connection, 0 = as they come. `stall`: after that many bytes nothing more comes until go_on()."""

    CHUNK = 16384

    def __init__(self, port: int, cuts=(), rate: int = 0, stall: int | None = None,
                 address: str = "127.0.0.1"):
        self.target = (address, port)
        self.cuts, self.rate = sorted(cuts), rate
        self.sent = 0  # bytes from the registry, headers included
        self.made_cuts = 0
        self._lock = threading.Lock()
        self.stall = stall
        self._closed, self._goes_on = threading.Event(), threading.Event()
        self._listener = socket.create_server((address, 0))
        self.name = f"{address}:{self._listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closed.set()
        self.go_on()
        self._listener.close()

    def go_on(self) -> None:
        self._goes_on.set()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.target) as server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ)
            ready.register(server, selectors.EVENT_READ)
            try:
                while self._pump(client, server, ready):
                    pass
            except OSError:
                pass

    def _pump(self, client, server, ready) -> bool:
        for key, _ in ready.select(1):
            data = key.fileobj.recv(self.CHUNK)
            if not data or self._closed.is_set():
                return False
            if key.fileobj is client:
                server.sendall(data)
                continue
            if self.stall is not None and self.sent >= self.stall:
                self._goes_on.wait()
            allowed = self._count(len(data))
            client.sendall(data[:allowed])
            if allowed < len(data):
                return False
            if self.rate:
                time.sleep(len(data) / self.rate)
        return not self._closed.is_set()

    def _count(self, size: int) -> int:
        """How many of these bytes come through."""
        with self._lock:
            allowed = size
            if self.cuts and self.sent + size > self.cuts[0]:
                allowed = max(self.cuts.pop(0) - self.sent, 0)
                self.made_cuts += 1
            self.sent += allowed
            return allowed

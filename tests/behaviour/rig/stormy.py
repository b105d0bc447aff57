"""A registry behind bad weather: every layer meets each fault once, then comes whole, slowly."""

import random
import re
import threading
from pathlib import Path

from .faulty import FaultyRegistry

FAULTS = ("cut", "stall", "corrupt", "short")
PIECE = 128 << 10


class StormyRegistry(FaultyRegistry):
    """The seed decides in which order a layer's answers fail, and where: cut (the connection ends) · stall (it stands
    still, then ends) · corrupt (one byte differs) · short (whole by HTTP, but fewer bytes than were asked for). Ranges
    are obeyed. `met` counts the faults that were shown."""

    def __init__(self, seed: int):
        super().__init__()
        self.seed, self.met = seed, 0
        self._storms: dict[str, tuple] = {}
        self._lock = threading.Lock()

    def _next_fault(self, digest: str) -> tuple[str, float]:
        """And where in the answer, of 1."""
        with self._lock:
            if digest not in self._storms:
                numbers = random.Random(f"{self.seed} {digest}")
                self._storms[digest] = (numbers, numbers.sample(FAULTS, len(FAULTS)))
            numbers, left = self._storms[digest]
            self.met += 1 if left else 0
            return (left.pop(), numbers.random()) if left else ("slow", 1.0)

    def _blob(self, request, digest: str, fault: str) -> None:
        held = self.blobs.get(digest)
        if not isinstance(held, Path) or request.command == "HEAD":
            return super()._blob(request, digest, fault)
        data = held.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-\d*", request.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        what, where = self._next_fault(digest)
        place = start + max(int((len(data) - start) * where), 1)
        end = len(data)
        if what == "corrupt" and place < end:
            data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]
        if what == "short":
            end = place
        request.send_response(206 if asked else 200)
        if asked:
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        request.send_header("Content-Length", str(end - start))
        request.end_headers()
        broken = what in ("cut", "stall")
        self._send_pieces(request, data[start : place if broken else end], 0.02 if what == "slow" else 0)
        if what == "stall":
            self.released.wait(1)
        if broken:
            request.close_connection = True

    def _send_pieces(self, request, data: bytes, pause: float) -> None:
        try:
            for begin in range(0, len(data), PIECE):
                request.wfile.write(data[begin : begin + PIECE])
                request.wfile.flush()
                if pause:
                    self.released.wait(pause)
        except OSError:
            request.close_connection = True

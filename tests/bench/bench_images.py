"""Images whose size, number of files and compressibility are those of real ones; the same on every machine, and kept
where the rig keeps its layers."""

import functools
import io
import random
import tarfile

from rig import catalogue, images, layers, packages, programs

MEGABYTE = 1 << 20
FILE = 30_000  # bytes, the mean of a Debian system's files


@functools.cache
def words() -> bytes:
    """Text of words as frequent as those of a language, lines that come again, and bytes of unequal frequency, as in
    code: packs to less than a third. It is longer than deflate looks back, so that its parts pack as it does."""
    numbers = random.Random(4)
    vocabulary = ["".join(numbers.choices("etaoinshrdlucmfwyp_", k=numbers.randint(2, 13))) for _ in range(3000)]
    weights = [1 / (rank + 3) ** 1.2 for rank in range(len(vocabulary))]
    out = io.BytesIO()
    while out.tell() < 8 * MEGABYTE:
        for _ in range(120):
            line = " ".join(numbers.choices(vocabulary, weights, k=14)).encode() + b"\n"
            out.write(line * numbers.randint(1, 2))
        out.write(bytes(min(int(numbers.expovariate(1 / 24)), 255) for _ in range(1500)))
    return out.getvalue()


def tree(seed: str, size: int, app: bytes = b"") -> bytes:
    """A tar of `size` bytes in files of all sizes, and /app."""
    numbers, pool, out = random.Random(seed), words(), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        def add(name: str, data: bytes, mode: int) -> None:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            archive.addfile(info, io.BytesIO(data))

        count = 0
        while out.tell() < size:
            length = min(int(numbers.lognormvariate(0, 1.6) / 3.6 * FILE), 4 * MEGABYTE)
            begin = numbers.randrange(len(pool) - length)
            add(f"usr/lib/{seed}/{count // 400:03}/{count:06}", pool[begin : begin + length], 0o644)
            count += 1
        if app:
            add("app", app, 0o755)
    return out.getvalue()


def layer(seed: str, megabytes: float, app: bytes = b"") -> layers.Layer:
    size = int(megabytes * MEGABYTE)
    return layers.generated(f"bench pull 1 {seed} {size} {layers.sha256(app)}", lambda: tree(seed, size, app))


def _image(parts: list) -> images.Image:
    return images.index(images.variant(packages.host_architecture(), parts, {"Entrypoint": ["/app"]}))


def large(scale: float = 1.0) -> images.Image:
    """Of about 270 MB that unpack to 900 MB: a base, what is installed upon it, an application."""
    app = programs.good(packages.host_architecture())
    sizes = (130, 320, 180, 120, 80, 40, 30)
    parts = [layer(f"large-{i}", size * scale) for i, size in enumerate(sizes)]
    return _image([*parts, layer("large-app", 20 * scale, app)])


DEBIAN = (catalogue.BASE, ("curl", "openssl", "ca-certificates"), ("python3",), ("nodejs",), ("git",),
          ("python3-numpy", "python3-scipy"))


def debian(scale: float = 1.0) -> images.Image:
    """Debian's own packages, a layer for each of DEBIAN, and an application of two layers: real programs and libraries, and
    as large as the other one. Smaller: without the last and largest of them."""
    architecture, seen, parts = packages.host_architecture(), set(), []
    for names in DEBIAN if scale >= 1 else DEBIAN[:-1]:
        more = [file for file in packages.debs(catalogue.SUITE, architecture, names) if file.name not in seen]
        seen.update(file.name for file in more)
        parts.append(layers.from_packages(more))
    return _image([*parts, layer("debian-app", 30), layer("debian-program", 20, programs.good(architecture))])


def sharing() -> list[images.Image]:
    """Ten: all on one base, four with one runtime and three with another; two small layers of each one's own."""
    app = programs.good(packages.host_architecture())
    base, runtimes = layer("set-base", 90), [layer("set-runtime-0", 110), layer("set-runtime-1", 70)]
    found = []
    for i in range(10):
        runtime = runtimes[:1] if i < 4 else runtimes[1:] if i < 7 else []
        found.append(_image([base, *runtime, layer(f"set-own-{i}", 10), layer(f"set-app-{i}", 1, app)]))
    return found

"""The images of the tests, each with what nodeproof must say about it on a host of a given architecture."""

import functools
from dataclasses import dataclass

from . import images, layers, packages, programs
from .layers import File

SUITE, NEWER_SUITE = "bookworm", "trixie"
ACCOUNTS = (
    File("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0o644),
    File("etc/group", b"root:x:0:\nnogroup:x:65534:\n", 0o644),
)
BASE = ("bash", "coreutils", "base-files")
BASH = {"Entrypoint": ["/bin/bash"], "Cmd": ["-c", "echo hello"]}
LOADER = {
    "amd64": ("usr/lib/x86_64-linux-gnu/", "ld-linux-x86-64.so.2"),
    "arm64": ("usr/lib/aarch64-linux-gnu/", "ld-linux-aarch64.so.1"),
}
FOLDER = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}


@dataclass(frozen=True)
class Case:
    """An image by its repository name, the tests declared for it, and what must come of it."""

    name: str
    why: str
    smoke: tuple = ()
    verdict: str = "ready"
    codes: tuple = ()  # findings of severity fail or unknown
    warnings: tuple = ()  # findings of severity warn


def test(name: str, *args: str, **expect) -> dict:
    return {"name": name, "args": list(args), "timeout": "30s", "expect": {"exit": 0, **expect}}


CASES = (
    Case("good", "Debian's bash and coreutils", (test("says hello", "/bin/bash", "-c", "echo hello", stdout="^hello"),
                                                 test("lists", "ls", "/usr/bin"))),
    Case("good-static", "an image of one static program", (test("true", "/bin/busybox", "true"),)),
    Case("good-python", "shares its base with good",
         (test("computes", "python3", "-c", "print(6*7)", stdout="^42$"),)),
    Case("good-untested", "no test declared: the loader's dry run has to do"),
    Case("good-removed-helper", "a later layer removes the wrong binary of an earlier one",
         (test("starts", "/bin/bash", "-c", "exit 0"),)),
    Case("good-prebuilds", "carries add-ons for every architecture, each in its own folder",
         (test("starts", "/bin/bash", "-c", "exit 0"),)),
    Case("wrong-helper", "a tool nothing starts is of the other architecture",
         (test("starts", "/bin/bash", "-c", "exit 0"),), warnings=("ArchMismatch",)),
    Case("no-arch", "the index lacks this architecture", (), "not-ready", ("PlatformMissing",)),
    Case("wrong-arch", "the index says this architecture, the binaries are the other's",
         (test("starts", "/bin/bash", "-c", "exit 0"),), "not-ready", ("ArchMismatch",)),
    Case("wrong-init", "the entrypoint's init is of the other architecture",
         (test("starts", "/bin/bash", "-c", "exit 0"),), "not-ready", ("ArchMismatch",)),
    Case("wrong-interpreter", "the entrypoint is a script whose interpreter is of the other architecture", (),
         "not-ready", ("ArchMismatch",)),
    Case("wrong-library", "a library the entrypoint needs is of the other architecture", (),
         "not-ready", ("ArchMismatch",)),
    Case("wrong-config", "the config names another architecture than the index", (), "not-ready",
         ("PlatformMismatch",), ("PlatformMismatch",)),
    Case("sigill", "its program dies of SIGILL", (test("starts", "/app"),), "not-ready", ("ProgramCrashed",)),
    Case("needs-extension", "its program needs an extension this processor lacks", (test("starts", "/app"),),
         "not-ready", ("MissingIsaExtension",)),
    Case("missing-loader", "a whiteout took the dynamic loader away", (), "not-ready", ("LoaderMissing",)),
    Case("missing-library", "a library the program needs is not in the image", (), "not-ready", ("LibraryMissing",)),
    Case("newer-program", "its program is of a newer Debian than its C library", (), "not-ready", ("SymbolVersionMissing",)),
    Case("missing-entrypoint", "its entrypoint names no file", (), "not-ready", ("EntrypointMissing",)),
    Case("empty-entrypoint", "its entrypoint has no byte", (test("starts", "/app"),), "not-ready", ("FileCorrupt",)),
    Case("fails", "a declared test ends with 3", (test("starts", "/bin/bash", "-c", "exit 3"),),
         "not-ready", ("SmokeFailed",)),
)


def case(name: str) -> Case:
    return next(c for c in CASES if c.name == name)


@functools.cache
def base(architecture: str) -> layers.Layer:
    return layers.from_packages(packages.debs(SUITE, architecture, BASE), ACCOUNTS)


@functools.cache
def addition(architecture: str, *names: str) -> layers.Layer:
    """A layer of packages on top of base()."""
    below = {file.name for file in packages.debs(SUITE, architecture, BASE)}
    more = [file for file in packages.debs(SUITE, architecture, names) if file.name not in below]
    return layers.from_packages(more)


def _tini(architecture: str) -> layers.Layer:
    only = packages.debs(SUITE, architecture, ["tini"], "tini_")
    return layers.from_packages(only, without=("usr/bin/tini-static",))


def _whiteout(folder: str, name: str) -> layers.Layer:
    return layers.from_files(File(f"{folder}.wh.{name}", mode=0o644))


def _without_loader(a: str) -> list:
    folder, name = LOADER[a]
    gone = [File(f"{folder}.wh.{name}", mode=0o644)]
    gone.append(File(("usr/lib64/" if a == "amd64" else "usr/lib/") + f".wh.{name}", mode=0o644))
    return [base(a), layers.from_files(*gone)]


def _program(content: bytes) -> layers.Layer:
    return layers.from_files(File("app", content))


def _prebuilds() -> layers.Layer:
    folder = "opt/app/node_modules/addon/prebuilds/linux-"
    words = {"amd64": "x64", "arm64": "arm64"}  # as Node.js names them
    return layers.from_files(*(File(f"{folder}{words[a]}/addon.node", programs.good(a)) for a in packages.ARCHITECTURES))


def _wrong_interpreter(architecture: str) -> layers.Layer:
    other = programs.good(packages.other_architecture(architecture))
    return layers.from_files(File("app", b"#!/opt/interpreter\n"), File("opt/interpreter", other))


def _wrong_library(architecture: str) -> layers.Layer:
    name, other = "libtinfo.so.6.4", packages.other_architecture(architecture)
    content = layers.package_file(packages.debs(SUITE, other, BASE), f"usr/lib/{FOLDER[other]}/{name}")
    return layers.from_files(File(f"usr/lib/{FOLDER[architecture]}/{name}", content, 0o644))


def _newer_bash(architecture: str) -> layers.Layer:
    newer = packages.debs(NEWER_SUITE, architecture, ["bash"], "bash_")
    return layers.from_files(File("usr/bin/bash", layers.package_file(newer, "usr/bin/bash")))


# name -> (layers of an architecture, the config's run object)
_SAME_EVERYWHERE = {
    "good": (lambda a: [base(a)], BASH),
    "good-static": (lambda a: [addition(a, "busybox-static")], {"Entrypoint": ["/bin/busybox"], "Cmd": ["true"]}),
    "good-python": (lambda a: [base(a), addition(a, "python3-minimal")], {"Entrypoint": ["/usr/bin/python3"]}),
    "good-untested": (lambda a: [base(a)], BASH),
    "good-removed-helper": (
        lambda a: [base(a), _tini(packages.other_architecture(a)), _whiteout("usr/bin/", "tini")], BASH),
    "wrong-helper": (lambda a: [base(a), _wrong_tini(a)], BASH),
    "wrong-init": (lambda a: [base(a), _wrong_tini(a)], {"Entrypoint": ["tini", "--", "/bin/bash"], "Cmd": ["-c", "true"]}),
    "good-prebuilds": (lambda a: [base(a), _prebuilds()], BASH),
    "wrong-interpreter": (lambda a: [base(a), _wrong_interpreter(a)], {"Entrypoint": ["/app"]}),
    "wrong-library": (lambda a: [base(a), _wrong_library(a)], BASH),
    "sigill": (lambda a: [_program(programs.trapping(a))], {"Entrypoint": ["/app"]}),
    "needs-extension": (lambda a: [_program(programs.demanding(a))], {"Entrypoint": ["/app"]}),
    "missing-loader": (_without_loader, BASH),
    "missing-library": (lambda a: [base(a), _whiteout(f"usr/lib/{FOLDER[a]}/", "libtinfo.so.6")], BASH),
    "newer-program": (lambda a: [base(a), _newer_bash(a)], BASH),
    "missing-entrypoint": (lambda a: [base(a)], {"Entrypoint": ["/usr/bin/absent"]}),
    "empty-entrypoint": (lambda a: [base(a), _program(b"")], {"Entrypoint": ["/app"]}),
    "fails": (lambda a: [base(a)], BASH),
}


def _wrong_tini(architecture: str) -> layers.Layer:
    return _tini(packages.other_architecture(architecture))


def build(name: str, host: str) -> images.Image:
    """The image as it must be for a host of this architecture to meet its case."""
    other = packages.other_architecture(host)
    if name in _SAME_EVERYWHERE:
        content, run = _SAME_EVERYWHERE[name]
        return images.index(*(images.variant(a, content(a), run) for a in packages.ARCHITECTURES))
    if name == "no-arch":
        return images.index(images.variant(other, [base(other)], BASH))
    right, wrong = images.variant(other, [base(other)], BASH), images.variant(host, [base(other)], BASH)
    if name == "wrong-arch":
        return images.index(right, wrong)
    assert name == "wrong-config", name
    return images.index(right, images.variant(host, [base(host)], BASH, config_architecture=other))


def publish(registry, host: str, names=None, tag: str = "1", credentials=None) -> dict[str, str]:
    """Pushes the images into a registry made for hosts of this architecture; name -> reference."""
    client = images.Client(registry.url, registry.ca if registry.tls else None, credentials)
    references = {}
    for name in names or [c.name for c in CASES]:
        client.push(name, tag, build(name, host))
        references[name] = f"{registry.name}/{name}:{tag}"
    return references


def requirement(found: Case, reference: str) -> dict:
    """The config file's entry for an image of the catalogue."""
    return {"reference": reference, "smoke": list(found.smoke)}


def config(containerd, references: dict[str, str], **more) -> dict:
    """A whole config document for these images on this containerd."""
    found = {
        "containerd": {"address": str(containerd.socket), "namespace": "k8s.io"},
        "images": [requirement(case(name), reference) for name, reference in references.items()],
    }
    return found | more

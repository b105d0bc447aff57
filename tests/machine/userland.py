"""A Debian user land out of packages, without running a program of theirs: as dpkg would have left it, database included."""

import subprocess
from pathlib import Path

BASE = (
    "base-files", "base-passwd", "bash", "coreutils", "dash", "diffutils", "dpkg", "findutils", "grep", "gzip", "hostname", "init-system-helpers",
    "iproute2", "kmod", "libc-bin", "mawk", "mount", "perl-base", "procps", "sed", "systemd-sysv", "tar", "util-linux",
    "dbus", "containerd", "runc", "ca-certificates",
)
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale")
# What the packages' own scripts would have made.
USERS = {"messagebus": 101, "systemd-network": 102, "systemd-journal": 103, "systemd-resolve": 104}
LINKS = {"usr/bin/awk": "mawk", "usr/bin/sh": "dash"}
FOLDERS = ("proc", "sys", "dev", "run", "tmp", "root", "var/lib", "out")


def _unpack(deb: Path, root: Path) -> None:
    exclude = [f"--exclude=./{path}" for path in UNWANTED]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as stream:
        subprocess.run(["tar", "-C", root, "-x", "--keep-directory-symlink", *exclude], stdin=stream.stdout, check=True)


def _register(deb: Path, database: Path) -> None:
    """The package's entry in dpkg's database; its own scripts and triggers are left out."""
    control = subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout
    first, rest = control.split("\n", 1)
    with open(database / "status", "a", encoding="utf-8") as status:
        status.write(f"{first}\nStatus: install ok installed\n{rest.rstrip()}\n\n")
    fields = dict(line.split(": ", 1) for line in control.splitlines() if ": " in line and line[0] != " ")
    name = fields["Package"] + (f":{fields['Architecture']}" if fields.get("Multi-Arch") == "same" else "")
    (database / "info" / f"{name}.list").write_text("/.\n", encoding="utf-8")


def _accounts(root: Path) -> None:
    for name in ("passwd", "group"):
        text = (root / f"usr/share/base-passwd/{name}.master").read_text(encoding="utf-8")
        more = "::/:/usr/sbin/nologin" if name == "passwd" else ":"
        middle = "x:{0}:{0}" if name == "passwd" else "x:{0}"
        text += "".join(f"{user}:{middle.format(number)}{more}\n" for user, number in USERS.items())
        (root / "etc" / name).write_text(text, encoding="utf-8")


def recipe(debs: list[Path]) -> str:
    """What a tree made of these depends on."""
    source = Path(__file__).read_text(encoding="utf-8")
    return "\n".join([source, *(deb.name for deb in debs)])


def make(root: Path, debs: list[Path], name: str) -> None:
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).symlink_to("usr/" + folder)
    database = root / "var/lib/dpkg"
    for folder in ("info", "updates", "triggers"):
        (database / folder).mkdir(parents=True)
    (database / "available").touch()
    for deb in debs:
        _unpack(deb, root)
        _register(deb, database)
    _accounts(root)
    for link, target in LINKS.items():
        (root / link).unlink(missing_ok=True)
        (root / link).symlink_to(target)
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n", encoding="utf-8")
    (root / "etc/hostname").write_text(name + "\n", encoding="utf-8")

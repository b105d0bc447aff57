"""dpkg installs, upgrades, removes and purges the package in a small Debian of its own; nothing is booted there."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from made import OWN, ROOT, next_version, packages

sys.path.insert(0, str(ROOT / "tests/behaviour"))
from rig import packages as debian  # noqa: E402

USERLAND = ("base-files", "bash", "coreutils", "dash", "dpkg", "libc-bin", "perl-base", "init-system-helpers", "sed", "grep", "findutils", "diffutils",
            "tar")
WANTS = "/etc/systemd/system/multi-user.target.wants/nodeproof.service"


def _make_root(folder: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to("usr/" + name)
    for deb in debian.debs("bookworm", OWN, USERLAND):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as stream:
            subprocess.run(["tar", "-C", folder, "-x", "--keep-directory-symlink", "--exclude=./usr/share/doc", "--exclude=./usr/share/man"],
                           stdin=stream.stdout, check=True)
    for name in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log", "proc", "run", "tmp", "etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "var/lib/dpkg/status").touch()
    (folder / "usr/bin/sh").unlink(missing_ok=True)
    (folder / "usr/bin/sh").symlink_to("dash")


def root() -> Path:
    names = [deb.name for deb in debian.debs("bookworm", OWN, USERLAND)]
    return debian.cached("dpkg-root", f"1 {names}", _make_root)


# Below a mount of its own that ends with the process.
IN_A_COPY = """set -eu
mount -t tmpfs none "$SCRATCH"
mkdir "$SCRATCH/upper" "$SCRATCH/work" "$SCRATCH/root"
mount -t overlay -o "lowerdir=$TREE,upperdir=$SCRATCH/upper,workdir=$SCRATCH/work" overlay "$SCRATCH/root"
cp "$OLD" "$NEW" "$SCRATCH/root/tmp/"
mount -t proc proc "$SCRATCH/root/proc"
mkdir -p "$SCRATCH/root/dev"
touch "$SCRATCH/root/dev/null"
mount --bind /dev/null "$SCRATCH/root/dev/null"
exec chroot "$SCRATCH/root" /bin/bash -euc "$SCRIPT"
"""
PROLOGUE = """
old=/tmp/$OLD_NAME new=/tmp/$NEW_NAME
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
everything() { find / -xdev \\( -path /proc -o -path /var/lib/dpkg -o -path /var/log -o -path /tmp \\) -prune -o -print | sort; }
"""


class Install(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("dpkg needs root")

    def run_there(self, script: str) -> str:
        try:
            tree = root()
        except debian.Unavailable as error:
            self.skipTest(str(error))
        old, new = packages()[f"{OWN}.deb"], next_version()
        with tempfile.TemporaryDirectory() as scratch:
            environment = {"SCRATCH": scratch, "TREE": tree, "OLD": old, "NEW": new, "OLD_NAME": old.name, "NEW_NAME": new.name,
                           "SCRIPT": PROLOGUE + script, "PATH": os.environ["PATH"]}
            done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--net", "sh", "-c", IN_A_COPY], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, env=environment, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_it_installs_enabled_with_a_configuration_that_requires_nothing(self):
        said = self.run_there(f"""
dpkg -i $old
[ -L {WANTS} ]
nodeproof config check
[ "$(stat -c %u:%g:%a /etc/nodeproof/nodeproof.json)" = 0:0:644 ]
dpkg --verify nodeproof
""")
        self.assertIn(": ok, 0 image(s)", said)

    def test_an_upgrade_keeps_the_configuration_the_state_and_a_service_that_was_disabled(self):
        self.run_there(f"""
dpkg -i $old
echo '{{ "check_every": "5m" }}' > /etc/nodeproof/nodeproof.json
mkdir -p /var/lib/nodeproof /run/nodeproof; touch /var/lib/nodeproof/report.json /run/nodeproof/ready
rm {WANTS}
dpkg -i $new
[ "$(dpkg-query -W -f '${{Version}} ${{db:Status-Status}}' nodeproof)" = "99.0.0 installed" ]
grep -q 5m /etc/nodeproof/nodeproof.json
[ -f /var/lib/nodeproof/report.json ]; [ -f /run/nodeproof/ready ]
[ ! -e {WANTS} ]
""")

    def test_a_removal_keeps_configuration_and_state_and_a_failing_release_does_not_stop_it(self):
        self.run_there(f"""
dpkg -i $old
mkdir -p /var/lib/nodeproof; touch /var/lib/nodeproof/report.json
printf '#!/bin/sh\\necho "$@" >> /tmp/asked; exit 69\\n' > /usr/bin/nodeproof
dpkg -r nodeproof 2> /tmp/errors
[ "$(cat /tmp/asked)" = "release --yes" ]
grep -q 'with a containerd that is running, install and remove again' /tmp/errors
[ ! -e /usr/bin/nodeproof ]; [ -f /etc/nodeproof/nodeproof.json ]; [ -f /var/lib/nodeproof/report.json ]
""")

    def test_a_removal_gives_back_what_is_held_and_an_upgrade_does_not(self):
        self.run_there("""
dpkg -i $old
printf '#!/bin/sh\\necho "$@" >> /tmp/asked\\n' > /usr/bin/nodeproof
dpkg -i $new
[ ! -e /tmp/asked ]
printf '#!/bin/sh\\necho "$@" >> /tmp/asked\\n' > /usr/bin/nodeproof
dpkg -r nodeproof 2> /tmp/errors
[ "$(cat /tmp/asked)" = "release --yes" ]
[ ! -s /tmp/errors ]
""")

    def test_the_tarball_works_below_another_prefix(self):
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run(["tar", "-C", prefix, "--strip-components=1", "--no-same-owner", "-xzf", packages()[f"{OWN}.tar.gz"]], check=True)
            done = subprocess.run([f"{prefix}/bin/nodeproof", "--version"], capture_output=True, text=True, check=True)
            self.assertRegex(done.stdout, r"^nodeproof \d")

    def test_a_purge_leaves_nothing(self):
        self.run_there("""
everything > /tmp/before
dpkg -i $old
mkdir -p /var/lib/nodeproof/layers /run/nodeproof; touch /var/lib/nodeproof/report.json /run/nodeproof/ready
echo secret > /etc/nodeproof/password
dpkg -P nodeproof 2> /tmp/errors
everything > /tmp/after
# Folders of systemd that any package's unit makes, and its helper's own.
grep -vE '^/(etc/systemd(/system)?|var/lib/systemd(/deb-systemd-helper-(enabled|masked))?|etc/systemd/system/multi-user.target.wants|var/lib/systemd/deb-systemd-helper-enabled/multi-user.target.wants)$' /tmp/after > /tmp/after.own
comm -13 /tmp/before /tmp/after.own > /tmp/left
[ ! -s /tmp/left ] || { cat /tmp/left; exit 1; }
[ -z "$(grep nodeproof /tmp/after || true)" ]
""")

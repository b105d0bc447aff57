"""The program's own image as the DaemonSet runs it: the manifest's containers, mounts and rights, translated for ctr, in a
real containerd; there it proves an image. No Kubernetes is involved."""

import base64
import json
import os
import re
import subprocess
import unittest
from dataclasses import dataclass
from pathlib import Path

from rig import catalogue, packages, processes, testing
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import PASSWORD, USER, Registry

HOST = packages.host_architecture()
MANIFEST = (packages.REPOSITORY / "systemd/kubernetes/daemonset.yaml").read_text(encoding="utf-8")

# In containerd's mount namespace: what the manifest calls the host.
A_HOST = """set -e
mkdir -p "$1/upper" "$1/work"
mount -t overlay -o "lowerdir=/var/lib,upperdir=$1/upper,workdir=$1/work" overlay /var/lib
mkdir -p /var/lib/nodeproof
mount -t tmpfs tmpfs /run/nodeproof
touch /run/containerd/containerd.sock
mount --bind "$2" /run/containerd/containerd.sock
"""


@dataclass
class Container:
    command: list[str]
    mounts: list[tuple[str, str, bool]]  # volume, path inside, read-only


def words(text: str) -> list[str]:
    return re.findall(r'"([^"]*)"', text)


def containers() -> dict[str, Container]:
    """Both of the manifest, by name."""
    found = {}
    for part in re.split(r"\n        - name: ", MANIFEST.partition("initContainers:")[2].partition("\n      volumes:")[0])[1:]:
        name = part.split("\n")[0]
        command = re.search(r"\n          command: (\[.*\])", part)
        arguments = re.search(r"\n          args: (\[.*\])", part)
        mounts = re.findall(r"- name: (\S+)\n +mountPath: (\S+)(\n +readOnly: true)?", part)
        found[name] = Container((words(command.group(1)) if command else ["/usr/bin/nodeproof"]) + words(arguments.group(1)),
                                [(volume, path, bool(ro)) for volume, path, ro in mounts])
    return found


def environment() -> list[str]:
    return [word for name, value in re.findall(r"- name: (\S+)\n +value: (\S+)", MANIFEST) for word in ("--env", f"{name}={value}")]


def host_paths() -> dict[str, str]:
    return dict(re.findall(r"- name: (\S+)\n +hostPath: \{ path: ([^,]+),", MANIFEST.partition("\n      volumes:")[2]))


class Manifest(unittest.TestCase):
    def test_it_names_a_volume_for_every_mount_and_none_besides(self):
        volumes = {*host_paths(), "config", "logins"}
        self.assertEqual(volumes, {volume for container in containers().values() for volume, _, _ in container.mounts})
        self.assertIn("configMap: { name: nodeproof }", MANIFEST)
        self.assertIn("secretName: nodeproof-logins\n            optional: true", MANIFEST)

    def test_what_containerd_has_to_find_lies_under_one_path_inside_and_outside(self):
        paths = host_paths()
        for container in containers().values():
            for volume, path, _ in container.mounts:
                if volume in paths:
                    self.assertEqual(paths[volume], path)
        self.assertEqual(containers()["place"].command[-1], containers()["nodeproof"].command[0])

    def test_of_the_host_only_three_folders_can_be_written(self):
        writable = {path for container in containers().values() for _, path, ro in container.mounts if not ro}
        self.assertEqual({"/var/lib/nodeproof", "/run/nodeproof", "/run/containerd"}, writable)
        for word in ("privileged: false", 'drop: ["ALL"]', "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false"):
            self.assertIn(word, MANIFEST)
        self.assertNotIn("privileged: true", MANIFEST)


class Pod(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, auth="htpasswd")
        cls.containerd = cls.keep(Containerd, "1.6")
        cls.good = catalogue.publish(cls.registry, HOST, ["good"], credentials=(USER, PASSWORD))["good"]

    def setUp(self):
        self.folder = self.enterContext(Nodeproof()).folder
        made = not os.path.exists("/run/nodeproof")
        os.makedirs("/run/nodeproof", exist_ok=True)
        if made:
            self.addCleanup(os.rmdir, "/run/nodeproof")
        host = self.containerd.folder / "host"
        subprocess.run([*self.containerd.inside(), "sh", "-c", A_HOST, "sh", host, self.containerd.socket], check=True)
        self.config = self.folder / "etc"
        self.config.mkdir()
        required = catalogue.requirement(catalogue.case("good"), self.good)
        (self.config / "nodeproof.json").write_text(json.dumps({"images": [required]}), encoding="utf-8")
        self.logins = self.folder / "logins"
        self.logins.mkdir()
        login = {"auths": {self.registry.name: {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}
        (self.logins / "config.json").write_text(json.dumps(login), encoding="utf-8")
        (self.logins / "config.json").chmod(0o400)

    def load_image(self) -> str:
        out = self.folder / "packages"
        done = subprocess.run([packages.REPOSITORY / "cross/package", "--image", "--out", out, HOST], capture_output=True, text=True, check=True)
        archive = next(line for line in done.stdout.split() if line.endswith("-oci.tar"))
        self.containerd.ctr("images", "import", archive)
        return next(name for name in self.containerd.images() if name.startswith("localhost/nodeproof:"))

    def mounts(self, container: Container) -> list[str]:
        paths, options = host_paths(), []
        for volume, target, read_only in container.mounts:
            source = {"config": str(self.config), "logins": str(self.logins)}.get(volume) or paths[volume]
            if volume == "containerd-root":  # the rig's containerd has its data elsewhere; mounted there, as the manifest says of k3s
                source = target = str(self.containerd.root)
            if volume in ("containerd-config", "modules", "certificates") and not Path(source).exists():
                continue
            options += ["--mount", f"type=bind,src={source},dst={target},options=rbind:{'ro' if read_only else 'rw'}"]
        return options

    def arguments_for(self, container: Container, image: str, name: str) -> list[str]:
        drop = [word for capability in ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
                                        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
                                        "CAP_AUDIT_WRITE") for word in ("--cap-drop", capability)]
        return [*drop, "--read-only", "--net-host", *environment(), *self.mounts(container), image, name, *container.command]

    def test_it_proves_an_image_with_the_manifests_mounts_and_rights(self):
        image = self.load_image()
        self.containerd.ctr("run", "--rm", *self.arguments_for(containers()["place"], image, "place"))
        self.containerd.ctr("run", "--detach", *self.arguments_for(containers()["nodeproof"], image, "agent"))
        self.addCleanup(self.containerd.run_ctr, "containers", "rm", "agent")
        self.addCleanup(self.containerd.run_ctr, "tasks", "rm", "--force", "agent")
        program = containers()["nodeproof"].command[0]

        def ask(*words: str) -> subprocess.CompletedProcess:
            return self.containerd.run_ctr("tasks", "exec", "--exec-id", words[0], "agent", program, *words)
        processes.wait_until(lambda: ask("status", "-o", "json").returncode in (0, 1, 2), "the agent's socket")
        waited = ask("wait", "--timeout", "120")
        status = ask("status", "-o", "json")
        self.assertEqual(0, waited.returncode, waited.stderr + status.stdout + status.stderr)
        self.assertEqual(0, status.returncode, status.stdout)
        report = json.loads(status.stdout)
        self.assertEqual("passed", report["images"][0]["smoke"][0]["result"])
        self.assertIn(self.good, self.containerd.images())


if __name__ == "__main__":
    testing.main()

"""A private containerd: own root, state, socket and mount namespace; the machine's own one is never touched."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from . import packages, processes

# Plugins that would write outside our folders (/opt/containerd) or want kernel features nobody tests here.
DISABLED = [
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.blockfile",
]
CRI = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
]


class Containerd:
    """Use as a context manager. `version` is "1.6", "1.7" or "2"; raises packages.Unavailable when it cannot be had.
    `decompressors`: it may use igzip and unpigz where they are on its PATH; a folder is put in front of that.
    `plain_http`: a registry that CRI reaches without TLS although it is not on loopback; `place`: the folder to live
    in, "" = in memory where that is roomy; `runtimes`: runtime handlers of its CRI, name -> program in runc's place;
    `verifiers`: a folder of programs that are asked before each pull (version 2)."""

    def __init__(self, version: str = "1.6", cri: bool = True, decompressors: bool | Path = False,
                 local_pull: bool = False, plain_http: str = "", place: str = "", runtimes: dict | None = None,
                 verifiers: str = ""):
        self.version, self.cri, self.decompressors = version, cri, decompressors
        self.local_pull, self.plain_http = local_pull, plain_http
        self.runtimes, self.verifiers = runtimes or {}, verifiers
        self.tree = packages.containerd_tree(version)
        self.runc = packages.runc_tree()
        self.folder = processes.scratch_folder(f"nodeproof-containerd-{version}-", place)
        self.socket = self.folder / "containerd.sock"
        self.root = self.folder / "root"
        self.log = self.folder / "log"
        self.process = None
        self._made_run = False

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self) -> None:
        self._write_config()
        if not Path("/run/containerd").exists():  # where the private mount goes; given back by close()
            os.mkdir("/run/containerd")
            self._made_run = True
        # runc's and the shims' fixed folder /run/containerd becomes a private one, and every mount made below
        # ends with the last process of this mount namespace.
        script = 'mount -t tmpfs -o mode=711 tmpfs /run/containerd && exec "$0" --config "$1"'
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self._launch([*command, self.tree / "usr/bin/containerd", self.folder / "config.toml"])

    def _launch(self, command: list) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment(), cwd="/")
        try:
            processes.wait_until(self._answers, f"containerd {self.version}", self.process)
        except Exception as error:
            raise RuntimeError(f"{error}; its log ends:\n{self.log.read_text()[-2000:]}") from error

    def stop(self) -> None:
        """Ends containerd alone; containers run on, as they do on a real host."""
        processes.stop(self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def crash(self) -> None:
        """kill -9, and a new one in the same mount namespace: it finds the shims of the old one, as on a real host."""
        space = os.open(f"/proc/{self.process.pid}/ns/mnt", os.O_RDONLY)
        try:
            self.kill()
            enter = ["nsenter", f"--mount=/proc/{os.getpid()}/fd/{space}"]
            self._launch([*enter, self.tree / "usr/bin/containerd", "--config", self.folder / "config.toml"])
        finally:
            os.close(space)

    def inside(self) -> list[str]:
        """What a command begins with to see the mounts that containerd sees, as every program of a real host does."""
        return ["nsenter", f"--target={self.process.pid}", "--mount"]

    def close(self) -> None:
        if self.process is not None:
            processes.stop(self.process)
        processes.kill_all(processes.descendants(self.shims()))
        # A mount namespace ends a moment after its last process; until then folders may be busy.
        processes.wait_until(lambda: not self._remove(), f"removing {self.folder}", seconds=10)
        if self._made_run:
            try:
                os.rmdir("/run/containerd")
            except OSError:
                pass

    def ctr(self, *arguments: str, check: bool = True) -> str:
        """Runs ctr in the namespace that the kubelet uses; its standard output."""
        done = self.run_ctr(*arguments)
        if check and done.returncode != 0:
            raise RuntimeError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def run_ctr(self, *arguments: str) -> subprocess.CompletedProcess:
        # In containerd's mount namespace: ctr makes its FIFOs below /run/containerd.
        inside = ["nsenter", f"--target={self.process.pid}", "--mount", "--root"]
        command = [self.tree / "usr/bin/ctr", "--address", self.socket, "--namespace", "k8s.io", *arguments]
        return subprocess.run([*inside, *command], capture_output=True, text=True, env=self.environment())

    def images(self) -> dict[str, str]:
        """Image records: name -> target digest."""
        rows = [line.split() for line in self.ctr("images", "ls").splitlines()[1:]]
        return {row[0]: row[2] for row in rows}

    def image_labels(self, name: str) -> dict[str, str]:
        for line in self.ctr("images", "ls", f"name=={name}").splitlines()[1:]:
            pairs = line.split()[-1]
            return dict(pair.split("=", 1) for pair in pairs.split(",")) if pairs != "-" else {}
        return {}

    def containers(self) -> list[str]:
        return self.ctr("containers", "ls", "-q").split()

    def tasks(self) -> list[str]:
        return self.ctr("tasks", "ls", "-q").split()

    def snapshots(self) -> dict[str, str]:
        """Snapshot key -> kind (Committed, Active, View)."""
        rows = [line.split() for line in self.ctr("snapshots", "ls").splitlines()[1:]]
        return {row[0]: row[-1] for row in rows}

    def leases(self) -> list[str]:
        return self.ctr("leases", "ls", "-q").split()

    def content(self) -> set[str]:
        return set(self.ctr("content", "ls", "-q").split())

    def ingests(self) -> list[str]:
        return [line.split()[0] for line in self.ctr("content", "active").splitlines()[1:]]

    def info(self, container: str) -> dict:
        return json.loads(self.ctr("containers", "info", container))

    def shims(self) -> list[int]:
        return processes.processes_naming(str(self.socket))

    def mounts(self) -> list[str]:
        """Mounts of snapshots and containers, as containerd's own mount namespace shows them."""
        lines = Path(f"/proc/{self.process.pid}/mountinfo").read_text(encoding="utf-8").splitlines()
        points = [line.split()[4] for line in lines]
        return [point for point in points if point.startswith((str(self.folder), "/run/containerd/"))]

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(self.socket)) != 0:
                return False
        return "Server" in self.ctr("version", check=False)

    def environment(self) -> dict[str, str]:
        path = f"{self.tree}/usr/bin:{self.runc}/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        if isinstance(self.decompressors, Path):
            path = f"{self.decompressors}:{path}"
        env = {"PATH": path, "HOME": str(self.folder)}
        libraries = sorted(self.runc.glob("usr/lib/*-linux-gnu"))
        if libraries and not any(Path("/usr/lib").glob("*-linux-gnu/libseccomp.so.2")):
            env["LD_LIBRARY_PATH"] = str(libraries[0])
        if not self.decompressors:  # unpigz and igzip are used when they are on the PATH: not comparable otherwise
            env |= {"CONTAINERD_DISABLE_PIGZ": "1", "CONTAINERD_DISABLE_IGZIP": "1"}
        return env

    def _write_config(self) -> None:
        disabled = DISABLED + ([] if self.cri else CRI)
        cni = f'bin_dir = "{self.folder}/cni/bin"\nconf_dir = "{self.folder}/cni/net.d"\n'
        lines = [
            f"version = {3 if self.version == '2' else 2}",
            f'root = "{self.root}"',
            f'state = "{self.folder}/state"',
            f"disabled_plugins = {json.dumps(disabled)}",
            f'[grpc]\naddress = "{self.socket}"',
            f'[ttrpc]\naddress = "{self.socket}.ttrpc"',
            '[plugins."io.containerd.nri.v1.nri"]\ndisable = true',
        ]
        if self.cri and self.version == "2":
            lines += [f'[plugins."io.containerd.cri.v1.runtime".cni]\n{cni}']
        elif self.cri:
            lines += [f'[plugins."io.containerd.grpc.v1.cri".cni]\n{cni}']
        cri = "io.containerd.cri.v1.runtime" if self.version == "2" else "io.containerd.grpc.v1.cri"
        # Whoever names one has to name the default, too.
        for name, program in ({"runc": "runc"} | self.runtimes if self.runtimes else {}).items():
            table = f'plugins."{cri}".containerd.runtimes.{name}'
            lines += [f'[{table}]\nruntime_type = "io.containerd.runc.v2"', f'[{table}.options]\nBinaryName = "{program}"']
        if self.local_pull:  # 2.1 and later: CRI pulls without the transfer service
            lines += ['[plugins."io.containerd.cri.v1.images"]\nuse_local_image_pull = true']
        if self.verifiers:
            lines += [f'[plugins."io.containerd.image-verifier.v1.bindir"]\nbin_dir = "{self.verifiers}"']
        if self.plain_http:
            hosts = self.folder / "certs.d" / self.plain_http
            hosts.mkdir(parents=True, exist_ok=True)
            (hosts / "hosts.toml").write_text(f'[host."http://{self.plain_http}"]\n', encoding="utf-8")
            images = "io.containerd.cri.v1.images" if self.version == "2" else "io.containerd.grpc.v1.cri"
            lines += [f'[plugins."{images}".registry]\nconfig_path = "{hosts.parent}"']
        (self.folder / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _remove(self) -> bool:
        """True while something is left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.folder.exists()

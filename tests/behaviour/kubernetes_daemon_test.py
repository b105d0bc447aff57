"""The service as a node's word to its cluster: a daemon, a real containerd and registry, and a real API server."""

import os
import subprocess
from pathlib import Path

from rig import catalogue, packages, processes, testing
from rig.containerd import Containerd
from rig.on_cluster import TAINT, TYPE, OnCluster, conditions
from rig.program import Nodeproof
from rig.registry import Registry

HOST = packages.host_architecture()
OTHER = {"key": "example.com/other", "effect": "NoSchedule"}


class TheDaemon(OnCluster):
    def setUp(self):
        try:
            self.registry = self.enterContext(Registry())
            self.containerd = self.enterContext(Containerd(os.environ.get("NODEPROOF_CONTAINERD", "1.6")))
        except packages.Unavailable as error:
            self.skipTest(str(error))
        self.nodeproof = self.enterContext(Nodeproof())
        self.references = catalogue.publish(self.registry, HOST, ["good", "wrong-arch"])
        self.node = self.new_node([{"key": TAINT, "effect": "NoSchedule"}, OTHER])

    def untainter(self) -> Path:
        """A credential that may change this one node, as systemd/kubernetes/untaint.yaml gives it."""
        self.cluster.ask("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/nodeproof-untaint")  # of another test's node
        manifest = (packages.REPOSITORY / "systemd/kubernetes/untaint.yaml").read_text(encoding="utf-8")
        self.cluster.apply(manifest.replace("NODE-NAME", self.node))
        return self.cluster.kubeconfig(f"untaint-{self.node}", {"token": self.cluster.account("nodeproof", "nodeproof-untaint")})

    def config(self, *names: str, **settings) -> dict:
        config = catalogue.config(self.containerd, {name: self.references[name] for name in names})
        config["report"] = {"kubernetes": {"condition": True, "kubeconfig": str(self.cluster.kubelet(self.node)), "node": self.node, **settings}}
        config["mode"] = "enforce"
        return config

    def start(self, config: dict) -> subprocess.Popen:
        log = self.enterContext(open(self.nodeproof.folder / "log", "w", encoding="utf-8"))
        daemon = subprocess.Popen(self.nodeproof.command("daemon", "-c", self.nodeproof.write_config(config)),
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(processes.stop, daemon)
        return daemon

    def until_condition(self, status: str, reason: str) -> dict:
        def is_there() -> bool:
            found = conditions(self.cluster.node(self.node)).get(TYPE, {})
            return (found.get("status"), found.get("reason")) == (status, reason)

        try:
            processes.wait_until(is_there, f"{status}, {reason}", seconds=120)
        except TimeoutError as error:
            self.fail(f"{error}; the daemon said:\n{(self.nodeproof.folder / 'log').read_text()[-3000:]}")
        return self.condition(self.node)

    def taints(self) -> list[str]:
        return [taint["key"] for taint in self.cluster.node(self.node)["spec"].get("taints", [])]

    def test_a_node_whose_images_are_proven_says_so_and_loses_its_taint_alone(self):
        self.start(self.config("good", taint=TAINT, taint_kubeconfig=str(self.untainter())))
        self.until_condition("True", "AllImagesReady")
        others = [taint for taint in self.taints() if taint != TAINT]
        processes.wait_until(lambda: TAINT not in self.taints(), "the taint to go", seconds=60)
        self.assertEqual(others, self.taints())
        self.assertIn(OTHER["key"], others)
        self.assertIn("AllImagesReady", [event["reason"] for event in self.cluster.events(self.node)])

    def test_a_node_with_a_wrong_image_says_which_and_keeps_its_taint(self):
        self.start(self.config("good", "wrong-arch", taint=TAINT, taint_kubeconfig=str(self.untainter())))
        found = self.until_condition("False", "ArchMismatch")
        self.assertIn("1/2 ready", found["message"])
        self.assertIn(TAINT, self.taints())


if __name__ == "__main__":
    testing.main()

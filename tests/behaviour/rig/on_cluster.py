"""What the tests on a Kubernetes API server share: the server, too, for each class has nodes of its own."""

import itertools
import unittest

from . import kubernetes, packages, testing
from .kubernetes_report import Publisher

TYPE = "nodeproof.dev/ImagesReady"
TAINT = "readiness.k8s.io/nodeproof"


def conditions(node: dict) -> dict[str, dict]:
    return {each["type"]: each for each in node.get("status", {}).get("conditions", [])}


_running: list[kubernetes.Cluster] = []
_numbers = itertools.count(1)


def _cluster() -> kubernetes.Cluster:
    if not _running:
        try:
            cluster = kubernetes.Cluster()
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        cluster.__enter__()
        unittest.addModuleCleanup(cluster.__exit__)
        _running.append(cluster)
    return _running[0]


class OnCluster(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = _cluster()

    def new_node(self, taints=(), labels: dict | None = None) -> str:
        name = f"pi-{next(_numbers)}"
        self.cluster.make_node(name, taints, labels)
        return name

    def kubelets(self, node: str, **settings: str) -> Publisher:
        """A nodeproof with the kubelet's credential."""
        return Publisher(node, self.cluster.folder / f"of-{node}", {"kubeconfig": str(self.cluster.kubelet(node)), **settings})

    def condition(self, node: str) -> dict:
        return conditions(self.cluster.node(node))[TYPE]

    def set_condition(self, node: str, **fields: str) -> None:
        self.cluster.done("PATCH", f"/api/v1/nodes/{node}/status", {"status": {"conditions": [fields]}}, "strategic")

    def assert_fine(self, answers: list[dict]) -> None:
        for answer in answers:
            self.assertEqual([], answer.get("failed"), answer)

    def asked_by_kubelet(self, node: str) -> list[tuple[str, str, int]]:
        return self.cluster.audited(f"system:node:{node}")

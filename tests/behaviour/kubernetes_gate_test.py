"""The shipped manifests against a real Kubernetes API server (1.20): what each role allows and forbids, the taint that is lifted
directly or by a stand-in of the node-readiness-controller, and a cluster in which every node is tainted. The kinds that are
newer than that server (NodeReadinessRule, ValidatingAdmissionPolicy) meet stand-ins or none: see each test."""

import re
import shutil
import subprocess
import threading
import unittest
from pathlib import Path

from rig import kubernetes, node_readiness, packages, processes, testing
from rig.kubernetes_report import READY, UNKNOWN, WRONG, Publisher
from rig.on_cluster import TAINT, TYPE, OnCluster, conditions

MANIFESTS = packages.REPOSITORY / "systemd/kubernetes"
OURS = {"key": TAINT, "effect": "NoSchedule"}
LINUX = {"kubernetes.io/os": "linux"}


def manifest(name: str) -> str:
    return (MANIFESTS / name).read_text(encoding="utf-8")


def taints(node: dict) -> list[tuple[str, str]]:
    return [(each["key"], each["effect"]) for each in node["spec"].get("taints", [])]


def tolerated(taint: dict, tolerations: list[dict]) -> bool:
    """As the scheduler decides."""
    for each in tolerations:
        if each.get("effect", taint["effect"]) != taint["effect"]:
            continue
        if each.get("operator", "Equal") == "Exists" and each.get("key", taint["key"]) == taint["key"]:
            return True
        if each.get("operator", "Equal") == "Equal" and (each.get("key"), each.get("value", "")) == (taint["key"], taint.get("value", "")):
            return True
    return False


class OfAPod(OnCluster):
    """The DaemonSet's service account, with its manifests applied; a pod's files below a root of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.objects = {each["kind"]: each for name in ("daemonset.yaml", "rbac.yaml") for each in cls.cluster.apply(manifest(name))}

    def pod(self, node: str, **settings: str) -> Publisher:
        root = self.cluster.folder / f"pod-{node}"
        secrets = root / "var/run/secrets/kubernetes.io/serviceaccount"
        secrets.mkdir(parents=True)
        shutil.copy(self.cluster.folder / "ca.pem", secrets / "ca.crt")
        (secrets / "token").write_text(self.cluster.account("nodeproof", "nodeproof"), encoding="utf-8")
        environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.cluster.port), "NODE_NAME": node}
        return Publisher("a-host-name", root / "state", {"root": str(root), **settings}, environment)

    def token_of(self, pod: Publisher) -> Path:
        return pod.folder.parent / "var/run/secrets/kubernetes.io/serviceaccount/token"


class TheRoles(OfAPod):
    def test_the_report_role_allows_the_condition_and_the_events_of_a_pod(self):
        node = self.new_node()
        self.assert_fine(self.pod(node).publish(WRONG, READY))
        self.assertEqual("True", self.condition(node)["status"])
        self.assertEqual(2, len(self.cluster.events(node)))

    def test_it_forbids_everything_else(self):
        node = self.new_node([OURS])
        token = self.cluster.account("nodeproof", "nodeproof")
        attempts = [
            ("PATCH", f"/api/v1/nodes/{node}", {"metadata": {"labels": {"x": "y"}}}, "merge"),
            ("PATCH", f"/api/v1/nodes/{node}", {"spec": {"taints": []}}, "merge"),
            ("PATCH", f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}}, "merge"),
            ("PUT", f"/api/v1/nodes/{node}/status", self.cluster.node(node), ""),
            ("DELETE", f"/api/v1/nodes/{node}", None, ""),
            ("GET", "/api/v1/nodes", None, ""),
            ("GET", "/api/v1/pods", None, ""),
            ("GET", "/api/v1/namespaces/nodeproof/secrets", None, ""),
            ("GET", "/api/v1/namespaces/nodeproof/configmaps/nodeproof", None, ""),
            ("GET", "/api/v1/namespaces/default/events", None, ""),
            ("POST", "/api/v1/namespaces/kube-system/events", {}, ""),
            ("POST", "/api/v1/namespaces/nodeproof/pods", {}, ""),
        ]
        for method, path, body, kind in attempts:
            with self.subTest(f"{method} {path} {body}"):
                self.assertEqual(403, self.cluster.ask(method, path, body, kind, token).status)

    def test_the_status_subresource_changes_no_taint(self):
        node = self.new_node([OURS])
        token = self.cluster.account("nodeproof", "nodeproof")
        answer = self.cluster.ask("PATCH", f"/api/v1/nodes/{node}/status", {"spec": {"taints": []}}, "merge", token)
        self.assertEqual((200, True), (answer.status, (TAINT, "NoSchedule") in taints(self.cluster.node(node))))

    def test_labels_need_a_role_of_their_own_and_say_so(self):
        node = self.new_node()
        pod = self.pod(node, labels="1")
        [answer] = pod.publish(READY)
        [failed] = answer["failed"]
        self.assertEqual("permission_denied", failed["code"])
        self.assertIn("patch nodes", failed["remedy"])
        self.assertIn("systemd/kubernetes/rbac", failed["remedy"])
        self.assertEqual("True", self.condition(node)["status"])
        created = self.cluster.apply(manifest("rbac-labels.yaml"))
        self.addCleanup(self.cluster.done, "DELETE", f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{created[-1]['metadata']['name']}")
        self.assert_fine(pod.publish(READY))
        self.assertEqual("16384", self.cluster.node(node)["metadata"]["labels"]["nodeproof.dev/page-size"])

    def test_a_token_that_is_refused_is_named_and_its_successor_is_read(self):
        node = self.new_node()
        pod = self.pod(node)
        self.assert_fine(pod.publish(WRONG))
        good = self.token_of(pod).read_text(encoding="utf-8")
        self.token_of(pod).write_text(good[:-8] + "AAAAAAAA", encoding="utf-8")  # a signature of nobody's
        [answer] = pod.publish(READY)
        [failed] = answer["failed"]
        self.assertEqual("unauthorized", failed["code"])
        self.assertIn(str(self.token_of(pod)), failed["remedy"])
        self.assertEqual("False", self.condition(node)["status"])
        self.token_of(pod).write_text(self.cluster.account("nodeproof", "nodeproof"), encoding="utf-8")
        self.assert_fine(pod.publish(UNKNOWN))
        self.assertEqual("Unknown", self.condition(node)["status"])


class TheManifests(OfAPod):
    def test_the_daemonset_is_what_the_server_understands_and_tolerates_every_taint(self):
        pod = self.objects["DaemonSet"]["spec"]["template"]["spec"]
        self.assertEqual(self.objects["ServiceAccount"]["metadata"]["name"], pod["serviceAccountName"])
        [name] = [each for each in pod["containers"][0]["env"] if each["name"] == "NODE_NAME"]
        self.assertEqual("spec.nodeName", name["valueFrom"]["fieldRef"]["fieldPath"])
        for taint in (OURS, {**OURS, "effect": "NoExecute"}, {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
                      {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}, {"key": "a", "value": "b", "effect": "NoSchedule"}):
            self.assertTrue(tolerated(taint, pod["tolerations"]), taint)

    def test_a_deployment_that_others_wait_for_learns_to_tolerate_the_taint(self):
        before = [{"key": "CriticalAddonsOnly", "operator": "Exists"}]  # as CoreDNS has it
        labels = {"app": "dns"}
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dns"}, "spec": {
            "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
                "tolerations": before, "containers": [{"name": "dns", "image": "dns"}]}}}}
        self.cluster.done("POST", "/apis/apps/v1/namespaces/kube-system/deployments", deployment)
        patched = self.cluster.done("PATCH", "/apis/apps/v1/namespaces/kube-system/deployments/dns", kubernetes.loaded(MANIFESTS / "tolerate.json"), "json")
        found = patched["spec"]["template"]["spec"]["tolerations"]
        self.assertEqual(before, found[:1])
        self.assertTrue(tolerated(OURS, found))
        self.assertFalse(tolerated({"key": "other", "effect": "NoSchedule"}, found))

    def test_the_namespace_is_the_same_in_every_manifest(self):
        """kubectl apply takes labels off that the file does not name any more."""
        texts = {path.name: path.read_text(encoding="utf-8") for path in MANIFESTS.glob("*.yaml")}
        found = {name: [line.partition(" #")[0].rstrip() for line in part.splitlines() if not line.startswith("#") and line.strip()]
                 for name, text in texts.items() for _, part in self.cluster.documents(text) if re.search(r"^kind: Namespace$", part, flags=re.M)}
        self.assertLessEqual({"daemonset.yaml", "untaint.yaml"}, set(found))
        self.assertEqual([found["daemonset.yaml"]] * len(found), list(found.values()), found)

    def test_every_manifest_is_tried_here_or_too_new_for_this_server(self):
        tried = {"daemonset.yaml", "rbac.yaml", "rbac-labels.yaml", "untaint.yaml", "node-readiness-rule-bootstrap.yaml",
                 "node-readiness-rule-continuous.yaml", "tolerate.json", "untaint-kubeconfig.sh"}
        tried_elsewhere = {"rbac-images.yaml"}  # required_images_test.py
        only_looked_at = {"own-node-policy.yaml", "k3s-config.yaml"}
        self.assertEqual(tried | tried_elsewhere | only_looked_at, {path.name for path in MANIFESTS.iterdir()})

    def test_the_policy_is_about_the_account_and_the_writes_that_the_roles_allow(self):
        """Kubernetes 1.30 knows the kind, the server here does not: only that it names what the other manifests name."""
        policy = manifest("own-node-policy.yaml")
        self.assertIn('"system:serviceaccount:nodeproof:nodeproof"', policy)
        self.assertIn('resources: ["nodes", "nodes/status"]', policy)
        self.assertEqual(404, self.cluster.ask("POST", *self.cluster.documents(policy)[0]).status)

    def test_the_taint_that_k3s_registers_is_the_one_that_is_lifted(self):
        self.assertIn(f'- "{TAINT}:NoSchedule"', manifest("k3s-config.yaml"))


class TheReadinessController(OnCluster):
    """Its resource's recorded rules as a resource of the real API server, its controller played by node_readiness.reconcile."""

    RULES = ("node-readiness-rule-bootstrap.yaml", "node-readiness-rule-continuous.yaml")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.done("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", node_readiness.RESOURCE)
        processes.wait_until(lambda: cls.cluster.ask("GET", node_readiness.RULES).status == 200, "the stand-in's resource")
        cls.rules = [cls.cluster.apply(manifest(name))[0] for name in cls.RULES]

    def active(self, number: int) -> dict:
        path = f"{node_readiness.RULES}/{self.rules[number]['metadata']['name']}"
        return self.cluster.done("PATCH", path, {"spec": {"dryRun": False}}, "merge")

    def test_the_rules_are_taken_whole_and_begin_as_dry_runs(self):
        for name, rule in zip(self.RULES, self.rules):
            written = re.findall(r"^ +(?:- )?([a-zA-Z]+):", manifest(name).partition("\nspec:")[2], flags=re.M)
            kept = str(rule["spec"])
            for key in written:  # what the schema does not know is dropped in silence
                self.assertIn(f"'{key}'", kept)
            self.assertTrue(rule["spec"]["dryRun"])
            self.assertEqual((TYPE, OURS), (rule["spec"]["conditions"][0]["type"], rule["spec"]["taint"]))

    def test_the_stand_in_refuses_what_the_resource_forbids(self):
        good = manifest(self.RULES[0])
        for old, new in ((TAINT, "example.org/nodeproof"), ("bootstrap-only", "sometimes"), ('"True"', '"Yes"'), ("NoSchedule\n", "Never\n"),
                         ("    matchLabels: { kubernetes.io/os: linux }", "    matchLabels: {}"), ("  enforcementMode: bootstrap-only\n", "")):
            bad = good.replace(old, new)
            self.assertNotEqual(good, bad)
            self.assertEqual(422, self.cluster.ask("POST", *self.cluster.documents(bad)[0]).status, new)

    def test_a_cluster_whose_nodes_are_all_tainted_boots_itself(self):
        daemonset = next(each for each in self.cluster.apply(manifest("daemonset.yaml")) if each["kind"] == "DaemonSet")
        self.cluster.apply(manifest("rbac.yaml"))
        nodes = [self.new_node([OURS], LINUX) for _ in range(3)]
        tolerations = daemonset["spec"]["template"]["spec"]["tolerations"]
        for node in nodes:
            self.assertTrue(all(tolerated(taint, tolerations) for taint in self.cluster.node(node)["spec"]["taints"]))
        rule = self.active(0)

        def everywhere(said: dict) -> list[bool]:
            for node in nodes:
                kubeconfig = self.cluster.kubeconfig(f"pod-{node}", {"token": self.cluster.account("nodeproof", "nodeproof")})
                self.assert_fine(Publisher(node, self.cluster.folder / f"of-{node}", {"kubeconfig": str(kubeconfig)}).publish(said))
                node_readiness.reconcile(self.cluster, rule, node)
            return [(TAINT, "NoSchedule") in taints(self.cluster.node(node)) for node in nodes]
        self.assertEqual([True] * 3, everywhere(UNKNOWN))
        self.assertEqual([False] * 3, everywhere(READY))
        self.assertEqual([False] * 3, everywhere(WRONG))  # bootstrap-only: once

    def test_the_continuous_rule_taints_again(self):
        node = self.new_node([OURS], LINUX)
        rule, publisher = self.active(1), self.kubelets(node)
        seen = []
        for said in (UNKNOWN, READY, WRONG, READY):
            self.assert_fine(publisher.publish(said))
            node_readiness.reconcile(self.cluster, rule, node)
            seen.append((TAINT, "NoSchedule") in taints(self.cluster.node(node)))
        self.assertEqual([True, False, True, False], seen)


class TheDirectUntaint(OnCluster):
    """As on single-node k3s: the condition by the kubelet's credential, the taint by one of its own."""

    def k3s(self, node: str, **settings: str) -> Publisher:
        root = self.cluster.folder / f"k3s-{node}"
        agent = root / "var/lib/rancher/k3s/agent"
        agent.mkdir(parents=True)
        self.cluster.credential(f"k3s-{node}", f"/O=system:nodes/CN=system:node:{node}")
        for source, name in ((f"k3s-{node}.pem", "client-kubelet.crt"), (f"k3s-{node}.key", "client-kubelet.key"), ("ca.pem", "server-ca.crt")):
            shutil.copy(self.cluster.folder / source, agent / name)
        (agent / "kubelet.kubeconfig").write_text(K3S.format(server=self.cluster.server), encoding="utf-8")
        (root / "etc/nodeproof").mkdir(parents=True)
        self.write_own_credential(node, root / "etc/nodeproof/untaint.kubeconfig")
        return Publisher(node, root / "state", {"root": str(root), "taint": TAINT, "taint_kubeconfig": "/etc/nodeproof/untaint.kubeconfig", **settings})

    def write_own_credential(self, node: str, file: Path) -> None:
        """What untaint-kubeconfig.sh makes of untaint.yaml's secret."""
        roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles/nodeproof-untaint"
        self.cluster.ask("DELETE", roles)  # of another test's node
        self.cluster.apply(manifest("untaint.yaml").replace("NODE-NAME", node))
        # the controller that fills the secret in is not here
        secret = self.cluster.done("GET", "/api/v1/namespaces/nodeproof/secrets/nodeproof-untaint")
        self.assertEqual("kubernetes.io/service-account-token", secret["type"])
        token = self.cluster.account("nodeproof", "nodeproof-untaint")
        stand_in = self.cluster.folder / "kubectl"
        stand_in.write_text(KUBECTL.format(token=token, ca=self.cluster.folder / "ca.pem"), encoding="utf-8")
        stand_in.chmod(0o755)
        subprocess.run([MANIFESTS / "untaint-kubeconfig.sh", self.cluster.server, file], env={"KUBECTL": str(stand_in), "PATH": "/usr/bin:/bin"},
                       check=True)
        self.assertEqual(0o600, file.stat().st_mode & 0o777)

    def test_the_taint_goes_when_the_node_is_ready_and_not_before_and_no_other_goes(self):
        others = [{"key": "first", "effect": "NoSchedule", "value": "x"}, {"key": TAINT + "-not", "effect": "NoExecute"}]
        node = self.new_node([others[0], OURS, others[1], {**OURS, "effect": "NoExecute", "value": "pending"}])
        publisher = self.k3s(node)
        foreign = [pair for pair in taints(self.cluster.node(node)) if pair[0] != TAINT]
        for said in (UNKNOWN, WRONG):
            self.assert_fine(publisher.publish(said))
            self.assertEqual(2, [key for key, _ in taints(self.cluster.node(node))].count(TAINT))
        self.assert_fine(publisher.publish(READY))
        self.assertEqual(foreign, taints(self.cluster.node(node)))
        self.assertIn("TaintRemoved", [event["reason"] for event in self.cluster.events(node)])
        self.assert_fine(publisher.publish(WRONG))  # it is not put back
        self.assertEqual(foreign, taints(self.cluster.node(node)))

    def test_its_credential_changes_this_node_only(self):
        node, other = self.new_node([OURS]), self.new_node([OURS])
        self.k3s(node)
        token = self.cluster.account("nodeproof", "nodeproof-untaint")
        self.assertEqual(403, self.cluster.ask("PATCH", f"/api/v1/nodes/{other}", {"spec": {"taints": []}}, "merge", token).status)
        self.assertEqual(403, self.cluster.ask("PATCH", f"/api/v1/nodes/{node}/status", {}, "merge", token).status)
        self.assertEqual(403, self.cluster.ask("GET", "/api/v1/nodes", token=token).status)
        self.assertEqual(200, self.cluster.ask("GET", f"/api/v1/nodes/{node}", token=token).status)

    def test_a_patch_of_a_list_that_has_changed_is_refused_by_the_server(self):
        node = self.new_node([OURS])
        place = [key for key, _ in taints(self.cluster.node(node))].index(TAINT)
        self.push_taint(node, "somebody-elses")
        stale = [{"op": "test", "path": f"/spec/taints/{place}", "value": OURS}, {"op": "remove", "path": f"/spec/taints/{place}"}]
        before = taints(self.cluster.node(node))
        self.assertEqual(422, self.cluster.ask("PATCH", f"/api/v1/nodes/{node}", stale, "json").status)
        self.assertEqual(before, taints(self.cluster.node(node)))

    def push_taint(self, node: str, key: str) -> None:
        self.cluster.done("PATCH", f"/api/v1/nodes/{node}", [{"op": "add", "path": "/spec/taints/0", "value": {"key": key, "effect": "NoSchedule"}}], "json")

    def test_another_writer_of_taints_loses_none_of_its_own(self):
        node = self.new_node([OURS])
        publisher = self.k3s(node)
        written, over = [], threading.Event()

        def write():
            while not over.is_set() and len(written) < 60:
                written.append(f"other-{len(written)}")
                self.push_taint(node, written[-1])
        writer = threading.Thread(target=write)
        writer.start()
        try:
            answer = publisher.publish(READY)[0]
        finally:
            over.set()
            writer.join()
        while answer["failed"]:  # the other one was always first: tried again as the daemon does
            self.assertEqual(["invalid_document"], [each["code"] for each in answer["failed"]])
            answer = publisher.publish(READY)[0]
        keys = [key for key, _ in taints(self.cluster.node(node))]
        self.assertNotIn(TAINT, keys)
        self.assertEqual(sorted(written), sorted(key for key in keys if key.startswith("other-")))

    def test_a_certificate_that_was_rotated_is_read_again(self):
        node = self.new_node([OURS])
        publisher = self.k3s(node)
        self.assert_fine(publisher.publish(WRONG))
        agent = self.cluster.folder / f"k3s-{node}/var/lib/rancher/k3s/agent"
        self.cluster.credential("rotated", f"/O=system:nodes/CN=system:node:{node}")
        shutil.copy(self.cluster.folder / "rotated.pem", agent / "client-kubelet.crt")
        shutil.copy(self.cluster.folder / "rotated.key", agent / "client-kubelet.key")
        self.assert_fine(publisher.publish(READY))
        self.assertEqual("True", conditions(self.cluster.node(node))[TYPE]["status"])


# As k3s writes it: files by absolute paths.
K3S = """apiVersion: v1
clusters:
- cluster:
    server: {server}
    certificate-authority: /var/lib/rancher/k3s/agent/server-ca.crt
  name: local
contexts:
- context:
    cluster: local
    namespace: default
    user: user
  name: Default
current-context: Default
kind: Config
preferences: {{}}
users:
- name: user
  user:
    client-certificate: /var/lib/rancher/k3s/agent/client-kubelet.crt
    client-key: /var/lib/rancher/k3s/agent/client-kubelet.key
"""
KUBECTL = """#!/bin/sh
case "$*" in
  "-n nodeproof get secret nodeproof-untaint -o jsonpath={{.data.token}}") printf %s '{token}' | base64 -w0 ;;
  "-n nodeproof get secret nodeproof-untaint -o jsonpath={{.data.ca\\.crt}}") base64 -w0 '{ca}' ;;
  *) echo "not as expected: $*" >&2; exit 1 ;;
esac
"""

if __name__ == "__main__":
    testing.main()

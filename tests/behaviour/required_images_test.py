"""Images that other places than the configuration require: static pods, mounted lists, and (with a real API server) the pods
and DaemonSets of this node, with their pull secrets."""

import base64
import json
import os
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from rig import catalogue, kubernetes, packages, processes, testing
from rig.containerd import Containerd
from rig.on_containerd import HOST
from rig.program import Nodeproof, codes
from rig.registry import PASSWORD, USER, Registry

NODE = "pi-17"
RULES = packages.REPOSITORY / "systemd/kubernetes/rbac-images.yaml"


def pod(name: str, *references: str, **spec) -> dict:
    containers = [{"name": f"c{number}", "image": reference} for number, reference in enumerate(references)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers, **spec}}


class Required(testing.RigTest):
    AUTH = ""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, cls.AUTH)
        cls.containerd = cls.keep(Containerd, os.environ.get("NODEPROOF_CONTAINERD", "2"))
        credentials = (USER, PASSWORD) if cls.AUTH else None
        names = catalogue.publish(cls.registry, HOST, ["good-static", "good-untested", "wrong-arch"], credentials=credentials)
        cls.good, cls.other, cls.wrong = names["good-static"], names["good-untested"], names["wrong-arch"]

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.manifests = self.folder("manifests")
        self.lists = self.folder("lists")

    def folder(self, name: str) -> Path:
        folder = self.nodeproof.folder / name
        folder.mkdir()
        return folder

    def configure(self, *references: str, **places) -> Path:
        self.config = self.nodeproof.write_config({
            "containerd": {"address": str(self.containerd.socket), "namespace": "k8s.io"}, "node": {"name": NODE},
            "registries": {self.registry.name: {"plain_http": True}}, "images": [{"reference": each} for each in references],
            "images_from": places})
        return self.config

    def check(self):
        return self.nodeproof("check", "-c", self.config, "-o", "json")

    def write(self, name: str, document) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        (self.manifests / name).write_text(text, encoding="utf-8")

    def look(self) -> tuple[int, str]:
        done = self.nodeproof("look-child", "-c", self.config)
        return done.code, done.stdout

    def look_list(self) -> None:
        """As the daemon's child leaves it."""
        done = self.nodeproof("cycle-child", "-c", self.config)
        self.assertEqual(0, done.code, done.stdout)

    def references(self, report: dict) -> dict[str, str]:
        """What is required, and by whom."""
        return {image["reference"]: next((f["subject"] for f in image["findings"] if f["code"] == "RequiredBy"), "")
                for image in report["images"]}


class Folders(Required):
    def test_a_static_pods_images_are_proven(self):
        self.write("web.yaml", f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - image: {self.good}\n")
        self.write(".web.yaml.swp", "[")
        self.configure(static_pods=[str(self.manifests)])
        done = self.check()
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stdout)
        self.assertEqual({self.good: f"static pod web of {self.manifests}/web.yaml"}, self.references(done.report))
        self.assertIn(self.good, self.containerd.images())

        plan = self.nodeproof("plan", "-c", self.config)
        self.assertIn(f"required by  static pod web of {self.manifests}/web.yaml", plan.stdout)

        self.write("wrong.json", pod("wrong", self.wrong))
        done = self.check()
        self.assertEqual((1, "not-ready"), (done.code, done.report["verdict"]))

    def test_what_cannot_be_read_makes_the_node_unknown(self):
        self.write("web.json", pod("web", self.good))
        self.write("half.yaml", "apiVersion: v1\nkind: Pod\nspec: [")
        self.configure(static_pods=[str(self.manifests)])
        done = self.check()
        self.assertEqual((2, "unknown", "ImagesNotKnown"), (done.code, done.report["verdict"], done.report["reason"]), done.stdout)
        self.assertIn("half.yaml", next(f["message"] for f in done.report["findings"] if f["code"] == "ImagesNotKnown"))
        self.assertEqual("ready", done.image(self.good)["verdict"])

    def test_a_mounted_config_map_names_images_with_their_tests(self):
        def mount(version: str, *images: dict) -> None:
            """As the kubelet swaps it."""
            (self.lists / version).mkdir()
            (self.lists / version / "images.json").write_text(json.dumps({"images": images}), encoding="utf-8")
            (self.lists / "..new").symlink_to(version)
            (self.lists / "..new").rename(self.lists / "..data")

        fails = {"name": "fails", "args": ["/bin/busybox", "false"]}
        mount("..1", {"reference": self.good})
        (self.lists / "images.json").symlink_to("..data/images.json")
        self.configure(directories=[str(self.lists)])
        self.look_list()
        self.assertEqual((0, ""), self.look())
        mount("..2", {"reference": self.good, "smoke": [fails]})
        code, said = self.look()
        self.assertEqual(1, code)
        self.assertIn("other images are required now", said)
        done = self.check()
        self.assertEqual((1, ["SmokeFailed"]), (done.code, codes(done.image(self.good), "fail")))

    def test_the_daemon_notices_a_changed_manifest(self):
        self.write("web.json", pod("web", self.good))
        self.configure(static_pods=[str(self.manifests)])
        daemon = subprocess.Popen(self.nodeproof.command("daemon", "-c", self.config), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(processes.stop, daemon)
        self.assertEqual(0, self.nodeproof("wait", "--timeout", "120").code)
        first = self.nodeproof("status", "-o", "json").report
        self.write("more.json", pod("more", self.other))
        processes.wait_until(lambda: self.other in self.references(self.nodeproof("status", "-o", "json").report),
                             "a cycle with the other image", daemon, 180)  # the looks are a minute apart
        self.assertEqual(first["configDigest"], self.nodeproof("status", "-o", "json").report["configDigest"])

    def test_the_configurations_entry_counts(self):
        self.write("web.json", pod("web", self.wrong, self.good))
        config = json.loads(self.configure(static_pods=[str(self.manifests)]).read_text())
        config["images"] = [{"reference": self.wrong, "required": False}]
        self.config.write_text(json.dumps(config), encoding="utf-8")
        self.assertEqual((0, "ready"), (self.check().code, self.check().report["verdict"]))


class Cluster(Required):
    AUTH = "htpasswd"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = cls.keep(kubernetes.Cluster)
        cls.cluster.make_node(NODE, [{"key": "readiness.k8s.io/nodeproof", "effect": "NoSchedule"}], {"board": "pi"})
        cls.kubelet = str(cls.cluster.kubelet(NODE))
        cls.cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: nodeproof\n")
        cls.cluster.done("POST", "/api/v1/namespaces/nodeproof/serviceaccounts", {"metadata": {"name": "nodeproof"}})
        cls.cluster.done("POST", "/api/v1/namespaces/default/serviceaccounts",
                         {"metadata": {"name": "log"}, "imagePullSecrets": [{"name": "registry"}]})
        cls.cluster.apply(RULES.read_text(encoding="utf-8"))
        auths = {cls.registry.name: {"username": USER, "password": PASSWORD}}
        for name, kind, data in (("registry", "dockerconfigjson", {"auths": auths}), ("old", "dockercfg", auths)):
            text = base64.b64encode(json.dumps(data).encode()).decode()
            cls.cluster.done("POST", "/api/v1/namespaces/default/secrets",
                             {"metadata": {"name": name}, "type": f"kubernetes.io/{kind}", "data": {f".{kind}": text}})

    def setUp(self):
        super().setUp()
        # Each image is pulled anew: what counts is whose login was taken.
        for name in self.containerd.images():
            self.containerd.run_ctr("images", "rm", "--sync", name)

    def make(self, path: str, document: dict) -> None:
        self.cluster.done("POST", path, document)
        name = document["metadata"]["name"]
        self.addCleanup(self.wait_until_listed, path, lambda items: name not in items, f"the end of {name}")
        self.addCleanup(self.cluster.done, "DELETE", f"{path}/{name}", {"gracePeriodSeconds": 0})
        self.wait_until_listed(path, lambda items: name in items, name)

    def wait_until_listed(self, path: str, ready, what: str) -> None:
        """In the API server's memory, which hears of a change a moment later than etcd."""
        def items() -> dict[str, dict]:
            found = self.cluster.done("GET", f"{path}?resourceVersion=0")
            return {item["metadata"]["name"]: item for item in found["items"] or []}

        processes.wait_until(lambda: ready(items()), what)

    def make_pod(self, name: str, *references: str, secret: str = "", node: str = NODE, **more) -> None:
        secrets = {"imagePullSecrets": [{"name": secret}]} if secret else {}
        document = pod(name, *references, nodeName=node, **secrets)
        document["metadata"] |= more
        self.make("/api/v1/namespaces/default/pods", document)
        if secret:  # the node authorizer hears of the pod a moment later
            path = f"/api/v1/namespaces/default/secrets/{secret}"
            processes.wait_until(lambda: self.kubelet_may_get(path), "the secret")

    def kubelet_may_get(self, path: str) -> bool:
        context = ssl.create_default_context(cafile=str(self.cluster.folder / "ca.pem"))
        context.load_cert_chain(self.cluster.folder / f"kubelet-{NODE}-current.pem")
        try:
            with urllib.request.urlopen(self.cluster.server + path, context=context, timeout=30):
                return True
        except urllib.error.HTTPError as refused:
            refused.close()
            return False

    def account(self) -> str:
        """The kubeconfig of nodeproof's service account."""
        token = self.cluster.account("nodeproof", "nodeproof")
        return str(self.cluster.kubeconfig("account", {"token": token}))

    def not_known(self, report: dict) -> list[tuple[str, str]]:
        return [(f["severity"], f["message"]) for f in report["findings"] if f["code"] == "ImagesNotKnown"]

    def test_the_pods_of_this_node_are_required_with_their_pull_secrets(self):
        self.make_pod("web", self.good, secret="registry")
        self.make_pod("mirror", self.other, secret="registry", annotations={"kubernetes.io/config.mirror": "x"})  # of another folder's manifest
        self.cluster.make_node("pi-18")
        self.make_pod("elsewhere", self.wrong, node="pi-18")
        self.make_pod("done", self.wrong)
        self.cluster.done("PATCH", "/api/v1/namespaces/default/pods/done/status", {"status": {"phase": "Succeeded"}}, "merge")
        self.wait_until_listed("/api/v1/namespaces/default/pods", lambda items: items["done"]["status"]["phase"] == "Succeeded", "its end")
        self.configure(pods=True, static_pods=[str(self.manifests)], kubeconfig=self.kubelet)
        done = self.check()
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stdout)
        self.assertEqual({self.good: "pod default/web", self.other: "pod default/mirror"}, self.references(done.report))
        plan = self.nodeproof("plan", "-c", self.config)
        self.assertIn("the pull secret default/registry", plan.stdout)
        self.assert_no_secret_is_kept()

    def assert_no_secret_is_kept(self) -> None:
        for file in (*self.nodeproof.state.rglob("*"), *self.nodeproof.run_folder.rglob("*")):
            if file.is_file():
                self.assertNotIn(PASSWORD.encode(), file.read_bytes(), file)
        kept = json.loads((self.nodeproof.state / "required.json").read_text())
        self.assertIn({"reference": self.good, "origin": "pod default/web"}, kept["sources"]["pods"])

    def test_a_pull_secret_is_for_its_pods_images_alone(self):
        self.make_pod("web", self.good, secret="old")
        self.configure(self.other, pods=True, kubeconfig=self.kubelet)
        done = self.check()
        self.assertEqual("ready", done.image(self.good)["verdict"], done.stdout)
        self.assertEqual(["RegistryUnauthorized"], codes(done.image(self.other), "unknown"))

    def test_while_the_api_server_is_away_what_it_said_last_stands(self):
        self.make_pod("web", self.good, secret="registry")
        self.configure(pods=True, kubeconfig=self.kubelet)
        self.look_list()
        self.assertEqual((0, ""), self.look())
        server = f"server: {self.cluster.server}"
        away = Path(self.kubelet).read_text(encoding="utf-8").replace(server, f"{server}\n    proxy-url: http://127.0.0.1:1")
        lost = self.nodeproof.folder / "lost.kubeconfig"
        lost.write_text(away, encoding="utf-8")
        lost.chmod(0o600)
        settings = json.loads(self.config.read_text())
        settings["images_from"]["kubeconfig"] = str(lost)
        self.config.write_text(json.dumps(settings), encoding="utf-8")
        self.assertEqual((0, ""), self.look(), "no reason for a cycle")
        done = self.check()
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stdout)
        self.assertEqual({self.good: "pod default/web"}, self.references(done.report))
        ((severity, message),) = self.not_known(done.report)
        self.assertEqual("warn", severity)
        self.assertIn("what was known last stands", message)
        (self.nodeproof.state / "required.json").unlink()
        done = self.check()
        self.assertEqual((2, "unknown"), (done.code, done.report["verdict"]))
        self.assertEqual("unknown", self.not_known(done.report)[0][0])

    def test_what_another_server_said_or_of_another_node_stands_for_nothing(self):
        self.make_pod("web", self.good)
        self.configure(pods=True, kubeconfig=self.kubelet)
        self.check()
        kept = (self.nodeproof.state / "required.json").read_text()
        self.assertEqual((self.cluster.server, NODE), (json.loads(kept)["server"], json.loads(kept)["node"]))
        elsewhere = self.nodeproof.folder / "elsewhere.kubeconfig"
        elsewhere.write_text(Path(self.kubelet).read_text(encoding="utf-8").replace(self.cluster.server, "https://127.0.0.1:1"), encoding="utf-8")
        elsewhere.chmod(0o600)
        for places, name in (({"pods": True, "kubeconfig": str(elsewhere)}, NODE), ({"pods": True, "kubeconfig": self.kubelet}, "pi-71")):
            self.configure(**places)
            self.config.write_text(json.dumps(json.loads(self.config.read_text()) | {"node": {"name": name}}), encoding="utf-8")
            done = self.check()
            self.assertEqual((2, "unknown", {}), (done.code, done.report["verdict"], self.references(done.report)), done.stdout)
            self.assertEqual(["unknown"], [severity for severity, _ in self.not_known(done.report)])
            self.assertEqual(kept, (self.nodeproof.state / "required.json").read_text(), "a mistake of today takes nothing away")

    def test_a_wrong_node_name_is_no_idle_node(self):
        self.configure(pods=True, kubeconfig=self.kubelet)
        for wrong in ("pi-71", "pi_17"):
            config = json.loads(self.config.read_text()) | {"report": {"kubernetes": {"node": wrong}}}
            self.config.write_text(json.dumps(config), encoding="utf-8")
            done = self.check()
            self.assertEqual((2, "unknown"), (done.code, done.report["verdict"]), done.stdout)
            self.assertIn("report.kubernetes.node", next(f["remedy"] for f in done.report["findings"] if f["code"] == "ImagesNotKnown"))

    def test_a_new_pod_is_noticed(self):
        self.configure(pods=True, kubeconfig=self.kubelet)
        self.look_list()
        self.assertEqual((0, ""), self.look())
        self.make_pod("web", self.good)
        processes.wait_until(lambda: self.look()[0] == 1, "the news of the pod")

    def test_a_changed_manifest_is_noticed_before_the_api_server_is_asked(self):
        kubeconfig = self.nodeproof.folder / "kubelet.kubeconfig"
        kubeconfig.write_text(Path(self.kubelet).read_text(encoding="utf-8"), encoding="utf-8")
        kubeconfig.chmod(0o600)
        self.configure(pods=True, static_pods=[str(self.manifests)], kubeconfig=str(kubeconfig))
        self.look_list()
        self.assertEqual((0, ""), self.look())
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.setblocking(False)
            text = kubeconfig.read_text(encoding="utf-8")
            kubeconfig.write_text(text.replace(self.cluster.server, f"https://127.0.0.1:{silent.getsockname()[1]}"), encoding="utf-8")
            self.write("web.json", pod("web", self.good))
            code, said = self.look()
            self.assertEqual(1, code, said)
            self.assertIn("other images are required now", said)
            self.assertRaises(BlockingIOError, silent.accept)

    def daemonset(self, name: str, reference: str, **spec) -> dict:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": reference}], **spec}}
        return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}

    def test_daemonsets_that_belong_here_are_required(self):
        path = "/apis/apps/v1/namespaces/default/daemonsets"
        self.make(path, self.daemonset("log", self.good, serviceAccountName="log", nodeSelector={"board": "pi"}))
        self.make(path, self.daemonset("gpu", self.wrong, nodeSelector={"board": "orin"}))
        self.configure(daemonsets=True, kubeconfig=self.account())
        done = self.check()
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stdout)
        self.assertEqual({self.good: "DaemonSet default/log"}, self.references(done.report))

        self.configure(daemonsets=True, kubeconfig=self.kubelet)
        done = self.check()  # of the same state folder: it is known from before
        self.assertIn(self.good, self.references(done.report))
        ((severity, message),) = self.not_known(done.report)
        self.assertEqual(("unknown", 2), (severity, done.code))
        self.assertIn("Forbidden", message)
        remedy = next(f["remedy"] for f in done.report["findings"] if f["code"] == "ImagesNotKnown")
        self.assertIn("rbac-images.yaml", remedy)


if __name__ == "__main__":
    testing.main()

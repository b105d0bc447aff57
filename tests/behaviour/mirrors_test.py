"""Who is asked instead of the registry, in which order, and what becomes of it when a mirror fails: the configuration's
`mirrors`, containerd's hosts.toml, registries.yaml of k3s, forward proxies; with a real docker-registry, relays in front
of it that remember and spoil, and for layers a containerd."""

import json
import os
import random
from pathlib import Path

from rig import images, layers, packages, programs, testing
from rig.authority import Authority
from rig.containerd import Containerd
from rig.mirror import ForwardProxy, Relay
from rig.program import Nodeproof
from rig.registry import Registry

HOST = packages.host_architecture()
LAYER_BYTES = 3 << 20
SECRET = "hunter2-hunter2"


def image(seed: int) -> images.Image:
    """With one large layer of its own that does not compress."""
    noise = random.Random(seed).randbytes(LAYER_BYTES)
    files = [layers.File("app", programs.good(HOST)), layers.File("noise", noise)]
    return images.index(images.variant(HOST, [layers.from_files(*files)], {"Entrypoint": ["/app"]}))


class MirrorsTest(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.image = image(1)
        images.Client(cls.registry.url).push("team/app", "1", cls.image)
        cls.reference = f"{cls.registry.name}/team/app:1"
        cls.layer = cls.image.variants[0].layers[0].digest

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.sources = {"hosts_dir": "none", "k3s_registries": "none", "docker_config": "none",
                        "credential_provider_config": "none"}
        self.seen = len(self.registry.requests())

    def relay(self, *arguments, **more) -> Relay:
        return self.enterContext(Relay(self.registry.name, *arguments, **more))

    def registry_asked(self, kind: str = "/v2/") -> list[str]:
        return [path for _, path, _ in self.registry.requests()[self.seen:] if kind in path]

    def run_program(self, *arguments, environment=None, **config):
        path = self.nodeproof.write_config({"registry_sources": self.sources, **config})
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        done = self.nodeproof(*arguments, "-c", path, env=clean | (environment or {}))
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        return done

    def resolve(self, reference: str = "", environment=None, **config):
        """The manifests and the config, no layers."""
        return self.run_program("resolve", "-o", "json", "--platform", f"linux/{HOST}", reference or self.reference,
                                environment=environment, **config)

    def with_mirrors(self, *mirrors) -> dict:
        return {self.registry.name: {"mirrors": [m if isinstance(m, str) else m.url for m in mirrors]}}

    def assert_resolved(self, done) -> None:
        self.assertEqual(0, done.code, done.stdout + done.stderr)
        self.assertIn(self.image.top.digest, done.stdout)

    def hosts_toml(self, text: str, name: str = "") -> Path:
        folder = self.nodeproof.folder / "certs.d" / (name or self.registry.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts.toml").write_text(text, encoding="utf-8")
        self.sources["hosts_dir"] = str(folder.parent)
        return folder / "hosts.toml"

    def registries_yaml(self, content: dict) -> Path:
        file = self.nodeproof.folder / "registries.yaml"
        file.write_text(json.dumps(content), encoding="utf-8")
        self.sources["k3s_registries"] = str(file)
        return file


class Configured(MirrorsTest):
    def test_the_mirror_is_asked_whose_it_is_and_the_registry_is_not(self):
        first, second = self.relay(), self.relay()
        self.assert_resolved(self.resolve(registries=self.with_mirrors(first, second)))
        self.assertEqual({f"ns={self.registry.name.replace(':', '%3A')}"}, {asked.query for asked in first.asked})
        self.assertEqual([], second.asked)
        # What the relay asked came to the registry, and nothing else.
        self.assertEqual(sorted(first.paths()), sorted(self.registry_asked()))

    def test_a_mirror_that_fails_is_passed_over(self):
        for fault in ("404", "500", "401", "403", "html"):
            with self.subTest(fault):
                bad, good = self.relay(fault), self.relay()
                self.assert_resolved(self.resolve(registries=self.with_mirrors(bad, good)))
                self.assertTrue(bad.asked and good.asked)
                self.assert_resolved(self.resolve(registries=self.with_mirrors(bad)))

    def test_a_mirror_that_is_down_is_passed_over(self):
        with Relay(self.registry.name) as gone:
            pass
        good = self.relay()
        self.assert_resolved(self.resolve(registries=self.with_mirrors(gone, good)))
        self.assertTrue(good.asked)
        self.assert_resolved(self.resolve(registries=self.with_mirrors(gone)))

    def test_when_all_fail_the_error_names_all(self):
        bad = self.relay("500")
        done = self.resolve(f"{self.registry.name}/team/none:1", registries=self.with_mirrors(bad))
        self.assertNotEqual(0, done.code)
        said = done.stdout + done.stderr
        self.assertIn("MANIFEST_UNKNOWN", said)
        self.assertIn(f"its mirror {bad.name}", said)
        self.assertIn("500", said)

    def test_inspect_and_index_merge_judge_the_registry_itself(self):
        mirror = self.relay()
        done = self.run_program("inspect", self.reference, registries=self.with_mirrors(mirror))
        self.assertEqual(0, done.code, done.stdout + done.stderr)
        merged = f"{self.registry.name}/team/merged:1"
        done = self.run_program("index", "merge", "--tag", merged, self.reference, registries=self.with_mirrors(mirror))
        self.assertEqual(0, done.code, done.stdout + done.stderr)
        self.assertEqual([], mirror.asked)


class Layers(MirrorsTest):
    """As containerd gets them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.containerd = cls.keep(Containerd, "1.6")

    def check(self, seed: int, *faults: str):
        """An image of its own, through mirrors with these faults: (its layer, the mirrors, the image's report)."""
        pushed = image(seed)
        layer = pushed.variants[0].layers[0].digest
        images.Client(self.registry.url).push("team/app", str(seed), pushed)
        self.seen = len(self.registry.requests())
        mirrors = [self.relay(fault, [layer]) for fault in faults]
        reference = f"{self.registry.name}/team/app:{seed}"
        done = self.run_program("check", "-o", "json", containerd={"address": str(self.containerd.socket)},
                                registries=self.with_mirrors(*mirrors), images=[{"reference": reference}])
        return layer, mirrors, done.image(reference)

    def size(self, layer: str) -> int:
        return self.registry.blob(layer).stat().st_size

    def test_come_from_the_mirror(self):
        layer, (mirror,), found = self.check(10, "")
        self.assertEqual("ready", found["verdict"], found["findings"])
        (asked,) = [asked for asked in mirror.asked if asked.path.endswith(layer)]
        self.assertEqual((200, self.size(layer)), (asked.status, asked.sent))
        self.assertEqual(1, len(self.registry_asked(layer)), "only the relay asked")

    def test_that_break_off_go_on_at_the_registry_from_there(self):
        layer, (mirror,), found = self.check(11, "cut")
        self.assertEqual("ready", found["verdict"], found["findings"])
        pieces = [asked for asked in mirror.asked if asked.path.endswith(layer)]
        # The relay asked the registry for each of its pieces; one more request was ours.
        self.assertEqual(len(pieces) + 1, len(self.registry_asked(layer)))
        self.assertEqual("", pieces[0].headers.get("range", ""))
        taken = 0
        for piece in pieces:
            self.assertEqual(f"bytes={taken}-" if taken else "", piece.headers.get("range", ""))
            taken += piece.sent
        self.assertLess(taken, self.size(layer))
        last = [line for line in self.registry.log.read_text(encoding="utf-8").splitlines() if layer in line and '"GET ' in line]
        self.assertIn(f" 206 {self.size(layer) - taken} ", last[-1])

    def test_that_are_poisoned_are_fetched_once_more_from_elsewhere(self):
        layer, (mirror,), found = self.check(12, "poison")
        self.assertEqual("ready", found["verdict"], found["findings"])
        self.assertEqual(1, len(mirror.paths(layer)))
        self.assertEqual(2, len(self.registry_asked(layer)), "the relay's question and ours")

    def test_of_two_mirrors_the_second_is_tried_after_a_poisoned_one(self):
        layer, (bad, good), found = self.check(13, "poison", "")
        self.assertEqual("ready", found["verdict"], found["findings"])
        self.assertEqual((1, 1), (len(bad.paths(layer)), len(good.paths(layer))))


class HostsToml(MirrorsTest):
    def test_the_folder_may_name_the_port_with_underscores(self):
        mirror = self.relay()
        for name in (self.registry.name.replace(":", "_") + "_", "_default"):
            with self.subTest(name):
                mirror.asked.clear()
                file = self.hosts_toml(f'[host."{mirror.url}"]\n', name)
                self.assert_resolved(self.resolve())
                self.assertTrue(mirror.asked)
                file.unlink()
                file.parent.rmdir()

    def test_the_configurations_own_mirrors_come_first(self):
        written, configured = self.relay(), self.relay()
        self.hosts_toml(f'[host."{written.url}"]\n')
        self.assert_resolved(self.resolve(registries=self.with_mirrors(configured)))
        self.assertTrue(configured.asked)
        self.assertEqual([], written.asked)

    def test_a_mirror_that_may_only_pull_is_not_asked_for_the_tag(self):
        mirror = self.relay()
        self.hosts_toml(f'[host."{mirror.url}"]\ncapabilities = ["pull"]\n')
        self.assert_resolved(self.resolve())
        self.assertTrue(mirror.paths("/manifests/sha256:"))
        self.assertEqual([], mirror.paths("/manifests/1"))
        self.assertIn("/v2/team/app/manifests/1", self.registry_asked())

    def test_a_ca_beside_the_file(self):
        authority = self.enterContext(Authority())
        context = authority.issue("mirror", "IP:127.0.0.1").server_context()
        mirror = self.relay(context=context)
        file = self.hosts_toml(f'[host."{mirror.url}"]\nca = "ca.pem"\n')
        (file.parent / "ca.pem").write_bytes(authority.ca.read_bytes())
        self.assert_resolved(self.resolve())
        self.assertTrue(mirror.asked)

    def test_headers_are_for_the_mirror_and_not_for_where_it_redirects_to(self):
        storage = self.relay()
        mirror = self.relay(redirect=storage.name)
        self.hosts_toml(f'[host."{mirror.url}"]\n[host."{mirror.url}".header]\nX-Token = "{SECRET}"\n')
        self.assert_resolved(self.resolve())
        self.assertEqual({SECRET}, {asked.headers.get("x-token") for asked in mirror.asked})
        self.assertTrue(storage.paths("/blobs/"))
        self.assertEqual({None}, {asked.headers.get("x-token") for asked in storage.asked})

    def test_a_broken_file_is_named(self):
        file = self.hosts_toml('[host."http://127.0.0.1:9"]\ncapabilities = ["pul"]\n')
        done = self.resolve()
        self.assertEqual(78, done.code, done.stdout + done.stderr)
        self.assertIn(str(file), done.stderr)
        self.assertIn("'pul'", done.stderr)

    def test_config_check_finds_it(self):
        required = {"images": [{"reference": self.reference}]}
        file = self.hosts_toml("[host")
        done = self.run_program("config", "check", **required)
        self.assertEqual(78, done.code, done.stdout + done.stderr)
        self.assertIn(str(file), done.stderr)
        file.write_text("", encoding="utf-8")
        self.assertEqual(0, self.run_program("config", "check", **required).code)


class K3s(MirrorsTest):
    def test_endpoints_rewrites_and_the_registry_last(self):
        bad, good = self.relay("500"), self.relay(prefix="proxy/")
        self.registries_yaml({"mirrors": {self.registry.name: {
            "endpoint": [bad.url, good.url], "rewrite": {"^(.*)$": "proxy/$1"}}}})
        self.assert_resolved(self.resolve())
        self.assertTrue(bad.asked)
        self.assertIn("/v2/proxy/team/app/manifests/1", good.paths())
        good.fault = "500"
        self.assert_resolved(self.resolve())

    def test_the_wildcard_and_tls_of_configs(self):
        authority = self.enterContext(Authority())
        mirror = self.relay(context=authority.issue("mirror", "IP:127.0.0.1").server_context())
        self.registries_yaml({"mirrors": {"*": {"endpoint": [mirror.url]}},
                              "configs": {mirror.name: {"tls": {"ca_file": str(authority.ca)}}}})
        self.assert_resolved(self.resolve())
        self.assertTrue(mirror.asked)

    def test_a_rewrite_that_is_none_names_the_file(self):
        file = self.registries_yaml({"mirrors": {"*": {"endpoint": ["http://127.0.0.1:9"], "rewrite": {"(": "x"}}}})
        done = self.resolve()
        self.assertEqual(78, done.code, done.stdout + done.stderr)
        self.assertIn(str(file), done.stderr)


class Proxies(MirrorsTest):
    """The registry has a name that only the proxy knows."""

    NAME = "registry.nowhere.test:5000"
    IMAGE = f"{NAME}/team/app:1"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.keep(Authority)
        context = cls.authority.issue("registry", "DNS:registry.nowhere.test").server_context()
        cls.tls = cls.keep(Relay, cls.registry.name, context=context)

    def proxy(self, **more) -> ForwardProxy:
        return self.enterContext(ForwardProxy({self.NAME: self.tls.name}, **more))

    def settings(self, **more) -> dict:
        return {self.NAME: {"ca": str(self.authority.ca), **more}}

    def test_a_registrys_own_proxy(self):
        proxy = self.proxy(login=("node", SECRET))
        self.assert_resolved(self.resolve(self.IMAGE, registries=self.settings(proxy=f"http://node:{SECRET}@{proxy.name}")))
        self.assertEqual({f"CONNECT {self.NAME}"}, set(proxy.targets))

    def test_the_environments_proxy(self):
        proxy = self.proxy()
        self.assert_resolved(self.resolve(self.IMAGE, {"https_proxy": f"http://{proxy.name}"}, registries=self.settings()))
        self.assertTrue(proxy.targets)
        proxy.targets.clear()
        direct = {"https_proxy": f"http://{proxy.name}", "no_proxy": ".nowhere.test"}
        done = self.resolve(self.IMAGE, direct, registries=self.settings())
        self.assertEqual(2, done.code, done.stderr)
        self.assertIn("the name 'registry.nowhere.test' was not found", done.stderr)
        self.assertEqual([], proxy.targets)

    def test_a_proxy_that_refuses_is_named_without_its_password(self):
        for proxy in (self.proxy(refuses=True), self.proxy(login=("node", "another"))):
            url = f"http://node:{SECRET}@{proxy.name}"
            for environment, more in (({}, {"proxy": url}), ({"https_proxy": url}, {})):
                done = self.resolve(self.IMAGE, environment, registries=self.settings(**more))
                self.assertEqual(2, done.code, done.stderr)
                self.assertIn(f"the proxy {proxy.name}", done.stderr)

    def test_a_proxy_that_is_down_is_named(self):
        with ForwardProxy() as gone:
            pass
        done = self.resolve(self.IMAGE, registries=self.settings(proxy=f"http://node:{SECRET}@{gone.name}"))
        self.assertEqual(2, done.code, done.stderr)
        self.assertIn(gone.name, done.stderr)

    def test_a_password_is_in_no_output(self):
        for wrong in (f"http://node:{SECRET}@", f"node:{SECRET}@proxy.lan:3128", f"socks9://node:{SECRET}@proxy.lan"):
            done = self.run_program("config", "check", registries=self.settings(proxy=wrong))
            self.assertEqual(78, done.code, done.stdout + done.stderr)


if __name__ == "__main__":
    testing.main()

"""The registry adapter against a real docker-registry: anonymous, Basic, Bearer tokens; by address, name and IPv6."""

from rig import catalogue, images, layers, packages, programs, testing
from rig.driver import ask
from rig.registry import PASSWORD, USER, Registry
from rig.tiny import TinyRegistry

HOST = packages.host_architecture()


def small_image(architecture: str = HOST) -> images.Image:
    program = layers.File("app", programs.good(architecture))
    return images.index(images.variant(architecture, [layers.from_files(program)], {"Entrypoint": ["/app"]}))


class OverHttp(testing.RigTest):
    def assert_whole(self, answer: dict) -> None:
        self.assertNotIn("code", answer, answer)
        self.assertTrue(answer["blobs"])
        for blob in answer["blobs"]:
            self.assertTrue(blob["whole"] and blob["resumed"], blob)


class Anonymous(OverHttp):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.reference = catalogue.publish(cls.registry, HOST, ["good"])["good"]

    def test_an_index_its_children_and_their_blobs_arrive_whole_and_in_parts(self):
        answer = ask(self.reference)
        self.assert_whole(answer)
        self.assertEqual(images.INDEX, answer["mediaType"])
        self.assertIn(206, [status for _, path, status in self.registry.requests() if "/blobs/" in path])

    def test_a_digest_is_as_good_as_a_tag(self):
        digest = ask(self.reference)["digest"]
        self.assert_whole(ask(self.reference.rsplit(":", 1)[0] + "@" + digest))

    def test_what_is_not_there_is_not_found(self):
        for reference in (self.reference.rsplit(":", 1)[0] + ":none", f"{self.registry.name}/nobody/nothing:1"):
            answer = ask(reference)
            self.assertEqual("not_found", answer["code"])
            self.assertIn(reference, answer["message"])
            self.assertIn("UNKNOWN", answer["message"])

    def test_localhost_is_a_loopback_host_too(self):
        self.assert_whole(ask(self.reference.replace("127.0.0.1", "localhost")))


class WithPasswords(OverHttp):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, auth="htpasswd")
        images.Client(cls.registry.url, credentials=(USER, PASSWORD)).push("team/app", "1", small_image())
        cls.reference = f"{cls.registry.name}/team/app:1"

    def test_the_right_ones_are_let_in(self):
        self.assert_whole(ask(self.reference, user=USER, password=PASSWORD))

    def test_none_are_told_apart_from_wrong_ones(self):
        none = ask(self.reference)
        self.assertEqual("unauthorized", none["code"])
        self.assertIn("not found or no access", none["message"])
        wrong = ask(self.reference, user=USER, password="hunter2hunter2")
        self.assertEqual("unauthorized", wrong["code"])
        self.assertIn("credentials were refused", wrong["message"])
        self.assertNotIn("hunter2", str(wrong))


class WithTokens(OverHttp):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, auth="token")
        client = images.Client(cls.registry.url, credentials=(USER, PASSWORD))
        for name in ("public/app", "private/app"):
            client.push(name, "1", small_image())

    def reference(self, name: str) -> str:
        return f"{self.registry.name}/{name}:1"

    def test_anonymous_tokens_open_what_is_public(self):
        self.assert_whole(ask(self.reference("public/app")))

    def test_what_is_private_needs_credentials(self):
        answer = ask(self.reference("private/app"))
        self.assertEqual("unauthorized", answer["code"])
        self.assertIn("not found or no access", answer["message"])
        self.assert_whole(ask(self.reference("private/app"), user=USER, password=PASSWORD))

    def test_one_token_serves_all_requests_of_a_repository(self):
        self.registry.tokens.asked.clear()
        self.assert_whole(ask(self.reference("private/app"), user=USER, password=PASSWORD))
        self.assertEqual(1, len(self.registry.tokens.asked), self.registry.tokens.asked)
        self.assertIn("scope=repository%3Aprivate%2Fapp%3Apull", self.registry.tokens.asked[0])

    def test_wrong_credentials_are_refused_by_the_token_service(self):
        answer = ask(self.reference("private/app"), user=USER, password="hunter2hunter2")
        self.assertEqual("unauthorized", answer["code"])
        self.assertIn("the token service", answer["message"])
        self.assertNotIn("hunter2", str(answer))


class Elsewhere(OverHttp):
    def test_ipv6(self):
        with TinyRegistry("::1") as registry:
            self.assert_whole(ask(f"{registry.name}/app:1"))

    def test_nobody_listens(self):
        with TinyRegistry() as registry:
            reference = f"{registry.name}/app:1"
        answer = ask(reference)
        self.assertEqual("unreachable", answer["code"])
        self.assertIn(f"{reference}: {registry.name}: connection refused", answer["message"])

    def test_a_proxy_is_used_but_never_for_loopback(self):
        with TinyRegistry() as registry:  # as a proxy it answers every absolute URL with 404
            proxy = {"http_proxy": f"http://{registry.name}"}
            self.assert_whole(ask(f"{registry.name}/app:1", proxy))
            registry.hosts.clear()
            self.assertEqual("not_found", ask("registry.test:5000/app:1", proxy, plain="1")["code"])
            self.assertEqual(["registry.test:5000"], registry.hosts)
            answer = ask("registry.test:5000/app:1", proxy | {"no_proxy": "registry.test"}, plain="1")
            self.assertEqual("unreachable", answer["code"])


if __name__ == "__main__":
    testing.main()

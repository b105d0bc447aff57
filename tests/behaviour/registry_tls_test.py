"""Whom the registry adapter trusts: CAs, names and IP addresses in certificates, their time, client certificates."""

import socket
import threading

from rig import images, layers, packages, programs, testing
from rig.authority import Authority
from rig.driver import ask
from rig.registry import Registry
from rig.tiny import TinyRegistry


class Trust(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.keep(Authority)
        cls.stranger = cls.keep(Authority, "stranger")

    def asked(self, server, host: str = "127.0.0.1", clients=None, environment=None, **arguments) -> dict:
        arguments.setdefault("ca", str(self.authority.ca))
        with TinyRegistry("127.0.0.1", server.server_context(clients)) as registry:
            return ask(f"{host}:{registry.port}/app:1", environment, **arguments)

    def assert_untrusted(self, answer: dict, *words: str) -> None:
        self.assertEqual("untrusted", answer.get("code"), answer)
        for word in words:
            self.assertIn(word, answer["message"])

    def test_an_address_in_the_certificate(self):
        good = self.authority.issue("address", "IP:127.0.0.1")
        self.assertNotIn("code", self.asked(good))

    def test_an_ipv6_address_in_the_certificate(self):
        good = self.authority.issue("address6", "IP:::1")
        with TinyRegistry("::1", good.server_context()) as registry:
            self.assertNotIn("code", ask(f"{registry.name}/app:1", ca=str(self.authority.ca)))

    def test_a_name_in_the_certificate(self):
        good = self.authority.issue("name", "DNS:localhost")
        self.assertNotIn("code", self.asked(good, "localhost"))

    def test_another_address_than_the_certificates(self):
        other = self.authority.issue("other", "IP:127.0.0.9,DNS:localhost")
        self.assert_untrusted(self.asked(other), "is not valid for 127.0.0.1")

    def test_another_name_than_the_certificates(self):
        other = self.authority.issue("elsewhere", "DNS:registry.example.com")
        self.assert_untrusted(self.asked(other, "localhost"), "is not valid for localhost")

    def test_an_unknown_authority(self):
        foreign = self.stranger.issue("foreign", "IP:127.0.0.1")
        answer = self.asked(foreign)
        self.assert_untrusted(answer, "is signed by no CA of", str(self.authority.ca))
        self.assertIn("'ca'", answer["remedy"])

    def test_an_expired_certificate(self):
        old = self.authority.issue("old", "IP:127.0.0.1", (-30, -1))
        self.assert_untrusted(self.asked(old), "has expired", "clock")

    def test_a_certificate_of_tomorrow_points_at_the_clock(self):
        young = self.authority.issue("young", "IP:127.0.0.1", (1, 30))
        answer = self.asked(young)
        self.assert_untrusted(answer, "is not yet valid", "clock")
        self.assertIn("set this host's clock", answer["remedy"])

    def test_the_store_of_the_system(self):
        good = self.authority.issue("system", "IP:127.0.0.1")
        store = {"SSL_CERT_FILE": str(self.authority.ca)}
        self.assertNotIn("code", self.asked(good, environment=store, ca="", plain="0"))
        other = {"SSL_CERT_FILE": str(self.stranger.ca)}
        self.assert_untrusted(self.asked(good, environment=other, ca="", plain="0"), str(self.stranger.ca))

    def test_a_server_that_wants_a_client_certificate(self):
        server = self.authority.issue("server", "IP:127.0.0.1")
        client = self.authority.issue("client", "DNS:client")
        with_it = self.asked(server, clients=self.authority.ca, certificate=str(client.file), key=str(client.key))
        self.assertNotIn("code", with_it)
        without = self.asked(server, clients=self.authority.ca)
        self.assertEqual("unreachable", without["code"], without)

    def test_files_that_cannot_be_read(self):
        good = self.authority.issue("readable", "IP:127.0.0.1")
        answer = self.asked(good, ca="/nonexistent/ca.pem")
        self.assertEqual("invalid_config", answer["code"])
        self.assertIn("/nonexistent/ca.pem", answer["message"])
        answer = self.asked(good, ca=__file__)
        self.assertEqual("invalid_config", answer["code"], answer)
        self.assertIn(__file__, answer["message"])

    def test_https_towards_plain_http(self):
        with TinyRegistry() as registry:
            answer = ask(f"{registry.name}/app:1", ca=str(self.authority.ca))
        self.assertEqual("unreachable", answer["code"], answer)
        self.assertIn("plain_http", answer["remedy"])


class Proxy:
    """Answers CONNECT by a tunnel to one port of this host, or refuses; use as a context manager."""

    def __init__(self, port: int, status: str = "200 OK"):
        self.port, self.status = port, status
        self.asked: list[str] = []
        self.open: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:hunter2@127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        for each in (self.listener, *self.open):
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += client.recv(1)
            self.asked.append(request.decode().split("\r\n", 1)[0])
            client.sendall(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
            if not self.status.startswith("200"):
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self.port))
            self.open.append(server)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class ThroughAProxy(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.keep(Authority)
        certificate = cls.authority.issue("far", "DNS:registry.test")
        cls.registry = cls.keep(TinyRegistry, "127.0.0.1", certificate.server_context())

    def test_the_proxy_finds_the_host_and_the_certificate_is_the_hosts(self):
        with Proxy(self.registry.port) as proxy:
            answer = ask("registry.test/app:1", {"https_proxy": proxy.url}, ca=str(self.authority.ca))
            self.assertEqual(self.registry.digest, answer.get("digest"), answer)
            self.assertIn("CONNECT registry.test:443 HTTP/1.1", proxy.asked)
            other = ask("other.test/app:1", {"HTTPS_PROXY": proxy.url}, ca=str(self.authority.ca))
            self.assertEqual("untrusted", other["code"])
            self.assertIn("is not valid for other.test", other["message"])

    def test_a_proxy_that_refuses(self):
        with Proxy(0, "407 Proxy Authentication Required") as proxy:
            answer = ask("registry.test/app:1", {"https_proxy": proxy.url}, ca=str(self.authority.ca))
        self.assertEqual("unreachable", answer["code"])
        self.assertIn("proxy", answer["message"])
        self.assertIn("407", answer["message"])
        self.assertNotIn("hunter2", str(answer))


class RealRegistry(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, tls=True)
        program = layers.File("app", programs.good(packages.host_architecture()))
        image = images.index(
            images.variant(packages.host_architecture(), [layers.from_files(program)], {"Entrypoint": ["/app"]}))
        images.Client(cls.registry.url, ca=cls.registry.ca).push("app", "1", image)
        cls.reference = f"{cls.registry.name}/app:1"

    def test_an_address_with_an_authority_of_its_own(self):
        answer = ask(self.reference, ca=str(self.registry.ca))
        self.assertNotIn("code", answer, answer)
        self.assertTrue(all(blob["whole"] and blob["resumed"] for blob in answer["blobs"]))

    def test_documents_come_by_http_2_and_blobs_by_http_1_1(self):
        ask(self.reference, ca=str(self.registry.ca))
        log = self.registry.log.read_text(encoding="utf-8")
        self.assertRegex(log, r'"GET /v2/app/manifests/1 HTTP/2\.0" 200')
        self.assertRegex(log, r'"GET /v2/app/blobs/\S+ HTTP/1\.1" 206')

    def test_many_threads_at_once(self):
        for _ in range(3):
            self.assertEqual({"whole": 16}, ask(self.reference, ca=str(self.registry.ca), parallel="16"))

    def test_without_its_authority_it_is_not_trusted(self):
        answer = ask(self.reference, plain="0")
        self.assertEqual("untrusted", answer["code"], answer)

    def test_plain_http_towards_https(self):
        answer = ask(self.reference)
        self.assertEqual("server_error", answer["code"], answer)
        self.assertIn("HTTPS", answer["remedy"])


if __name__ == "__main__":
    testing.main()

"""Malicious registries: each trick is refused with a named reason, nothing is sent where it should not be, and memory
stays bounded. In a network of the test's own, where "public" addresses and a metadata service exist."""

import json
import time
from collections.abc import Callable

from rig import network, testing
from rig.authority import Authority
from rig.driver import ask
from rig.hostile import HostileServer, answer, endless, in_turn

REGISTRY, ELSEWHERE, METADATA = "203.0.113.5", "203.0.113.6", "169.254.169.254"
INDEX = "application/vnd.oci.image.index.v1+json"
SECRET = {"user": "alice", "password": "hunter2hunter2", "plain": "1"}
MANIFEST = "/v2/app/manifests/1"
EMPTY = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
MOST_KIB = 64 * 1024


def index_of(*entries: dict, **more) -> Callable:
    return answer(200, {**EMPTY, "manifests": list(entries), **more}, Content_Type=INDEX)


def setUpModule():
    network.loopback_up()
    for number, address in enumerate((REGISTRY, ELSEWHERE, METADATA)):
        network.add_address(number, address)
    network.replace_file("/etc/hosts", f"127.0.0.1 localhost rebind.test\n{METADATA} cloud.test\n")


class Hostile(testing.RigTest):
    def setUp(self):
        self.registry = self.enterContext(HostileServer(REGISTRY))
        self.elsewhere = self.enterContext(HostileServer(ELSEWHERE))
        self.victim = self.enterContext(HostileServer("127.0.0.1"))
        self.metadata = self.enterContext(HostileServer(METADATA, 80))
        self.victim.answers["*"] = self.metadata.answers["*"] = answer(200, {"token": "t", **EMPTY}, Content_Type=INDEX)

    def asked(self, **arguments: str) -> dict:
        result = ask(f"{self.registry.name}/app:1", **{**SECRET, **arguments})
        self.assertNotIn("hunter2", str(result))
        self.assertLess(result["peakKib"], MOST_KIB)
        return result

    def assert_refused(self, result: dict, code: str, *words: str) -> None:
        self.assertEqual(code, result.get("code"), result)
        for word in words:
            self.assertIn(word, result["message"])

    def assert_nobody_came(self) -> None:
        self.assertEqual((0, 0), (self.victim.connections, self.metadata.connections))


class TooMuch(Hostile):
    def test_a_huge_header(self):
        self.registry.answers["*"] = answer(200, b"{}", X="y" * 100_000)
        self.assert_refused(self.asked(), "server_error", "64 KiB of headers")

    def test_endless_headers(self):
        self.registry.answers["*"] = endless(200, b"X-More: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 100, b"")
        self.assert_refused(self.asked(), "server_error", "64 KiB of headers")

    def test_an_endless_manifest(self):
        self.registry.answers["*"] = endless(200, b" " * 65536)
        self.assert_refused(self.asked(), "too_large")

    def test_an_endless_refusal(self):
        self.registry.answers["*"] = endless(500, b"x" * 65536)
        self.assert_refused(self.asked(), "server_error", "500")

    def test_an_endless_token(self):
        self.registry.answers["/token"] = endless(200, b'{"token":"' + b"x" * 65536)
        self.registry.answers["*"] = answer(401, WWW_Authenticate=f'Bearer realm="{self.registry.url}/token"')
        self.assert_refused(self.asked(), "server_error", "more than 256 KiB")

    def test_an_endless_layer(self):
        blob = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + "0" * 64, "size": 1000}
        manifest = json.dumps({"schemaVersion": 2, "config": {**blob, "mediaType": "application/json"},
                               "layers": [blob]}).encode()
        self.registry.answers[MANIFEST] = answer(200, manifest,
                                                 Content_Type="application/vnd.oci.image.manifest.v1+json")
        self.registry.answers["*"] = endless(200, b"x" * 65536)
        self.assert_refused(self.asked(), "digest_mismatch", "more bytes than the 1000")

    def test_redirects_without_end(self):
        self.registry.answers["*"] = answer(307, Location="/again")
        self.assert_refused(self.asked(), "server_error", "more than 5 redirects")


class Documents(Hostile):
    def serve(self, text: bytes) -> dict:
        self.registry.answers["*"] = answer(200, text, Content_Type=INDEX)
        return self.asked()

    def test_brackets_within_brackets(self):
        self.assert_refused(self.serve(b'{"schemaVersion":2,"manifests":' + b"[" * 1_000_000), "too_large")

    def test_millions_of_values(self):
        self.assert_refused(self.serve(b'{"schemaVersion":2,"manifests":[' + b"0," * 2_000_000 + b"0]}"), "too_large")

    def test_the_same_key_twice(self):
        self.assert_refused(self.serve(b'{"schemaVersion":2,"manifests":[],"manifests":[]}'), "invalid_document",
                            "manifests")

    def test_the_same_key_in_another_case(self):
        self.assert_refused(self.serve(b'{"schemaVersion":2,"manifests":[],"Manifests":[]}'), "invalid_document")

    def test_a_digest_that_is_a_path(self):
        for digest in ("sha256:../../../../etc/passwd", "sha256:" + "0" * 63 + "/", "../x:" + "0" * 64, "sha256:"):
            self.registry.seen.clear()
            code = "unsupported" if digest.startswith("..") else "invalid_document"
            entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2}
            self.registry.answers["*"] = index_of(entry)
            self.assert_refused(self.asked(), code)
            self.assertEqual([MANIFEST], [path for path, _ in self.registry.seen])


class SentElsewhere(Hostile):
    def realm(self, url: str, **arguments: str) -> dict:
        self.registry.answers["*"] = answer(401, WWW_Authenticate=f'Bearer realm="{url}",service="s"')
        return self.asked(**arguments)

    def redirect(self, url: str) -> dict:
        self.registry.answers["*"] = answer(307, Location=url)
        return self.asked()

    def refused_ways(self, send) -> None:
        port = self.victim.name.rpartition(":")[2]
        for url in (f"http://{METADATA}/latest/meta-data/", f"{self.victim.url}/x", f"http://localhost:{port}/x",
                    f"http://[::1]:{port}/x", f"http://0.0.0.0:{port}/x", f"http://[::ffff:127.0.0.1]:{port}/x"):
            self.assert_refused(send(url), "untrusted", "only this host itself should use")
        self.assert_nobody_came()

    def test_a_login_at_a_metadata_service_or_at_this_host(self):
        self.refused_ways(self.realm)

    def test_a_redirect_to_a_metadata_service_or_to_this_host(self):
        self.refused_ways(self.redirect)

    def test_names_that_resolve_to_such_addresses(self):
        port = self.victim.name.rpartition(":")[2]
        for url in (f"http://rebind.test:{port}/x", "http://cloud.test/latest/"):
            self.assert_refused(self.redirect(url), "untrusted", "leads to ", "only this host itself should use")
            answered = self.realm(url, user="", password="")
            self.assert_refused(answered, "untrusted", "leads to ")
        self.assert_nobody_came()

    def test_a_registry_on_this_host_may_lead_to_this_host(self):
        self.victim.answers[MANIFEST] = answer(307, Location=f"http://rebind.test:{self.victim.name[10:]}/there")
        self.assertNotIn("code", ask(f"{self.victim.name}/app:1", plain="1"))

    def test_a_password_goes_to_no_other_host_without_tls(self):
        self.assert_refused(self.realm(f"{self.elsewhere.url}/token"), "untrusted", "without TLS")
        self.assertEqual(0, self.elsewhere.connections)

    def test_authorization_and_cookies_stay_where_they_belong(self):
        self.elsewhere.answers["*"] = answer(200, EMPTY, Content_Type=INDEX)
        self.registry.answers["*"] = in_turn(
            answer(401, WWW_Authenticate='Basic realm="r"', Set_Cookie="id=1; Path=/"),
            answer(307, Location=f"{self.elsewhere.url}/signed?x=1", Set_Cookie="id=2; Path=/"))
        self.assertNotIn("code", self.asked())
        self.assertEqual(1, len(self.registry.brought("authorization")))
        self.assertEqual(1, len(self.elsewhere.seen))
        self.assertEqual([], self.elsewhere.brought("authorization") + self.elsewhere.brought("cookie"))
        self.assertEqual([], self.registry.brought("cookie"))

    def test_another_hosts_challenge_gets_no_credentials(self):
        self.elsewhere.answers["*"] = answer(401, WWW_Authenticate='Basic realm="give it to me"')
        self.registry.answers["*"] = answer(307, Location=f"{self.elsewhere.url}/x")
        self.assert_refused(self.asked(), "unauthorized", self.elsewhere.name)
        self.assertEqual([], self.elsewhere.brought("authorization"))
        self.assertEqual(1, len(self.elsewhere.seen))


class WithTls(Hostile):
    def setUp(self):
        super().setUp()
        self.authority = self.enterContext(Authority())
        self.certificate = self.authority.issue("registry", f"IP:{REGISTRY}")

    def secure(self, *protocols: str) -> HostileServer:
        context = self.certificate.server_context()
        context.set_alpn_protocols(list(protocols) or ["http/1.1"])
        self.registry = self.enterContext(HostileServer(REGISTRY, 0, context))
        return self.registry

    def asked(self, **arguments: str) -> dict:
        return super().asked(plain="0", ca=str(self.authority.ca), **arguments)

    def test_no_way_from_https_to_http(self):
        for status, headers in ((307, {"Location": f"{self.elsewhere.url}/x"}),
                                (401, {"WWW_Authenticate": f'Bearer realm="{self.elsewhere.url}/token"'})):
            self.secure().answers["*"] = answer(status, **headers)
            self.assert_refused(self.asked(), "untrusted", "not encrypted")
        self.assertEqual(0, self.elsewhere.connections)

    def test_when_http2_breaks_http1_is_tried(self):
        registry = self.secure("h2", "http/1.1")
        registry.answers["*"] = answer(200, EMPTY, Content_Type=INDEX)
        self.assertNotIn("code", self.asked())
        self.assertGreater(registry.http2, 0)
        self.assertEqual(1, len(registry.seen))


class Throttling(Hostile):
    def test_the_time_that_the_registry_names_is_waited(self):
        times = []
        busy = answer(429, Retry_After="2")
        good = answer(200, EMPTY, Content_Type=INDEX, RateLimit_Limit="100;w=21600", RateLimit_Remaining="7;w=21600")
        answers = in_turn(busy, good)
        self.registry.answers["*"] = lambda request: (times.append(time.monotonic()), answers(request))
        result = self.asked()
        self.assertNotIn("code", result)
        self.assertGreaterEqual(times[1] - times[0], 1.9)
        self.assertEqual([{"host": self.registry.name, "limit": 100, "remaining": 7}], result["rateLimits"])

    def test_a_time_beyond_the_budget_is_named_and_nothing_more_is_sent(self):
        self.registry.answers["*"] = answer(429, Retry_After="3600", RateLimit_Limit="100;w=21600",
                                            RateLimit_Remaining="0;w=21600")
        begin = time.monotonic()
        result = self.asked()
        self.assert_refused(result, "throttled", "0 of 100 requests left in 6h00m", "try again after 3600 s")
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(1, len(self.registry.seen))


if __name__ == "__main__":
    network.enter(__file__)
    testing.main()

"""The real docker-registry behind a real nginx: trust, client certificates, redirects, throttling, Range, HTTP/2."""

import email.utils
import random
import re
import time

from rig import images, layers, packages, programs, testing
from rig.authority import Authority
from rig.driver import ask
from rig.front import CuttingRelay, Front
from rig.hostile import HostileServer, send
from rig.processes import free_port
from rig.program import Nodeproof
from rig.registry import Registry

HOST = packages.host_architecture()
BLOBS = "location ~ ^/v2/.+/blobs/"


class Behind(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.keep(Authority)
        cls.certificate = cls.authority.issue("front", "IP:127.0.0.1")
        cls.registry = cls.keep(Registry)
        noise = layers.from_files(layers.File("noise", random.Random(1).randbytes(3 << 20)))
        image = images.index(*(images.variant(each, [noise], {"Entrypoint": ["/noise"]}) for each in ("amd64", "arm64")))
        images.Client(cls.registry.url).push("app", "1", image)
        cls.digest = image.top.digest
        cls.layer = noise.digest

    def front(self, upstream: str = "", **more) -> Front:
        try:
            return self.enterContext(Front(upstream or self.registry.name, **more))
        except packages.Unavailable as error:
            self.skipTest(str(error))

    def asked(self, front: Front, **arguments) -> dict:
        return ask(f"{front.name}/app:1", **arguments)

    def secured(self, front: Front, **arguments) -> dict:
        return self.asked(front, ca=str(self.authority.ca), **arguments)

    def assert_whole(self, answer: dict) -> None:
        self.assertNotIn("code", answer, answer)
        self.assertEqual(self.digest, answer["digest"])
        self.assertEqual(4, len(answer["blobs"]))
        for blob in answer["blobs"]:
            self.assertTrue(blob["whole"] and blob["resumed"], blob)

    def assert_refused(self, answer: dict, code: str, *words: str) -> None:
        self.assertEqual(code, answer.get("code"), answer)
        for word in words:
            self.assertIn(word, answer["message"])


class Trust(Behind):
    def test_an_address_is_all_that_the_certificate_names(self):
        self.assert_whole(self.secured(self.front(certificate=self.certificate)))

    def test_certificates_that_are_not_right(self):
        with Authority("stranger") as stranger:
            cases = (
                (stranger.issue("foreign", "IP:127.0.0.1"), "is signed by no CA of"),
                (self.authority.issue("old", "IP:127.0.0.1", (-30, -1)), "has expired"),
                (self.authority.issue("young", "IP:127.0.0.1", (1, 30)), "is not yet valid"),
                (self.authority.issue("other", "IP:127.0.0.9,DNS:localhost"), "is not valid for 127.0.0.1"),
            )
            for certificate, words in cases:
                with self.subTest(words):
                    self.assert_refused(self.secured(self.front(certificate=certificate)), "untrusted", words)

    def test_client_certificates(self):
        client = self.authority.issue("client", "DNS:client")
        front = self.front(certificate=self.certificate, clients=self.authority.ca)
        self.assert_whole(self.secured(front, certificate=str(client.file), key=str(client.key)))
        without = self.secured(front)
        self.assert_refused(without, "server_error", "400 (a web page: 400 No required SSL certificate was sent)")
        self.assertIn("'client_certificate'", without["remedy"])
        with Authority("stranger") as stranger:
            wrong = stranger.issue("client", "DNS:client")
            answer = self.secured(front, certificate=str(wrong.file), key=str(wrong.key))
            self.assert_refused(answer, "server_error", "400 (a web page: 400 The SSL certificate error)")
            self.assertIn("'client_certificate'", answer["remedy"])


class Redirects(Behind):
    """Blobs lie in an object store at another port, which like S3 wants no Authorization beside its signature."""

    def with_store(self, status: int, location: str, **more) -> tuple[Front, int]:
        port = free_port()
        password = f"{self.registry.folder}/users"
        with open(password, "w", encoding="utf-8") as users:
            users.write("ci:{PLAIN}secret\n")
        store = (f"server {{ listen 127.0.0.1:{port}; if ($http_authorization) {{ return 400; }}"
                 f" location /store/ {{ proxy_pass http://{self.registry.name}/; }} }}")
        where = location.format(port=port)
        server = (f'auth_basic "rig"; auth_basic_user_file {password};'
                  f'{BLOBS} {{ absolute_redirect off; error_page 418 = @store; return 418; }}'
                  f'location @store {{ auth_basic "rig"; return {status} {where}; }}'
                  f"location /store/ {{ proxy_pass http://{self.registry.name}/; }}")
        return self.front(server=server, servers=store, **more), port

    def test_another_host_gets_no_authorization(self):
        for status in (302, 307, 308):
            with self.subTest(status):
                front, port = self.with_store(status, "http://127.0.0.1:{port}/store$request_uri")
                self.assert_whole(self.asked(front, user="ci", password="secret"))
                asked = front.finish()
                self.assertIn(200, [each.status for each in asked if each.port == port])
                self.assertEqual({"-"}, {each.authorization for each in asked if each.port == port})
                self.assertEqual({"-"}, {each.accept_encoding for each in asked})

    def test_a_relative_location(self):
        front, port = self.with_store(307, "/store$request_uri")
        self.assert_whole(self.asked(front, user="ci", password="secret"))
        asked = front.finish()
        self.assertNotIn(port, [each.port for each in asked])
        self.assertIn("/store/v2/app/blobs/" + self.layer, [each.path for each in asked if each.status == 200])

    def test_from_https_to_http(self):
        front, port = self.with_store(307, "http://127.0.0.1:{port}/store$request_uri", certificate=self.certificate)
        self.assert_refused(self.secured(front, user="ci", password="secret"), "untrusted", "not encrypted")
        self.assertNotIn(port, [each.port for each in front.finish()])

    def test_in_a_circle(self):
        front = self.front(server=f"{BLOBS} {{ return 307 $scheme://$http_host$request_uri; }}")
        self.assert_refused(self.asked(front), "server_error", "redirects")
        self.assertLess(len(front.finish()), 40)

    def test_a_signature_that_is_good_once(self):
        with HostileServer() as store:
            used, cut = set(), []

            def serve(request):
                if request.path in used:
                    return send(request, 403, b"<Error><Code>AccessDenied</Code></Error>")
                used.add(request.path)
                data = self.registry.blob(re.search(r"sha256:[0-9a-f]{64}", request.path)[0]).read_bytes()
                begin = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
                span = {"Content_Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"} if begin else {}
                body = data[begin:]
                if len(data) > 1 << 20 and not cut:
                    cut.append(request.path)
                    request.close_connection = True
                    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:1 << 20])
                else:
                    send(request, 206 if begin else 200, body, **span)

            store.answers["*"] = serve
            front = self.front(server=f"{BLOBS} {{ return 307 {store.url}$uri?signature=$request_id; }}")
            self.assert_whole(self.asked(front))
            self.assertEqual(1, len(cut))
            self.assertEqual(len(store.seen), len(used), "no signature was tried twice")


class Throttling(Behind):
    def throttled(self, status: int, retry_after: str) -> Front:
        return self.front(
            http="limit_req_zone $server_port zone=rig:1m rate=4r/s;",
            server=f'error_page 599 @never; location @busy {{ internal; add_header Retry-After "{retry_after}" always;'
                   f" return {status}; }}",
            location=f"limit_req zone=rig burst=3 nodelay; limit_req_status {status}; error_page {status} = @busy;")

    def test_a_pull_waits_as_told_and_completes(self):
        for status in (429, 503):
            with self.subTest(status):
                front = self.throttled(status, "2")
                self.assert_whole(self.asked(front))
                asked = front.finish()
                refused = [each for each in asked if each.status == status]
                self.assertTrue(refused)
                self.assertLess(len(refused), len(asked) / 2, asked)

    def test_until_a_date(self):
        with HostileServer() as front:
            until = int(time.time()) + 3
            times = []

            def answer(request):
                times.append(time.time())
                if time.time() < until:
                    return send(request, 429, Retry_After=email.utils.formatdate(until, usegmt=True))
                send(request, 404)

            front.answers["*"] = answer
            self.assert_refused(ask(f"{front.name}/app:1"), "not_found")
            self.assertGreaterEqual(times[1], until)
            self.assertEqual(2, len(times))


class Ranges(Behind):
    def test_a_range_is_asked_for_only_behind_the_first_byte(self):
        front = self.front()
        self.assert_whole(self.asked(front))
        ranges = [each.range for each in front.finish()]
        self.assertIn("-", ranges)
        self.assertTrue([each for each in ranges if re.fullmatch(r"bytes=[1-9]\d*-\d*", each)], ranges)
        self.assertNotIn("0", {each.removeprefix("bytes=").split("-")[0] for each in ranges}, "some registries hang")

    def test_a_front_that_ignores_them(self):
        front = self.front(server="max_ranges 0;", location='proxy_set_header Range "";')
        self.assert_whole(self.asked(front))
        self.assertNotIn(206, [each.status for each in front.finish()])

    def test_another_part_than_asked(self):
        front = self.front(location='proxy_hide_header Content-Range; add_header Content-Range "bytes 0-9/10";')
        self.assert_refused(self.asked(front), "server_error", "another range than asked for", "bytes 0-9/10")

    def test_a_connection_cut_in_the_middle_is_taken_up_where_it_broke(self):
        front = self.front()
        with CuttingRelay(front.name, 1_000_001, 1) as relay:
            self.assert_whole(ask(f"{relay.name}/app:1"))
            self.assertLess(relay.cuts, 1)
        self.assertEqual(2 + 1, [each.status for each in front.finish() if each.path.endswith(self.layer)].count(206))


class Manners(Behind):
    def test_http2_that_goes_away_after_few_requests(self):
        front = self.front(certificate=self.certificate, server="keepalive_requests 2;")
        self.assertEqual({"whole": 4}, self.secured(front, parallel="4"))
        protocols = {each.protocol for each in front.finish() if "/manifests/" in each.path}
        self.assertIn("HTTP/2.0", protocols)

    def test_compression_is_not_asked_for(self):
        front = self.front(server="gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;")
        self.assert_whole(self.asked(front))
        self.assertEqual({"-"}, {each.accept_encoding for each in front.finish()})

    def test_compression_that_nobody_asked_for_is_refused_by_name(self):
        front = self.front(location="add_header Content-Encoding gzip always;")
        self.assert_refused(self.asked(front), "unsupported", "gzip")

    def test_more_headers_than_anybody_needs(self):
        many = "".join(f'add_header X-{i} "{"y" * 3000}" always;' for i in range(30))
        self.assert_refused(self.asked(self.front(location=many)), "server_error", "64 KiB of headers")
        few = "".join(f'add_header X-{i} "{"y" * 3000}" always;' for i in range(10))
        self.assert_whole(self.asked(self.front(location=few)))


class PullThrough(Behind):
    """docker-registry as a pull-through cache of the first one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.origin = cls.keep(Registry)
        cls.noise = layers.from_files(layers.File("noise", random.Random(2).randbytes(1 << 20)))
        program = layers.from_files(layers.File("app", programs.good(HOST)))
        cls.image = images.index(images.variant(HOST, [program, cls.noise], {"Entrypoint": ["/app"]}))
        images.Client(cls.origin.url).push("app", "1", cls.image)

    def assert_deep(self, registry: Registry, code: int, verdict: str) -> None:
        with Nodeproof() as nodeproof:
            done = nodeproof("inspect", "--deep", "-o", "json", f"{registry.name}/app:1")
        self.assertEqual((code, [verdict]), (done.code, [each["verdict"] for each in done.report["platforms"]]), done.stdout)

    def test_it_serves_what_it_saw_after_the_origin_is_gone(self):
        with Registry(upstream=self.origin.url) as cache:
            first = ask(f"{cache.name}/app:1")
            self.assertNotIn("code", first, first)
            self.addCleanup(self.origin.start)
            self.origin.stop()
            again = ask(f"{cache.name}/app:1")
            self.assertNotIn("code", again, again)
            self.assertTrue(all(blob["whole"] and blob["resumed"] for blob in again["blobs"]))

    def test_damage_of_the_origin_is_seen_unless_the_cache_has_the_bytes(self):
        held = self.origin.blob(self.noise.digest)
        good = held.read_bytes()
        self.addCleanup(held.write_bytes, good)
        with Registry(upstream=self.origin.url) as cache, Registry(upstream=self.origin.url) as cold:
            self.assertNotIn("code", ask(f"{cache.name}/app:1"))
            held.write_bytes(bytes(len(good)))
            self.assert_deep(cache, 0, "whole")  # hidden: it still has the good bytes
            self.assert_deep(cold, 1, "corrupt")


if __name__ == "__main__":
    testing.main()

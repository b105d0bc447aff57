"""How the static binary finds hosts: /etc/hosts, DNS with a search domain, IPv6; in a network and with files of the
test's own, so that the machine's are neither used nor changed."""

import socket
import struct
import threading
import time

from rig import network, testing
from rig.driver import ask
from rig.tiny import TinyRegistry

A, AAAA = 1, 28
# "silent" is never answered.
ZONE = {
    "registry.corp.test": {A: "127.0.0.1"},
    "six.corp.test": {AAAA: "::1"},
    "dual.corp.test": {A: "127.0.0.1", AAAA: "::1"},
}


class NameServer:
    """Answers for ZONE over UDP."""

    def __init__(self, address: str):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            query, client = self.socket.recvfrom(4096)
            labels, at = [], 12
            while size := query[at]:
                labels.append(query[at + 1:at + 1 + size].decode().lower())
                at += 1 + size
            if labels[0] != "silent":
                kind = struct.unpack(">H", query[at + 1:at + 3])[0]
                self.socket.sendto(self._answer(query, at + 5, ".".join(labels), kind), client)

    @staticmethod
    def _answer(query: bytes, question_end: int, name: str, kind: int) -> bytes:
        address = ZONE.get(name, {}).get(kind)
        status = 0 if name in ZONE else 3  # NXDOMAIN
        flags = 0x8580 | status
        head = query[:2] + struct.pack(">HHHHH", flags, 1, 1 if address else 0, 0, 0) + query[12:question_end]
        if not address:
            return head
        raw = socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, address)
        return head + struct.pack(">HHHIH", 0xC00C, kind, 1, 1, len(raw)) + raw


class Names(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        network.loopback_up()
        network.replace_file("/etc/hosts", "127.0.0.1 localhost\n127.0.0.1 hosted.test hosted-alias\n::1 hosted6.test\n")
        network.replace_file("/etc/resolv.conf", "search elsewhere.test corp.test\nnameserver 127.0.0.53\n")
        cls.name_server = NameServer("127.0.0.53")

    def assert_found(self, host: str, address: str = "127.0.0.1") -> None:
        with TinyRegistry(address) as registry:
            answer = ask(f"{host}:{registry.port}/app:1", plain="1")
            self.assertEqual(registry.digest, answer.get("digest"), answer)
            self.assertEqual({f"{host}:{registry.port}"}, set(registry.hosts))

    def test_names_of_etc_hosts(self):
        self.assert_found("hosted.test")
        self.assert_found("hosted-alias")
        self.assert_found("hosted6.test", "::1")

    def test_localhost(self):
        self.assert_found("localhost")

    def test_a_full_name(self):
        self.assert_found("registry.corp.test")

    def test_a_single_label_with_a_search_domain(self):
        self.assert_found("registry")

    def test_a_name_that_has_only_an_ipv6_address(self):
        self.assert_found("six.corp.test", "::1")

    def test_the_other_address_when_one_does_not_answer(self):
        self.assert_found("dual.corp.test", "127.0.0.1")
        self.assert_found("dual.corp.test", "::1")

    def test_a_name_that_does_not_exist(self):
        answer = ask("nobody.corp.test:5000/app:1", plain="1")
        self.assertEqual("unreachable", answer["code"])
        self.assertIn("nobody.corp.test:5000: the name 'nobody.corp.test' was not found", answer["message"])

    def test_a_stop_ends_the_wait_for_a_silent_name_server(self):
        begin = time.monotonic()
        answer = ask("silent.corp.test:5000/app:1", plain="1", stop_after_ms="300")
        self.assertEqual("cancelled", answer["code"], answer)
        self.assertLess(time.monotonic() - begin, 5)


if __name__ == "__main__":
    network.enter(__file__)
    testing.main()

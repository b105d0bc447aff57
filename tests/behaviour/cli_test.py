"""The command line as its users meet it."""

import json
import os
import re

from rig import catalogue, packages, testing
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry

HOST = packages.host_architecture()


class WithoutServers(testing.RigTest):
    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    def test_version_names_the_program_its_target_and_libraries(self):
        done = self.nodeproof("version")
        self.assertEqual(0, done.code, done.stderr)
        self.assertRegex(done.stdout, r"^nodeproof \d+\.\d+\.\d+")
        for word in (HOST, "curl", "mbed", "grpc", "protobuf", "c-ares", "zlib", "zstd", "libarchive"):
            self.assertRegex(done.stdout, re.compile(word, re.I))
        self.assertIsInstance(json.loads(self.nodeproof("version", "-o", "json").stdout), dict)

    def test_host_as_table_and_json(self):
        done = self.nodeproof("host", "-o", "json")
        self.assertEqual(0, done.code, done.stderr)
        self.assertIn(HOST, done.stdout)
        self.assertIsInstance(json.loads(done.stdout), dict)
        self.assertIn(HOST, self.nodeproof("host").stdout)

    def test_usage_errors_exit_64_and_say_what_was_wrong(self):
        for arguments in ((), ("no-such-command",), ("check", "--no-such-option"), ("resolve",), ("check", "-o", "xml")):
            with self.subTest(arguments):
                done = self.nodeproof(*arguments)
                self.assertEqual((64, ""), (done.code, done.stdout), done.stderr)
                self.assertTrue(done.stderr.startswith("nodeproof: "), done.stderr)

    def test_a_misspelt_word_is_named(self):
        for arguments, word in ((("resolv", "x"), "command 'resolv'"), (("config", "chek"), "command 'chek'"),
                                (("--nonsense",), "option '--nonsense'")):
            with self.subTest(arguments):
                self.assertIn(f"there is no {word}", self.nodeproof(*arguments).stderr)

    def test_a_usage_error_points_to_the_commands_own_help(self):
        for arguments, command, word in ((("inspect", "--nonsense"), "nodeproof inspect", "--nonsense"),
                                         (("index",), "nodeproof index", "merge, backup, restore"),
                                         (("index", "merge"), "nodeproof index merge", "--tag"),
                                         (("wait", "--timeout", "banana"), "nodeproof wait", "'banana' is no number")):
            with self.subTest(arguments):
                done = self.nodeproof(*arguments)
                self.assertEqual(64, done.code)
                self.assertIn(word, done.stderr)
                self.assertTrue(done.stderr.endswith(f"\n  try: {command} --help\n"), done.stderr)
                self.assertLess(len(done.stderr), 200)

    def test_version_as_an_option(self):
        done = self.nodeproof("--version")
        self.assertEqual((0, self.nodeproof("version").stdout.splitlines()[0] + "\n"), (done.code, done.stdout))

    def test_help_is_no_error(self):
        done = self.nodeproof("--help")
        self.assertEqual(0, done.code)
        for command in ("check", "host", "resolve", "version"):
            self.assertIn(command, done.stdout)

    def test_explain_knows_every_code_the_images_raise(self):
        for code in {c for case in catalogue.CASES for c in case.codes + case.warnings}:
            with self.subTest(code):
                done = self.nodeproof("explain", code)
                self.assertEqual(0, done.code, done.stderr)
                self.assertIn(code, done.stdout)

    def test_config_check_names_what_keeps_reports_from_going_out(self):
        folder = self.nodeproof.folder
        (folder / "open.pem").write_text("x")
        (folder / "open.pem").chmod(0o644)
        (folder / "no.pem").write_text("no certificate")
        report = {"webhook": {"url": "https://fleet.example.com/", "token_file": str(folder / "absent"), "ca": "credential:fleet-ca"},
                  "otlp": {"url": "https://otlp.example.com/", "ca": str(folder / "no.pem")},
                  "kubernetes": {"condition": True, "kubeconfig": str(folder / "no-kubeconfig")},
                  "signing": {"key": str(folder / "open.pem")}}
        done = self.nodeproof("config", "check", "-c", self.nodeproof.write_config({"report": report}))
        self.assertEqual(78, done.code)
        for part in ("report.webhook: token_file: opening", "report.webhook: ca: there is no credential fleet-ca",
                     "LoadCredential=fleet-ca", "report.otlp: ", "holds no PEM certificate", "report.kubernetes: kubeconfig: opening",
                     "report.signing.key", "others than its owner may read"):
            with self.subTest(part):
                self.assertIn(part, done.stderr + done.stdout)

    def test_config_check(self):
        good = self.nodeproof.write_config('{ // comments are allowed\n "images": [] }')
        self.assertEqual(0, self.nodeproof("config", "check", "-c", good).code)
        if not os.path.exists("/etc/nodeproof"):
            absent = self.nodeproof("config", "check")
            self.assertIn("there is no such file, the defaults hold", absent.stdout)
        for cannot_work in ({"images": [{"reference": "registry.lan/Shop/App:v2"}]},
                            {"registries": {"r.lan": {"ca": "/absent.pem"}}}):
            with self.subTest(cannot_work):
                done = self.nodeproof("config", "check", "-c", self.nodeproof.write_config(cannot_work))
                self.assertEqual(78, done.code)
                self.assertRegex(done.stderr, "Shop/App|/absent.pem")
        (self.nodeproof.folder / "ca.txt").write_text("not a certificate", encoding="utf-8")
        ca = {"registries": {"r.lan": {"ca": str(self.nodeproof.folder / "ca.txt")}}}
        done = self.nodeproof("config", "check", "-c", self.nodeproof.write_config(ca))
        self.assertEqual(78, done.code)
        self.assertIn("ca.txt holds no PEM certificate", done.stderr)
        password = {"registries": {"r.lan": {"username": "u", "password_file": "/absent-password"}}}
        done = self.nodeproof("config", "check", "-c", self.nodeproof.write_config(password))
        self.assertEqual((78, 1), (done.code, done.stderr.count("/absent-password")), done.stderr)
        handed = {"registries": {"r.lan": {"username": "u", "password_file": "credential:absent"}}}
        done = self.nodeproof("config", "check", "-c", self.nodeproof.write_config(handed))
        self.assertEqual((78, 1, 1), (done.code, done.stderr.count("no credential absent"),
                                      done.stderr.count("LoadCredential=absent:")), done.stderr)
        (self.nodeproof.folder / "registries.yaml").write_text("configs: 7\n", encoding="utf-8")
        k3s = {"registry_sources": {"k3s_registries": str(self.nodeproof.folder / "registries.yaml")},
               "images": [{"reference": "r.lan/app:1"}]}
        done = self.nodeproof("config", "check", "-c", self.nodeproof.write_config(k3s))
        self.assertEqual((78, 1), (done.code, done.stderr.count("$.configs")), done.stderr)
        bad = self.nodeproof.write_config('{"imagess": []}')
        self.assertEqual(78, self.nodeproof("config", "check", "-c", bad).code)


class WithServers(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd)
        cls.references = catalogue.publish(cls.registry, HOST, ["good", "good-static", "no-arch", "wrong-arch"])

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.address = ("--address", self.containerd.socket, "--namespace", "k8s.io")

    def test_resolve_explains_the_choice(self):
        done = self.nodeproof("resolve", *self.address, self.references["good"])
        self.assertEqual(0, done.code, done.stderr)
        self.assertIn(f"linux/{HOST}", done.stdout)
        self.assertIn(catalogue.build("good", HOST).variant(HOST).manifest.digest, done.stdout)

    def test_resolve_says_what_exists_when_nothing_fits(self):
        done = self.nodeproof("resolve", *self.address, self.references["no-arch"])
        self.assertEqual(1, done.code, done.stderr)
        self.assertIn(f"linux/{packages.other_architecture(HOST)}", done.stdout + done.stderr)

    def test_resolve_answers_for_another_host(self):
        other = packages.other_architecture(HOST)
        done = self.nodeproof("resolve", "--platform", f"linux/{other}", "-o", "json", self.references["good"])
        self.assertEqual(0, done.code, done.stderr)
        self.assertEqual(catalogue.build("good", HOST).variant(other).manifest.digest, done.report["manifestDigest"])
        facts = self.nodeproof.folder / "facts.json"
        facts.write_text(self.nodeproof("host", *self.address, "-o", "json").stdout, encoding="utf-8")
        done = self.nodeproof("resolve", "--host", facts, "--containerd", "2.1.4", "-o", "json", self.references["good"])
        self.assertEqual((0, "2.1.4"), (done.code, done.report["host"]["containerd"]), done.stderr)
        self.assertEqual(catalogue.build("good", HOST).variant(HOST).manifest.digest, done.report["manifestDigest"])
        self.assertIsNone(done.report["lastProven"])

    def test_resolve_names_the_file_and_the_place_of_a_bad_host(self):
        facts = self.nodeproof.folder / "facts.json"
        facts.write_text('{"apiVersion": "nodeproof.dev/v1", "kind": "HostFacts", "os": 7}', encoding="utf-8")
        done = self.nodeproof("resolve", "--host", facts, self.references["good"])
        self.assertEqual(64, done.code)
        self.assertIn(f"{facts}: $.os", done.stderr)

    def test_resolve_knows_what_was_proven_here(self):
        reference = self.references["good-static"]
        config = {"containerd": {"address": str(self.containerd.socket)}, "images": [{"reference": reference}]}
        self.nodeproof.check(config)
        done = self.nodeproof("resolve", *self.address, "-o", "json", reference)
        self.assertEqual((False, []), (done.report["lastProven"]["tagMoved"], done.report["lastProven"]["platformsLost"]))
        self.containerd.ctr("images", "rm", "--sync", *self.containerd.images())

    def test_host_names_the_containerd_it_was_given(self):
        done = self.nodeproof("host", *self.address, "-o", "json")
        self.assertIn(str(self.containerd.socket), done.stdout)
        self.assertIn("1.6.", done.stdout)

    def test_an_ad_hoc_check_pins_nothing_and_keeps_nothing(self):
        done = self.nodeproof("check", *self.address, "-o", "json", self.references["good-static"])
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stderr)
        self.assertEqual({}, self.containerd.images())
        self.assertEqual([], self.containerd.leases())
        self.assertEqual([], self.containerd.containers())

    def test_an_ad_hoc_check_keeps_what_it_is_told_to(self):
        reference = self.references["good-static"]
        done = self.nodeproof("check", *self.address, "--keep", reference)
        self.assertEqual(0, done.code, done.stderr)
        self.assertIn(reference, self.containerd.images())
        self.containerd.ctr("images", "rm", "--sync", *self.containerd.images())

    def test_the_table_names_every_image_and_the_bad_ones_codes(self):
        config = self.nodeproof.write_config(catalogue.config(self.containerd, self.references))
        done = self.nodeproof("check", "-c", config)
        self.assertEqual(1, done.code, done.stderr)
        for reference in self.references.values():
            self.assertIn(reference.split("/", 1)[1], done.stdout)
        for code in ("PlatformMissing", "ArchMismatch"):
            self.assertIn(code, done.stdout)
        self.assertNotIn("\x1b", done.stdout, "no colours and cursor movements where no terminal is")

    def test_two_runs_at_once_do_not_disturb_each_other(self):
        config = self.nodeproof.write_config(catalogue.config(self.containerd, {"good": self.references["good"]}))
        first = self.nodeproof.start("check", "-c", config)
        second = self.nodeproof("check", "-c", config)
        first.communicate()
        self.assertIn(sorted([first.returncode, second.code]), ([0, 0], [0, 75]), second.stderr)


if __name__ == "__main__":
    testing.main()

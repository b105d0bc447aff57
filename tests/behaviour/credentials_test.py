"""Whose credentials a registry gets: docker's config.json and its helpers, identity tokens, k3s' registries.yaml and the
kubelet's credential-provider plugins, against a real docker-registry with htpasswd and with tokens. Each run ends with
a search of everything that was printed for the secrets."""

import base64
import json
import os
import signal
from pathlib import Path

from rig import images, layers, programs, testing
from rig.program import Nodeproof
from rig.registry import IDENTITY_TOKEN, PASSWORD, USER, Registry

WRONG = "hunter2-hunter2"


def both() -> images.Image:
    return images.index(*(images.variant(a, [layers.from_files(layers.File("app", programs.good(a)))],
                                         {"Entrypoint": ["/app"]}) for a in ("amd64", "arm64")))


def encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class CredentialsTest(testing.RigTest):
    AUTH = "htpasswd"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry, auth=cls.AUTH)
        images.Client(cls.registry.url, credentials=(USER, PASSWORD)).push("team/app", "1", both())
        cls.reference = f"{cls.registry.name}/team/app:1"

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.home = self.nodeproof.folder / "home"
        self.programs = self.nodeproof.folder / "bin"
        self.asked = self.nodeproof.folder / "asked"
        self.asked.write_text("", encoding="utf-8")
        # Only what the test wrote, not what this machine has.
        self.sources = {"hosts_dir": "none", "k3s_registries": "none", "credential_provider_config": "none"}
        self.environment = {**os.environ, "HOME": str(self.home), "PATH": f"{self.programs}:{os.environ['PATH']}"}
        for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
            self.environment.pop(name, None)

    def write(self, path: Path, text: str, mode: int = 0o600) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def docker_config(self, content: dict) -> Path:
        return self.write(self.home / ".docker/config.json", json.dumps(content))

    def program(self, path: Path, script: str) -> Path:
        return self.write(path, f"#!/bin/sh\n{script}\n", 0o755)

    def run_program(self, *arguments, **more):
        config = {"registry_sources": self.sources, **more}
        done = self.nodeproof(*arguments, "-c", self.nodeproof.write_config(config), env=self.environment)
        for secret in (PASSWORD, WRONG, IDENTITY_TOKEN, encoded(USER, PASSWORD), encoded(USER, WRONG)):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def inspect(self, **more):
        return self.run_program("inspect", "-o", "json", self.reference, **more)

    def assert_let_in(self, **more) -> None:
        done = self.inspect(**more)
        self.assertEqual((0, "whole"), (done.code, done.report["verdict"]), done.stdout + done.stderr)

    def assert_kept_out(self, *words, **more):
        done = self.inspect(**more)
        self.assertEqual(2, done.code, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stdout)
        return done


class Written(CredentialsTest):
    """In files."""

    def test_nobody_is_let_in_without(self):
        self.assert_kept_out("not found or no access")

    def test_docker_config_auth(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, PASSWORD)}}})
        self.assert_let_in()

    def test_the_most_specific_entry_counts(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, WRONG)},
                                      f"http://{self.registry.name}/v2/team": {"auth": encoded(USER, PASSWORD)}}})
        self.assert_let_in()

    def test_our_own_configuration_comes_first(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, WRONG)}}})
        password = self.write(self.nodeproof.folder / "password", PASSWORD + "\n")
        self.assert_let_in(registries={self.registry.name: {"username": USER, "password_file": str(password)}})

    def test_one_that_was_not_handed_over_concerns_its_registry_alone(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, PASSWORD)}}})
        absent = {"username": USER, "password_file": "credential:absent"}
        self.assert_let_in(registries={"elsewhere.lan": absent})
        self.assert_kept_out("there is no credential absent", registries={self.registry.name: absent})

    def test_wrong_ones_are_refused_and_not_shown(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, WRONG)}}})
        self.assert_kept_out("the credentials were refused")

    def test_an_entry_that_cannot_be_read_is_not_taken_for_none(self):
        file = self.docker_config({"auths": {self.registry.name: {"auth": WRONG}}})
        self.assert_kept_out(str(file), "is not base64")

    def test_a_damaged_file_is_named(self):
        file = self.write(self.home / ".docker/config.json", '{"auths": {"x": {"auth": "%s' % WRONG)
        self.assert_kept_out(str(file), "line 1")

    def test_a_file_that_everybody_can_read_is_warned_about(self):
        file = self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, PASSWORD)}}})
        self.assertNotIn("every user can read it", self.inspect().stderr)
        file.chmod(0o644)
        self.assertIn(f"{file} holds credentials and every user can read it", self.inspect().stderr)

    def test_a_file_named_by_the_configuration(self):
        file = self.write(self.nodeproof.folder / "named.json",
                          json.dumps({"auths": {self.registry.name: {"auth": encoded(USER, PASSWORD)}}}))
        self.sources["docker_config"] = str(file)
        self.assert_let_in()
        file.unlink()
        self.assert_kept_out(str(file))

    def test_none_switches_a_source_off(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, PASSWORD)}}})
        self.sources["docker_config"] = "none"
        self.assert_kept_out("not found or no access")

    def test_k3s_registries(self):
        file = self.write(self.nodeproof.folder / "registries.yaml",
                          f'configs:\n  "{self.registry.name}":\n    auth:\n      username: {USER}\n'
                          f"      password: {PASSWORD}\n")
        self.sources["k3s_registries"] = str(file)
        self.assert_let_in()


class Helped(CredentialsTest):
    """By programs."""

    def helper(self, answer: str, name: str = "rig") -> Path:
        return self.program(self.programs / f"docker-credential-{name}",
                            f'read -r server; echo "$1 $server" >> {self.asked}\n{answer}')

    def test_a_credential_helper_is_asked_once_and_only_on_demand(self):
        self.docker_config({"credHelpers": {self.registry.name: "rig"}})
        self.helper(f"""printf '{{"ServerURL":"x","Username":"{USER}","Secret":"{PASSWORD}"}}'""")
        self.assert_let_in()
        self.assertEqual(f"get {self.registry.name}\n", self.asked.read_text())

    def test_one_that_fails_is_named_and_what_it_says_made_inert(self):
        self.docker_config({"credsStore": "rig"})
        helper = self.helper(f"""echo '{{"Secret":"{WRONG}"}}'; printf 'no \\033[31mbus\\n' >&2; exit 1""")
        done = self.assert_kept_out(str(helper), "with status 1: no ")
        self.assertNotIn("\x1b", done.stdout)

    def test_one_that_fails_is_seen_to_where_our_parent_ignored_its_children(self):
        self.docker_config({"credsStore": "rig"})
        helper = self.helper("exit 1")
        done = self.nodeproof("inspect", "-o", "json", self.reference, "-c",
                              self.nodeproof.write_config({"registry_sources": self.sources}), env=self.environment,
                              preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertIn(f"{helper} failed for {self.registry.name} with status 1", done.stdout)

    def test_one_that_is_missing_is_named(self):
        self.docker_config({"credsStore": "rig-that-is-nowhere"})
        self.assert_kept_out("docker-credential-rig-that-is-nowhere")

    def test_a_kubelet_plugin(self):
        folder = self.nodeproof.folder / "plugins"
        self.sources["credential_provider_config"] = str(self.write(
            folder / "config.yaml",
            "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- name: rig\n"
            f'  matchImages: ["{self.registry.name}/team"]\n  defaultCacheDuration: 1h\n'
            "  apiVersion: credentialprovider.kubelet.k8s.io/v1\n  args: [--quietly]\n"))
        self.sources["credential_provider_bin_dir"] = str(folder / "bin")
        answer = {"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
                  "cacheKeyType": "Registry", "cacheDuration": "10m",
                  "auth": {self.registry.name: {"username": USER, "password": PASSWORD}}}
        plugin = self.program(folder / "bin/rig",
                              f"cat >> {self.asked}; echo \" $*\" >> {self.asked}\necho '{json.dumps(answer)}'")
        self.assert_let_in()
        request, = self.asked.read_text().splitlines()
        self.assertTrue(request.endswith(" --quietly"), request)
        self.assertEqual({"kind": "CredentialProviderRequest", "apiVersion": answer["apiVersion"],
                          "image": f"{self.registry.name}/team/app"}, json.loads(request.removesuffix(" --quietly")))
        plugin.chmod(0o777)
        self.assert_kept_out(str(plugin), "others than root can write")

    def test_config_check_says_who_would_be_asked_and_asks_nobody(self):
        file = self.docker_config({"credHelpers": {self.registry.name: "rig"},
                                   "auths": {"reg.lan": {"auth": encoded(USER, PASSWORD)}}})
        self.helper("exit 1")
        names = [self.reference, "reg.lan/a:1", "reg.lan/b:1", "other.lan/c:1"]
        done = self.run_program("config", "check", images=[{"reference": name} for name in names])
        self.assertEqual(0, done.code, done.stderr)
        self.assertIn(f"credentials for {self.registry.name}: {file} (docker-credential-rig)\n", done.stdout)
        self.assertEqual(1, done.stdout.count(f"credentials for reg.lan: {file}\n"), done.stdout)
        self.assertIn("credentials for other.lan: none, anonymous\n", done.stdout)
        self.assertEqual("", self.asked.read_text())


class WithTokens(CredentialsTest):
    AUTH = "token"

    def setUp(self):
        super().setUp()
        self.registry.tokens.identity_token = IDENTITY_TOKEN
        self.registry.tokens.exchanged.clear()

    def test_user_and_password_go_to_the_token_service(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, PASSWORD)}}})
        self.assert_let_in()
        self.assertEqual([], self.registry.tokens.exchanged)

    def test_wrong_ones_are_refused_by_it(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded(USER, WRONG)}}})
        self.assert_kept_out("the token service", "the credentials were refused")

    def test_an_identity_token_is_exchanged_by_post(self):
        self.docker_config({"auths": {self.registry.name: {"auth": encoded("", ""), "identitytoken": IDENTITY_TOKEN}}})
        self.assert_let_in()
        form = self.registry.tokens.exchanged[0]
        self.assertEqual(("refresh_token", "nodeproof", "rig", "repository:team/app:pull", IDENTITY_TOKEN),
                         tuple(form[k] for k in ("grant_type", "client_id", "service", "scope", "refresh_token")))

    def test_a_helper_may_give_one(self):
        self.docker_config({"credsStore": "rig"})
        self.program(self.programs / "docker-credential-rig",
                     f"""printf '{{"Username":"<token>","Secret":"{IDENTITY_TOKEN}"}}'""")
        self.assert_let_in()
        self.assertEqual(1, len(self.registry.tokens.exchanged))

    def test_one_that_is_not_taken_is_said_and_not_shown(self):
        self.docker_config({"auths": {self.registry.name: {"identitytoken": WRONG}}})
        self.assert_kept_out("does not take this identity token")

    def test_a_registry_token_is_sent_as_it_is(self):
        token = self.registry.tokens._token([{"type": "repository", "name": "team/app", "actions": ["pull"]}])
        asked = len(self.registry.tokens.asked)
        self.docker_config({"auths": {self.registry.name: {"registrytoken": token}}})
        self.assert_let_in()
        self.assertEqual(asked, len(self.registry.tokens.asked))


if __name__ == "__main__":
    testing.main()

"""The support file: what is in it, and that of secrets planted wherever they may lie none is."""

import base64
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

from rig import packages, testing
from rig.containerd import Containerd
from rig.program import Nodeproof

SECRETS = {name: f"plAnted-{name}-7f3a" for name in (
    "password_file", "config_key", "conf_d", "smoke_env", "smoke_argument", "smoke_stdin", "before", "proxy", "hosts_header", "hosts_header_list",
    "docker_auth", "docker_identity", "containerd_auth", "k3s_password", "environment", "environment_url", "journal_bearer", "journal_query",
    "journal_assigned", "report", "credential", "journal_short", "journal_cookie", "journal_path")}

# Below an /etc of its own, with a journal that somebody was careless with.
IN_A_COPY = """set -eu
mkdir -p "$SCRATCH/upper" "$SCRATCH/work"
mount -t tmpfs none "$SCRATCH/upper"
mkdir "$SCRATCH/upper/etc" "$SCRATCH/upper/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$SCRATCH/upper/etc,workdir=$SCRATCH/upper/work" overlay /etc
cp -r "$SCRATCH/etc/." /etc/
mount --bind "$SCRATCH/journalctl" "$(command -v journalctl)"
exec "$@"
"""


def planted(name: str) -> str:
    return SECRETS[name]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Bundle(testing.RigTest):
    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.folder = self.nodeproof.folder
        self.nodeproof.state.mkdir()

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def plant(self, more: dict) -> Path:
        """The configuration; everything else lies where the program looks by itself."""
        password = self.write("password", planted("password_file") + "\n")
        self.write("home/.docker/config.json", json.dumps(
            {"auths": {"r.lan": {"auth": encoded("me:" + planted("docker_auth")), "identitytoken": planted("docker_identity")}}}))
        self.write("etc/containerd/certs.d/r.lan/hosts.toml", "\n".join((
            'server = "https://r.lan"', '[host."https://mirror.lan"]', 'capabilities = ["pull"]', '[host."https://mirror.lan".header]',
            f'X-Any = "{planted("hosts_header")}"', f'Authorization = ["Bearer {planted("hosts_header_list")}"]')))
        self.write("etc/containerd/config.toml", "\n".join((
            "version = 2", '[plugins."io.containerd.grpc.v1.cri".registry.configs."r.lan".auth]', 'username = "me"',
            f'password = "{planted("containerd_auth")}"')))
        self.write("etc/rancher/k3s/registries.yaml", f"configs:\n  r.lan:\n    auth:\n      username: me\n      password: {planted('k3s_password')}\n")
        self.write("journalctl", "#!/bin/sh\ncat <<'END'\n" + "\n".join((
            "a line that is told", f"Authorization: Bearer {planted('journal_bearer')}", f"GET https://cdn.lan/blob?sig={planted('journal_query')} 403",
            f"DB_PASSWORD={planted('journal_assigned')}", f"DB_PASS={planted('journal_short')}", f"Cookie: session={planted('journal_cookie')}",
            f"GET /v2/x?X-Amz-Signature={planted('journal_path')} 403", *(f"somebody printed {secret}" for name, secret in SECRETS.items()
                                                           if not name.startswith(("journal", "config_key", "report"))))) + "\nEND\n", 0o755)
        self.write("state/report.json", json.dumps({"kind": "NodeReport", "images": [
            {"findings": [{"evidence": f"proxy http://u:{planted('report')}@p.lan refused"}]}]}))
        self.write("config/conf.d/x.json", json.dumps({"registries": {"x.lan": {"proxy": f"http://u:{planted('conf_d')}@p.lan:1"}}}))
        return self.write("config/nodeproof.json", json.dumps({
            "registries": {"credential.lan": {"username": "node", "password_file": "credential:registry-password"},
                           "r.lan": {"username": "me", "password_file": str(password), "proxy": f"http://me:{planted('proxy')}@proxy.lan:3128"}},
            "images": [{"reference": "r.lan/app:1", "smoke": [{
                "name": "starts", "args": ["/app", "--pw", planted("smoke_argument")], "env": [f"API={planted('smoke_env')}"],
                "stdin": planted("smoke_stdin"), "before": [["/setup", planted("before")]]}]}], **more}))

    def bundle(self, config: Path, *options) -> dict[str, str]:
        file = self.folder / "bundle.tar.gz"
        self.write("credentials/registry-password", planted("credential") + "\n")
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(self.folder / "credentials"), "SCRATCH": str(self.folder), "HOME": str(self.folder / "home"), "MY_TOKEN": planted("environment"),
                       "https_proxy": f"http://u:{planted('environment_url')}@p.lan:1"}
        for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
            environment.pop(name, None)
        command = self.nodeproof.command("bundle", "-c", config, "-f", file, *options)
        done = subprocess.run(["unshare", "--mount", "sh", "-c", IN_A_COPY, "sh", *command], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env=environment, timeout=120)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(0o600, file.stat().st_mode & 0o777)
        self.assertLess(file.stat().st_size, 5_000_000)
        self.printed = done.stdout + done.stderr
        return self.unpacked(file.read_bytes())

    def unpacked(self, data: bytes) -> dict[str, str]:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {m.name.partition("/")[2]: tar.extractfile(m).read().decode() for m in tar.getmembers()}

    def assert_no_secret(self, files: dict[str, str]) -> None:
        everything = json.dumps(files) + self.printed
        found = [name for name, secret in SECRETS.items() if secret in everything or encoded("me:" + secret) in everything]
        self.assertEqual([], found)

    def test_no_planted_secret_is_in_it_and_what_helps_is(self):
        files = self.bundle(self.plant({}))
        self.assert_no_secret(files)
        config = json.loads(files["config/nodeproof.json"])
        self.assertEqual("http://(redacted)@proxy.lan:3128", config["registries"]["r.lan"]["proxy"])
        test = config["images"][0]["smoke"][0]
        self.assertEqual((["/app", "(redacted)", "(redacted)"], ["API=(redacted)"]), (test["args"], test["env"]))
        self.assertIn("r.lan/app:1", files["config/nodeproof.json"])
        self.assertIn("a line that is told", files["journal.txt"])
        self.assertIn("https://mirror.lan", files["containerd/etc/containerd/certs.d/r.lan/hosts.toml.json"])
        self.assertIn("architecture", files["host.json"])
        self.assertIn("report.json", files["state.txt"])
        self.assertEqual("NodeReport", json.loads(files["report.json"])["kind"])
        self.assertRegex(json.loads(files["version.json"])["version"], r"^\d")
        self.assertIn("status.json: no nodeproof daemon listens", files["missing.txt"])

    def test_a_configuration_that_the_loader_refuses_gives_nothing_away_either(self):
        files = self.bundle(self.plant({"password": planted("config_key")}))
        self.assert_no_secret(files)
        self.assertIn("the configuration cannot be read", self.printed)
        self.assertEqual("(redacted)", json.loads(files["config/nodeproof.json"])["password"])

    def test_one_that_is_no_json_is_left_out_whole(self):
        config = self.plant({})
        config.write_text(config.read_text(encoding="utf-8") + f' "password": "{planted("config_key")}"', encoding="utf-8")
        files = self.bundle(config)
        self.assertNotIn("config/nodeproof.json", files)
        self.assertIn("config/nodeproof.json: ", files["missing.txt"])
        for name in ("config_key", "password_file", "credential"):
            self.assertNotIn(planted(name), json.dumps(files) + self.printed)

    def test_a_file_that_is_there_is_not_replaced(self):
        file = self.write("kept", "mine")
        done = self.nodeproof("bundle", "-c", self.nodeproof.write_config("{}"), "-f", file)
        self.assertEqual((64, "mine"), (done.code, file.read_text(encoding="utf-8")))

    def test_it_goes_to_standard_output(self):
        command = self.nodeproof.command("bundle", "-c", self.nodeproof.write_config("{}"), "-f", "-")
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=True)
        self.assertIn("README.txt", self.unpacked(done.stdout))

    def test_a_containerd_that_answers_is_described(self):
        try:
            containerd = self.enterContext(Containerd("1.6"))
        except packages.Unavailable as error:
            self.skipTest(str(error))
        files = self.bundle(self.plant({"containerd": {"address": str(containerd.socket)}}))
        self.assertIn("io.containerd.snapshotter.v1 overlayfs", files["containerd/plugins.txt"])
        self.assertIn('"version": "1.6', files["host.json"])


if __name__ == "__main__":
    testing.main()

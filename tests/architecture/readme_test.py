"""The README: every command in it is run by CI or by a test, and its files and commands exist."""

import os
import platform
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BINARY = Path(os.environ.get("NODEPROOF_BUILD", "")) / "nodeproof"
OWN = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())

# Commands of the README's shell blocks -> the file that runs them, and what it says there.
RUN_BY = {
    "tests/demo": ("tests/behaviour/demo_test.py", '/ "tests/demo"'),
    "tests/run": (".ci/run", "exec tests/run"),
    "tests/bench/run": ("tests/run", "tests/bench/run"),
    "cross/tools": ("tests/demo", "cross/tools"),
    "cross/prepare": ("tests/run", "cross/prepare"),
    "cmake --preset arm64-release": ("tests/run", 'cmake --preset "$1"'),
    "cmake --build --preset arm64-release": ("tests/demo", 'cmake --build --preset "$arch-release"'),
    "nodeproof inspect registry.lan:5000/shop/app:v2": ("tests/behaviour/inspect_test.py", '"inspect", self.good)'),
    "nodeproof inspect -f images.txt --backup-dir backups --metrics images.prom":
        ("tests/behaviour/inspect_test.py", '"-f", "images.txt", "--backup-dir", "backups", "--metrics", "images.prom"'),
    "nodeproof host -o json > pi-4.json": ("tests/behaviour/inspect_test.py", 'self.nodeproof("host", "-o", "json")'),
    "nodeproof inspect --host pi-4.json registry.lan:5000/shop/app:v2":
        ("tests/behaviour/inspect_test.py", '"inspect", "--host", "here.json", self.good'),
    "nodeproof inspect --host pi5 --host orin registry.lan:5000/shop/app:v2":
        ("tests/behaviour/inspect_hosts_test.py", '"--host", "pi5", "--host", "amd64-v3", good'),
    "skopeo copy --all docker://registry.lan:5000/shop/app:v2 "
    "oci-archive:/mnt/usb/app.tar:registry.lan:5000/shop/app:v2":
        ("tests/behaviour/rig/offline.py", 'self.skopeo("copy", *(arguments or ["--all"])'),
    "nodeproof check --from /mnt/usb": ("tests/behaviour/offline_test.py", '"--from", self.folder / place)'),
    "nodeproof inspect --from /mnt/usb/app.tar registry.lan:5000/shop/app:v2":
        ("tests/behaviour/offline_test.py", '"inspect", "-o", "json", "--deep", "--from", self.folder / "skopeo.tar", name)'),
    "nodeproof check -o json > ref.json": ("tests/behaviour/parity_test.py", "self.check(SAYS)"),
    **{command: ("tests/behaviour/parity_test.py", "### The same on every architecture?")  # all of them are run there
       for command in (
           "nodeproof compare ref.json pi-5.json",
           "openssl ecparam -name prime256v1 -genkey -noout -out golden.key",
           "openssl pkey -in golden.key -pubout -out golden.pub",
           "nodeproof golden record ref.json --image registry.lan:5000/shop/app:v2 --key golden.key -f golden.json",
           "nodeproof golden show golden.json --key golden.pub",
           "nodeproof golden push golden.json")},
    "cross/package --image amd64 arm64": ("tests/package/made.py", '"--image", *ARCHITECTURES'),
    "dpkg -i build/packages/nodeproof_0.1.0_arm64.deb": ("tests/package/install_test.py", "dpkg -i $old"),
    "nodeproof config check": ("tests/package/install_test.py", "nodeproof config check"),
    "systemctl reload nodeproof.service": ("tests/machine/service_test.py", "systemctl reload nodeproof.service"),
    "tar -C /usr/local --strip-components=1 --no-same-owner -xzf build/packages/nodeproof-0.1.0-linux-arm64.tar.gz":
        ("tests/package/install_test.py", '"--strip-components=1", "--no-same-owner", "-xzf"'),
    "nodeproof inspect --from build/packages/nodeproof-0.1.0-oci.tar localhost/nodeproof:0.1.0":
        ("tests/package/image_test.py", '"inspect", "--deep", "-o", "json", "--from", image, name'),
    "skopeo copy --all oci-archive:build/packages/nodeproof-0.1.0-oci.tar docker://registry.lan:5000/nodeproof:0.1.0":
        ("tests/behaviour/rig/offline.py", 'self.skopeo("copy", *(arguments or ["--all"])'),
    # The manifests are applied over the API itself.
    "kubectl apply -f systemd/kubernetes/daemonset.yaml -f systemd/kubernetes/rbac.yaml":
        ("tests/behaviour/kubernetes_gate_test.py", 'for name in ("daemonset.yaml", "rbac.yaml")'),
    "kubectl apply -f systemd/kubernetes/node-readiness-rule-bootstrap.yaml":
        ("tests/behaviour/kubernetes_gate_test.py", 'RULES = ("node-readiness-rule-bootstrap.yaml"'),
    "kubectl patch nodereadinessrule nodeproof-bootstrap --type merge -p '{\"spec\":{\"dryRun\":false}}'":
        ("tests/behaviour/kubernetes_gate_test.py", '{"spec": {"dryRun": False}}, "merge")'),
    "k3s kubectl apply -f systemd/kubernetes/untaint.yaml":
        ("tests/behaviour/kubernetes_gate_test.py", 'manifest("untaint.yaml").replace("NODE-NAME", node)'),
    'KUBECTL="k3s kubectl" systemd/kubernetes/untaint-kubeconfig.sh https://127.0.0.1:6443 /etc/nodeproof/untaint.kubeconfig':
        ("tests/behaviour/kubernetes_gate_test.py", '"untaint-kubeconfig.sh", self.cluster.server, file]'),
    "nodeproof bundle -f support.tar.gz": ("tests/behaviour/bundle_test.py", '"bundle", "-c", config, "-f", file'),
    'nodeproof override --ready --for 4h --reason "the registry moves tonight; app:v3 was proven on ring 0"':
        ("tests/behaviour/ready_test.py", 'self.override("--ready", "--for", length, "--reason"'),
    "nodeproof override": ("tests/behaviour/ready_test.py", 'self.override("-o", "json")'),
    "nodeproof override --clear": ("tests/behaviour/ready_test.py", 'self.override("--clear")'),
    "install -D -m 0755 /usr/lib/nodeproof/nodeproof-verify-image /opt/containerd/image-verifier/bin/nodeproof-verify-image":
        ("tests/behaviour/verify_image_test.py", '"install", "-D", "-m", "0755", file, self.verifiers'),
    "nodeproof release": ("tests/behaviour/ready_test.py", "told = self.release()"),
    "nodeproof fleet reports/ --expect inventory.txt": ("tests/behaviour/fleet_test.py", '"--expect", inventory, self.reports'),
    "nodeproof metrics": ("tests/behaviour/metrics_test.py", 'text = nodeproof("metrics").stdout'),
    "nodeproof metrics reports/*.json": ("tests/behaviour/rig/metrics_fleet.py", 'nodeproof("metrics", *arguments, *files)'),
    "nodeproof status -o html > pi-17.html": ("tests/behaviour/page_test.py", 'self.nodeproof("status", "-o", output)'),
    "nodeproof fleet -o html reports/ > fleet.html": ("tests/behaviour/page_test.py", 'self.nodeproof("fleet", "-o", "html", *arguments, folder)'),
    "nodeproof host": ("tests/behaviour/cli_test.py", '"host"'),
    "nodeproof plan": ("tests/behaviour/plan_test.py", '"plan"'),
    "nodeproof check": ("tests/behaviour/daemon_test.py", 'self.nodeproof("check", "-o", "json")  # the daemon'),
    "nodeproof status": ("tests/machine/service_test.py", "nodeproof status"),
    "systemctl stop nodeproof": ("tests/machine/service_test.py", "systemctl stop nodeproof"),
    "nodeproof release --yes": ("tests/behaviour/ready_test.py", 'self.release("--yes")'),
    "systemctl enable --now nodeproof.service": ("tests/machine/service_test.py", "systemctl start nodeproof.service"),
}


def commands() -> list[str]:
    """Those of "In a pipeline" are scripts, and run as such."""
    text = re.sub(r"^### In a pipeline\n.*?^(?=##)", "", README, flags=re.M | re.S)
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


class Readme(unittest.TestCase):
    def test_every_command_is_run_somewhere(self):
        for command in commands():
            if command.startswith("nodeproof index "):
                self.assertIn("README.md", (ROOT / "tests/behaviour/index_test.py").read_text(encoding="utf-8"))
                continue  # all of them are run there
            with self.subTest(command):
                self.assertIn(command, RUN_BY)
                file, text = RUN_BY[command]
                self.assertIn(text, (ROOT / file).read_text(encoding="utf-8"))

    @unittest.skipUnless(BINARY.exists() and os.environ.get("NODEPROOF_ARCH", OWN) == OWN, "needs a build for this machine")
    def test_the_table_of_finding_codes_is_what_the_program_prints(self):
        done = subprocess.run([BINARY, "explain", "--markdown"], capture_output=True, text=True, check=True)
        self.assertIn("### Finding codes\n", README)
        section = README.partition("### Finding codes\n")[2].partition("\n###")[0]
        self.assertEqual(done.stdout.splitlines(), [line for line in section.splitlines() if line.startswith("|")])

    def test_the_scripts_of_the_pipeline_are_run_as_they_stand(self):
        self.assertIn("\n### In a pipeline\n", README)
        test = (ROOT / "tests/behaviour/pipeline_test.py").read_text(encoding="utf-8")
        self.assertEqual(2, test.count('section("In a pipeline")'))

    def test_every_file_it_names_is_there(self):
        for name in re.findall(r"`((?:cross|systemd|tests|agent|common)/[\w./-]+)`", README):
            with self.subTest(name):
                self.assertTrue((ROOT / name).exists())

    def test_it_names_every_command_of_the_program(self):
        table = (ROOT / "agent/cli/commands.cpp").read_text(encoding="utf-8")
        hidden = re.findall(r'Command\{"([\w-]+)"[^}]*\bdeclare_\w+,\s*true', table)
        for name in re.findall(r'Command\{"([\w-]+)"', table):
            if name not in hidden:
                with self.subTest(name):
                    self.assertIn(f"nodeproof {name}", README)


if __name__ == "__main__":
    unittest.main(verbosity=2)

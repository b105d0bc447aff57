"""What systemd does when the service ends, and what waits for it: under a booted systemd."""

import json
import os
from pathlib import Path

import booted
from installed import UNITS, drop_ins, unit_files
from rig import testing

BINARY = Path(os.environ.get("NODEPROOF_BINARY") or Path(os.environ.get("NODEPROOF_BUILD", "")) / "nodeproof")
FILES = {
    # Soon enough for a test; the unit's own is five seconds.
    "nodeproof.service.d/test.conf": b"[Service]\nRestartSec=100ms\n",
    "workload.service": b"[Unit]\nRequires=nodeproof-ready.target\nAfter=nodeproof-ready.target\n"
                        b"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    "k3s.service.d/wait.conf": b"[Unit]\nAfter=nodeproof-ready.target\n",
    "k3s.service": b"[Service]\nExecStart=/bin/true\n",
}
# A registry is named that nobody asks: nothing is required of it.
WITH_SECRET = {"registries": {"registry.lan": {"username": "ci", "password_file": "credential:registry-password"}}}
SCRIPT = r"""
show() { systemctl show -P "$2" "$1"; }
facts() { systemctl show nodeproof.service -p ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainCode > "$1.show"; }
until_is() { for i in $(seq 300); do [ "$(show "$1" "$2")" = "$3" ] && return 0; sleep 0.05; done; return 1; }
# The first check is over: it would take a flag away that the script makes.
checked() { for i in $(seq 300); do nodeproof status -o json > "$1.json"; grep -q NotChecked "$1.json" || return 0; sleep 0.05; done; return 1; }
fresh() { systemctl stop nodeproof.service; systemctl reset-failed; rm -rf /var/lib/nodeproof /etc/nodeproof; }

systemctl start nodeproof.service; checked first
systemctl start --no-block workload.service
until_is nodeproof-wait-ready.service ActiveState activating; show workload.service ActiveState > workload.before
touch /run/nodeproof/ready
until_is workload.service ActiveState active; echo $? > workload.started
systemctl stop workload.service; systemctl restart nodeproof.service
systemctl start workload.service; show workload.service ActiveState > workload.again

for how in KILL SEGV; do
  touch /run/nodeproof/ready; systemctl reset-failed; before=$(show nodeproof.service NRestarts)
  systemctl kill -s $how --kill-who=main nodeproof.service
  until_is nodeproof.service NRestarts $((before + 1)); until_is nodeproof.service SubState running
  facts died-$how; ls /run/nodeproof > died-$how.run
done
show workload.service ActiveState > workload.left

fresh; mkdir -p /etc/nodeproof; echo '{ "imagse": [] }' > /etc/nodeproof/nodeproof.json
touch /run/nodeproof/ready 2> /dev/null; systemctl start nodeproof.service; facts config
fresh; mkdir -p /etc/systemd/system/nodeproof.service.d
printf '[Service]\nExecStart=\nExecStart=/usr/bin/nodeproof daemon --nonsense\n' > /etc/systemd/system/nodeproof.service.d/usage.conf
systemctl daemon-reload; systemctl start nodeproof.service; facts usage
rm /etc/systemd/system/nodeproof.service.d/usage.conf; systemctl daemon-reload
fresh; mkdir -p /run/nodeproof; nodeproof daemon 2> by-hand.log & by_hand=$!
until nodeproof status > /dev/null 2>&1 || [ $? = 2 ]; do sleep 0.05; done
systemctl start nodeproof.service; facts second
kill $by_hand; wait $by_hand; until_is nodeproof.service SubState running; facts alone

fresh; systemctl stop containerd.service; systemctl start nodeproof.service
checked without; facts without

fresh; mkdir -p /etc/nodeproof; cp /etc/systemd/system/secret.json /etc/nodeproof/nodeproof.json
(umask 077; echo 'correct horse' > /etc/registry-password)
systemctl start nodeproof.service
nodeproof config check > no-credential.out 2>&1; echo $? > no-credential.code
printf '[Service]\nLoadCredential=registry-password:/etc/registry-password\n' > /etc/systemd/system/nodeproof.service.d/secret.conf
systemctl daemon-reload; systemctl restart nodeproof.service
nodeproof config check > credential.out 2>&1; echo $? > credential.code
tr '\0' '\n' < /proc/$(show nodeproof.service MainPID)/environ | grep CREDENTIALS > credential.environment
systemd-creds encrypt --with-key=host --name=registry-password /etc/registry-password /etc/registry-password.cred 2> encrypted.err
mv /etc/registry-password /root/password
printf '[Service]\nLoadCredentialEncrypted=registry-password:/etc/registry-password.cred\n' > /etc/systemd/system/nodeproof.service.d/secret.conf
systemctl daemon-reload; systemctl restart nodeproof.service
nodeproof config check > encrypted.out 2>&1; echo $? > encrypted.code
cmp /root/password /run/credentials/nodeproof.service/registry-password 2>> encrypted.err; echo $? > encrypted.same
nodeproof host -o json > host.json 2> host.err
"""


class Restarts(booted.BootedTest):
    SCRIPT, LAST, binary = SCRIPT, "host.json", BINARY

    @classmethod
    def files(cls) -> dict[str, bytes]:
        units = {str(path.relative_to(UNITS)): path.read_bytes() for path in [*unit_files(), *drop_ins()]}
        return {**units, **FILES, "secret.json": json.dumps(WITH_SECRET).encode()}

    def test_a_unit_that_waits_starts_with_readiness_and_not_before(self):
        self.assertEqual("inactive", self.word("workload.before"))
        self.assertEqual("0", self.word("workload.started"))

    def test_it_starts_at_once_after_a_restart_of_the_service(self):
        self.assertEqual("active", self.word("workload.again"))

    def test_a_death_takes_the_flag_away_and_is_followed_by_a_start(self):
        for how in ("KILL", "SEGV"):
            with self.subTest(how):
                self.assertEqual(("active", "running"), (self.facts("died-" + how)["ActiveState"], self.facts("died-" + how)["SubState"]))
                self.assertNotIn("ready", self.out[f"died-{how}.run"].split())

    def test_a_death_stops_nothing_that_runs(self):
        self.assertEqual("active", self.word("workload.left"))

    def test_what_trying_again_cannot_mend_is_not_tried_again(self):
        for when, status in (("config", "78"), ("usage", "64")):
            with self.subTest(when):
                facts = self.facts(when)
                self.assertEqual(("failed", "failed", "exit-code", status, "0"),
                                 (facts["ActiveState"], facts["SubState"], facts["Result"], facts["ExecMainStatus"], facts["NRestarts"]))

    def test_a_second_instance_waits_for_the_end_of_the_first(self):
        self.assertEqual("75", self.facts("second")["ExecMainStatus"], self.facts("second"))
        self.assertEqual(("active", "running"), (self.facts("alone")["ActiveState"], self.facts("alone")["SubState"]))

    def test_it_stays_up_without_a_containerd(self):
        self.assertEqual(("active", "0"), (self.facts("without")["ActiveState"], self.facts("without")["NRestarts"]))
        self.assertEqual("unknown", json.loads(self.out["without.json"])["verdict"])

    def test_a_credential_comes_from_the_unit(self):
        self.assertEqual("0", self.word("credential.code"), self.out["credential.out"])
        self.assertEqual("CREDENTIALS_DIRECTORY=/run/credentials/nodeproof.service", self.word("credential.environment"))

    def test_a_credential_may_lie_encrypted_on_the_disk(self):
        self.assertEqual("0", self.word("encrypted.same"), self.out["encrypted.err"])
        self.assertEqual("0", self.word("encrypted.code"), self.out["encrypted.out"])

    def test_a_credential_that_nobody_hands_over_is_named(self):
        self.assertEqual("78", self.word("no-credential.code"))
        self.assertIn("no credential registry-password", self.out["no-credential.out"])
        self.assertNotIn("correct horse", "".join(self.out.values()))

    def test_a_k3s_that_waits_for_readiness_is_named(self):
        found = [f for f in json.loads(self.out["host.json"])["findings"] if f["code"] == "ContainerdWaitsForReady"]
        self.assertEqual(["k3s.service"], [f["subject"] for f in found])
        self.assertIn("k3s.service.d/wait.conf", found[0]["evidence"])


if __name__ == "__main__":
    testing.main()

"""Reports that leave a service as hardened as the unit makes it: under a booted systemd."""

import json
import os
import subprocess
from pathlib import Path

import booted
from installed import unit_files
from rig import testing

BINARY = Path(os.environ.get("NODEPROOF_BINARY") or Path(os.environ.get("NODEPROOF_BUILD", "")) / "nodeproof")
CONFIG = {"report": {"file": "/var/lib/reports/report.json", "metrics": {"listen": "127.0.0.1:9639"},
                     "webhook": {"url": "https://127.0.0.1:1/nobody"}, "signing": {"key": "credential:signing"}}}
SCRIPT = r"""
until_true() { for i in $(seq 300); do "$@" && return 0; sleep 0.05; done; return 1; }
said() { journalctl -u nodeproof.service -o cat > journal; grep -q "$1" journal; }
mkdir -p /etc/nodeproof /var/lib/reports /etc/systemd/system/nodeproof.service.d
cp /etc/systemd/system/config.json /etc/nodeproof/nodeproof.json
(umask 077; cp /etc/systemd/system/signing.key /etc/signing.pem)
printf '[Service]\nLoadCredential=signing:/etc/signing.pem\n' > /etc/systemd/system/nodeproof.service.d/reports.conf
systemctl daemon-reload; systemctl start nodeproof.service
until_true said 'reports to file: '; echo $? > refused.said; cp journal refused.log
printf 'ReadWritePaths=/var/lib/reports\n' >> /etc/systemd/system/nodeproof.service.d/reports.conf
systemctl daemon-reload; systemctl restart nodeproof.service
until_true test -s /var/lib/reports/report.json; cp /var/lib/reports/report.json report.json
until_true ls /var/lib/nodeproof/spool/webhook/*.json > spool.txt
exec 3<> /dev/tcp/127.0.0.1/9639; printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3; cat <&3 > metrics.txt
stat -c '%a %U' /run/nodeproof/sinks /var/lib/nodeproof/spool > modes.txt
systemctl stop nodeproof.service; systemctl show -P Result nodeproof.service > stopped.txt
"""


class Reports(booted.BootedTest):
    SCRIPT, LAST, binary = SCRIPT, "stopped.txt", BINARY

    @classmethod
    def files(cls) -> dict[str, bytes]:
        units = {unit.name: unit.read_bytes() for unit in unit_files()}
        key = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], check=True, capture_output=True).stdout
        return {**units, "config.json": json.dumps(CONFIG).encode(), "signing.key": key}

    def test_a_folder_that_the_unit_does_not_give_is_named_with_what_to_do(self):
        self.assertEqual("0", self.word("refused.said"), self.out["refused.log"])
        self.assertIn("ReadWritePaths=-/var/lib/reports", self.out["refused.log"])

    def test_a_file_is_written_and_signed_with_the_units_credential(self):
        report = json.loads(self.out["report.json"])
        self.assertEqual(("NodeReport", []), (report["kind"], report["attestations"]))

    def test_what_a_receiver_does_not_take_is_kept(self):
        self.assertIn(".json", self.out["spool.txt"])

    def test_metrics_are_served_on_loopback(self):
        self.assertIn("200 OK", self.out["metrics.txt"])
        self.assertIn("nodeproof_sink_failures_total{sink=\"webhook\"}", self.out["metrics.txt"])

    def test_nobody_else_reads_what_waits(self):
        self.assertEqual(["700 root", "700 root"], self.out["modes.txt"].splitlines())

    def test_it_stops_in_good_order_while_a_receiver_is_away(self):
        self.assertEqual("success", self.word("stopped.txt"))


if __name__ == "__main__":
    testing.main()

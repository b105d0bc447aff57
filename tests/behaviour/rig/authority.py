"""Certificates with whatever is right or wrong about them."""

import datetime
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificate:
    file: Path  # PEM
    key: Path

    def server_context(self, clients_signed_by: Path | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        if clients_signed_by:
            context.load_verify_locations(clients_signed_by)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """A CA in a folder of its own; use as a context manager."""

    def __init__(self, name: str = "rig"):
        self.folder = Path(tempfile.mkdtemp(prefix="nodeproof-authority-"))
        self.ca = self.folder / "ca.pem"
        self._openssl("req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
                      "-subj", f"/CN=authority {name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        (self.folder / "index.txt").write_text("", encoding="utf-8")
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\nnew_certs_dir=.\ncertificate=ca.pem\nprivate_key=ca.key\n"
            "rand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n", encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def issue(self, name: str, alternatives: str, days: tuple[int, int] = (-1, 30)) -> Certificate:
        """alternatives: "DNS:localhost,IP:127.0.0.1"; valid from and to these days from now."""
        self._openssl("req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={alternatives}\n", encoding="utf-8")
        today = datetime.datetime.now(datetime.timezone.utc)
        begin, end = (f"{today + datetime.timedelta(days=day):%Y%m%d%H%M%SZ}" for day in days)
        self._openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem",
                      "-extfile", f"{name}.ext", "-startdate", begin, "-enddate", end)
        return Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")

    def _openssl(self, *arguments) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

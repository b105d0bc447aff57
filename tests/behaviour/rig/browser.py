"""A real Chromium without a screen, spoken to through Debian's chromedriver by the W3C's WebDriver protocol."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from . import packages, processes

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-breakpad",
         "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND")


class Browser:
    """A context manager: starts both, with a profile of its own, and ends them."""

    def __init__(self):
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if not chromium or not driver:
            raise packages.Unavailable("chromium and chromium-driver are not installed: cross/tools test")
        self.folder = Path(tempfile.mkdtemp(prefix="nodeproof-browser-"))
        self.log = self.folder / "driver.log"
        environment = {"HOME": str(self.folder), "TMPDIR": str(self.folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([driver, "--port=0", "--allowed-ips=127.0.0.1"], env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self.port, self.session = 0, ""
        try:
            processes.wait_until(self._up, "chromedriver", self.process)
            options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={self.folder}/profile"],
                       "perfLoggingPrefs": {"enableNetwork": True, "enablePage": False}}
            wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}
            self.session = "/session/" + self.ask("POST", "/session", {"capabilities": wanted})["sessionId"]
            self.ask("POST", "/url", {"url": "about:blank"})  # the browser's own first page asks for much
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        try:
            if self.session:
                self.ask("DELETE", "")
        finally:
            children = processes.descendants([self.process.pid])
            processes.stop(self.process)
            processes.kill_all(children)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _up(self) -> bool:
        said = re.search(r"started successfully on port (\d+)", self.log.read_text(encoding="utf-8", errors="replace"))
        self.port = int(said.group(1)) if said else 0
        return self.port > 0

    def ask(self, method: str, path: str, body: dict | None = None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.session}{path}", data, method=method,
                                         headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.read().decode(errors='replace')[:2000]}") from error

    def devtools(self, command: str, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, file: Path, width: int, scheme: str, height: int = 800, media: str = "screen") -> None:
        """A page as a screen of this size and a user who prefers light or dark sees it."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.messages(), self.requests()
        self.ask("POST", "/url", {"url": file.as_uri()})

    def run(self, script: str, *arguments):
        """What the script returns; it is run beside the page, which its own policy does not hinder."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def messages(self) -> list[str]:
        """What the console has said since it was last asked: errors, and what the page's policy has refused."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """The addresses asked for since this was last asked."""
        found = []
        for entry in self.ask("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def screenshot(self, file: Path, whole: bool = True) -> None:
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

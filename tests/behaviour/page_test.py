"""The pages of -o html in a real Chromium, light and dark, on a phone and on a desk; beside them JUnit and SARIF of the same reports."""

import json
import os
import re
import xml.etree.ElementTree as xml
from pathlib import Path

from rig import reports, testing
from rig.browser import Browser
from rig.last_report import LastReport
from rig.program import Nodeproof

VIEWS = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]
MOST = 200_000  # bytes
SHOTS = os.environ.get("NODEPROOF_SCREENSHOTS")  # a folder: to look at them oneself

OVERFLOWING = """
return [...document.querySelectorAll('body, body *')].filter(e => e.checkVisibility() && !e.closest('svg') &&
  (e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display === 'block'))
  .map(e => e.outerHTML.slice(0, 120)).concat(document.documentElement.scrollWidth > innerWidth ? ['the page itself'] : [])"""

# WCAG 2.1, relative luminance and contrast ratio, of every element that has text of its own.
CONTRASTS = """
const channel = c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
const parse = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
                      return [255, 255, 255]; };
return [...document.querySelectorAll('body, body *')].filter(e => e.checkVisibility() && !e.closest('svg') &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
  const ink = parse(getComputedStyle(e).color), below = ground(e), a = light(ink), b = light(below);
  const clear = ink.length < 4 && below.length < 4 && getComputedStyle(e).opacity === '1';
  return [clear ? (Math.max(a, b) + .05) / (Math.min(a, b) + .05) : 0, e.tagName + ' ' + e.textContent.trim().slice(0, 60)]; })"""

VERDICT = """
const box = document.querySelector('h1').getBoundingClientRect();
const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height, innerHeight) / 2);
return {inside: box.top >= 0 && box.top + 30 < innerHeight && scrollY === 0, seen: !!top && !!top.closest('h1'), text: document.querySelector('h1').innerText}"""

UNFOLD = "document.querySelectorAll('details').forEach(d => d.open = true)"


class Page(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = cls.keep(Browser)
        cls.nodeproof = cls.keep(Nodeproof)
        cls.daemon = cls.keep(LastReport, cls.nodeproof.run_folder, reports.bad_night())

    def status(self, report: dict, output: str, code: int = 1) -> str:
        self.daemon.report = report
        done = self.nodeproof("status", "-o", output)
        self.assertEqual(code, done.code, done.stderr)
        return done.stdout

    def fleet(self, many: list[dict], *arguments, code: int = 1) -> str:
        folder = self.nodeproof.folder / self.id()
        folder.mkdir()
        reports.write(folder, many)
        done = self.nodeproof("fleet", "-o", "html", *arguments, folder)
        self.assertEqual(code, done.code, done.stderr)
        return done.stdout

    def write(self, name: str, page: str) -> Path:
        file = self.nodeproof.folder / f"{name}.html"
        file.write_text(page, encoding="utf-8")
        return file

    def look(self, name: str, page: str) -> None:
        """What holds for every page, in every view."""
        self.assertLess(len(page.encode()), MOST)
        file = self.write(name, page)
        for width, scheme in VIEWS:
            with self.subTest(name, width=width, scheme=scheme):
                self.browser.open(file, width, scheme)
                self.picture(f"{name}-{scheme}-{width}")
                verdict = self.browser.run(VERDICT)
                self.assertTrue(verdict["inside"] and verdict["seen"], verdict)
                for folded in (True, False):
                    self.assertEqual([], self.browser.run(OVERFLOWING), f"folded: {folded}")
                    found = self.browser.run(CONTRASTS)
                    self.assertGreater(len(found), 10)
                    self.assertEqual([], [row for row in found if row[0] < 4.5])
                    self.browser.run(UNFOLD)
                self.assertEqual([], self.browser.messages())
                self.assertEqual([file.as_uri()], self.browser.requests())
                self.assertEqual("rgb(15, 19, 23)" if scheme == "dark" else "rgb(243, 244, 246)",
                                 self.browser.run("return getComputedStyle(document.body).backgroundColor"))

    def picture(self, name: str) -> None:
        if SHOTS:
            self.browser.screenshot(Path(SHOTS) / f"{name}.png")

    def outline(self) -> list[str]:
        return self.browser.run("return [...document.querySelectorAll('h1, h2, h3')].map(e => e.tagName + ' ' + e.innerText)")

    # --- a node

    def test_a_node_that_is_not_ready(self):
        self.look("node", self.status(reports.bad_night(), "html"))
        self.assertEqual("NOT READY: pi-17", self.browser.run("return document.title"))
        outline = self.outline()
        self.assertEqual(["H1 pi-17 is not ready", "H2 What is wrong 2", "H3 PageSizeIncompatible", "H3 RegistryUnreachable", "H2 Warnings 3"],
                         outline[:5])
        text = self.browser.run("return document.body.innerText")
        for words in ("its jemalloc is built for pages of 4 KiB", "PAGE 0x1000 in .rodata at 0x4c810\nkernel page size 0x4000",
                      "What to do: build it with --with-lg-page=16", "SIGABRT", "16 KiB pages", "41.2 MB in 3.1 s", "A registry was not reachable"):
            self.assertIn(words, text)

    def test_what_is_wrong_begins_on_the_first_screen_of_a_phone(self):
        self.browser.open(self.write("phone", self.status(reports.bad_night(), "html")), 360, "dark", height=740)
        self.assertLess(self.browser.run("return document.querySelector('article h3').getBoundingClientRect().bottom"), 740)

    def test_a_node_that_is_ready_and_one_whose_report_is_old(self):
        self.look("ready", self.status(reports.node("pi-4"), "html", code=0))
        self.assertEqual("H1 pi-4 is ready", self.outline()[0])
        self.look("old", self.status(reports.node("pi-4", hours=30), "html", code=0))
        self.assertEqual("H1 Not known whether pi-4 is ready", self.outline()[0])
        self.assertIn("is 30 hours old", self.browser.run("return document.body.innerText"))

    def test_hostile_strings_are_text(self):
        page = self.status(reports.hostile(), "html")
        self.look("hostile", page)
        self.assertEqual("NOT READY: " + reports.SCRIPT, self.browser.run("return document.title"))
        self.assertIsNone(self.browser.run("return window.owned === undefined ? null : window.owned"))
        shown = self.browser.run("return document.body.innerText")
        for text in (reports.SCRIPT, reports.IMG, "</title></style></pre></details>", "&lt;b&gt;&#x3c;", "javascript:alert(1)"):
            self.assertIn(text, shown)
        self.assertNotRegex(page, "[\x01\x1b\u202e\u2066\ufeff]")
        self.assertEqual([0, 1, 0], self.browser.run(
            "return ['script, img, iframe, object, link', 'style', '[style], [onerror], [onclick]'].map(s => document.querySelectorAll(s).length)"))

    def test_accents_that_are_stacked_cover_nothing_else(self):
        """The title above is drawn as if the text below it had none."""
        tower = "e" + "\u0301" * 400
        shots = []
        for message in (tower, "e"):
            self.browser.open(self.write("tower", self.status(reports.node("pi-4", message=message), "html", code=0)), 360, "light")
            box = self.browser.run("const b = document.querySelector('h1').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]")
            clip = dict(zip(("x", "y", "width", "height"), box), scale=1)
            shots.append(self.browser.devtools("Page.captureScreenshot", format="png", clip=clip)["data"])
        self.assertEqual(shots[1], shots[0])

    def test_the_pages_own_policy_stops_what_would_have_slipped_through(self):
        """Also the proof that the browser's complaints and requests are seen here."""
        page = self.status(reports.bad_night(), "html")
        leak = "<script>window.owned=1</script><style>h1{display:none}</style><img src='http://127.0.0.1:9/leak'>"
        self.browser.open(self.write("leak", page.replace("<main>", "<main>" + leak)), 1280, "light")
        self.assertIsNone(self.browser.run("return window.owned === undefined ? null : window.owned"))
        self.assertTrue(self.browser.run(VERDICT)["seen"])
        refused = "\n".join(self.browser.messages())
        for directive in ("script", "style", "image"):
            self.assertRegex(refused, re.compile(directive, re.I))
        self.browser.open(self.write("open", page.replace("Content-Security-Policy", "x").replace("<main>", "<main>" + leak)), 1280, "light")
        self.assertEqual(1, self.browser.run("return window.owned"))
        self.assertIn("http://127.0.0.1:9/leak", self.browser.requests())

    def test_on_paper_nothing_is_folded(self):
        file = self.write("paper", self.fleet(reports.fleet()))
        self.browser.open(file, 800, "dark", media="print")
        hidden = "return [...document.querySelectorAll('details *')].filter(e => !e.checkVisibility()).length"
        self.assertEqual(0, self.browser.run(hidden))
        self.assertEqual("rgb(255, 255, 255)", self.browser.run("return getComputedStyle(document.body).backgroundColor"))
        self.browser.open(file, 800, "dark")
        self.assertGreater(self.browser.run(hidden), 0, "on a screen")

    # --- a fleet

    def test_a_fleet_of_500(self):
        inventory = self.nodeproof.folder / "inventory.txt"
        many = reports.fleet()
        inventory.write_text("\n".join([r["node"] for r in many[:-1]] + ["pi-404"]), encoding="utf-8")
        self.look("fleet", self.fleet(many, "--expect", inventory))
        self.assertEqual(["H1 5 of 500 nodes are not ready", "H2 What is wrong 3", "H3 4 nodes: PageSizeIncompatible", "H3 1 node: ArchMismatch",
                          "H3 2 nodes: RegistryUnreachable", "H2 Silent 19", "H2 Never heard of 1", "H2 Not expected 1"], self.outline())
        text = self.browser.run("return document.body.innerText")
        for words in ("pi-311", "Raspberry Pi 5 Model B (arm64)", "21 hours ago", "pi-404", "mute-19"):
            self.assertIn(words, text)

    def test_a_fleet_in_which_every_node_fails_in_its_own_way(self):
        cause = reports.bad_night()["images"][1]["findings"][0]
        many = [reports.failing(f"node-{i}.hall-3.example.com", ("arm64", f"Board {i}", 4096), cause | {"message": f"{i} " + "x" * 300})
                for i in range(500)]
        page = self.fleet(many)
        self.look("diverse", page)
        self.assertEqual(str(500 - page.count("<article")), re.search(r">(\d+) more groups are left out", page).group(1))

    def test_hostile_names_of_a_fleet_are_text(self):
        hostile = [reports.hostile() | {"node": text[:3000]} for text in reports.HOSTILE]
        hostile += [reports.node(text[:3000] + "mute", hours=5) for text in reports.HOSTILE]
        page = self.fleet(hostile)
        self.look("hostile-fleet", page)
        self.assertIsNone(self.browser.run("return window.owned === undefined ? null : window.owned"))
        self.assertIn(reports.SCRIPT, self.browser.run("return document.body.innerText"))

    # --- for pipelines

    def test_junit(self):
        suites = xml.fromstring(self.status(reports.bad_night(), "junit"))
        self.assertEqual(("2", "1", "1"), tuple(suites.get(name) for name in ("failures", "errors", "skipped")))
        self.assertEqual(["registry.lan:5000/shop/web:v7", reports.IMAGE, "registry.example.com/infra/telegraf:1.30", "pi-17"],
                         [suite.get("name") for suite in suites])
        xml.fromstring(self.status(reports.hostile(), "junit"))

    def test_sarif(self):
        for report in (reports.bad_night(), reports.hostile()):
            self.assert_sarif(json.loads(self.status(report, "sarif")))
        results = json.loads(self.status(reports.bad_night(), "sarif"))["runs"][0]["results"]
        self.assertEqual({"error": 1, "warning": 4, "note": 1},
                         {level: sum(r["level"] == level for r in results) for level in ("error", "warning", "note")})

    def assert_sarif(self, document: dict) -> None:
        """What SARIF 2.1.0 demands of these objects, and code scanning beyond it."""
        self.assertEqual("2.1.0", document["version"])
        (run,) = document["runs"]
        rules = run["tool"]["driver"]["rules"]
        self.assertEqual(len(rules), len({rule["id"] for rule in rules}))
        for result in run["results"]:
            self.assertEqual(result["ruleId"], rules[result["ruleIndex"]]["id"])
            self.assertIn(result["level"], ("error", "warning", "note"))
            self.assertTrue(result["message"]["text"])
            (location,) = result["locations"]
            # RFC 3986, relative-ref without a scheme, an authority or a way up
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            self.assertRegex(uri, r"^(?:[\w.~-]|%[0-9A-F]{2})+(?:/(?:[\w.~-]|%[0-9A-F]{2})+)*$")
            self.assertNotIn("..", uri.split("/"))
            self.assertEqual(1, location["physicalLocation"]["region"]["startLine"])
            self.assertRegex(result["partialFingerprints"]["primaryLocationLineHash"], r"^[0-9a-f]{16}:\d+$")
        prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
        self.assertEqual(len(prints), len(set(prints)))

    def test_what_a_command_does_not_print_is_refused(self):
        for arguments, said in ((("version", "-o", "html"), "no -o html"), (("fleet", "-o", "junit", "x.json"), "-o table, -o json or -o html"),
                                (("inspect", "-o", "html", "x"), "-o junit or -o sarif"), (("check", "--dry-run", "-o", "html"), "no -o html"),
                                (("plan", "-o", "sarif"), "no -o sarif")):
            with self.subTest(arguments):
                done = self.nodeproof(*arguments)
                self.assertEqual((64, ""), (done.code, done.stdout))
                self.assertIn(said, done.stderr)


if __name__ == "__main__":
    testing.main()

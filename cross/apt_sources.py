"""Prints one-line apt sources for SUITE, derived from the machine's own Debian sources.

The machine's configuration decides which mirror is used (and whether there is a security mirror), so no
mirror is named in this repository. Signatures are always checked with the Debian archive keyring.
Usage: apt_sources.py bookworm|trixie
"""

import glob
import re
import sys

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ROOT = "/etc/apt"


def own_codename() -> str:
    with open("/etc/os-release", encoding="utf-8") as f:
        found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', f.read(), re.M)
    if not found:
        sys.exit("apt_sources.py: /etc/os-release names no VERSION_CODENAME; a Debian release is needed")
    return found.group(1)


def one_line_entries():
    for path in [ROOT + "/sources.list", *sorted(glob.glob(ROOT + "/sources.list.d/*.list"))]:
        try:
            with open(path, encoding="utf-8") as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            found = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)", line.split("#")[0])
            if found:
                yield found.group(1), found.group(2)


def deb822_entries():
    for path in sorted(glob.glob(ROOT + "/sources.list.d/*.sources")):
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"^#.*\n", "", f.read(), flags=re.M)
        for stanza in re.split(r"\n\s*\n", text):
            joined = re.sub(r"\n[ \t]+", " ", stanza)
            fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", joined, re.M))
            fields = {k.lower(): v for k, v in fields.items()}
            if fields.get("enabled", "yes").strip().lower() == "no" or "deb" not in fields.get("types", ""):
                continue
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield uri, suite


def servers(uri: str) -> list[str]:
    """The URI itself; of a list of mirrors (mirror+file:) the first; nothing for a medium (cdrom:)."""
    if uri.startswith("mirror+file:"):
        with open(re.sub(r"^mirror\+file:/*", "/", uri), encoding="utf-8") as f:
            listed = [line.split()[0] for line in f if line.strip() and not line.startswith("#")]
        return listed[:1]
    return [] if uri.startswith("cdrom:") else [uri]


def main() -> int:
    wanted, own = sys.argv[1], own_codename()
    suffixes = ("", "-updates", "-security") if wanted == "bookworm" else ("",)
    seen = []
    for uri, suite in [*one_line_entries(), *deb822_entries()]:
        lines = [f"[signed-by={KEYRING}] {server} {wanted}{suffix} main"
                 for suffix in suffixes if suite == own + suffix for server in servers(uri)]
        seen += [line for line in lines if line not in seen]
    if not seen:
        sys.exit(f"apt_sources.py: the machine's apt sources name no Debian mirror for {own}")
    for line in seen:
        print("deb " + line)
        print("deb-src " + line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What is in the binary: an SPDX 2.3 document, and Debian's copyright file, both of cross/libraries.py and the build's manifests."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone

from libraries import Used

LINKS = {"archive": "STATIC_LINK", "headers": "CONTAINS", "protos": "GENERATED_FROM"}
VENDOR = "Organization: nodeproof"
# What says in Debian's common-licenses what an SPDX name means; of the others the notices have the text.
COMMON_LICENSES = {"Apache-2.0": "Apache-2.0", "LGPL-2.1-or-later": "LGPL-2.1", "LGPL-2.1-only": "LGPL-2.1", "GPL-3.0-or-later": "GPL-3",
                   "GPL-2.0-only": "GPL-2", "GPL-2.0-or-later": "GPL-2"}


@dataclass(frozen=True)
class Build:
    version: str
    commit: str
    arch: str
    epoch: int      # SOURCE_DATE_EPOCH
    sha256: str     # of the binary
    libraries: list[Used]


def spdx_id(name: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", lambda m: f"-{ord(m.group()):x}-", name)


def source_version(version: str) -> str:
    """Without the mark of a rebuild of the same source: 1.51.1-3+b1 is of 1.51.1-3."""
    return re.sub(r"\+b\d+$", "", version)


def purl(used: Used) -> str:
    kind = "source" if used.architecture == "source" else used.architecture
    version = used.version.replace("+", "%2B").replace(":", "%3A").replace("~", "~")
    return f"pkg:deb/debian/{used.library.package.replace('+', '%2B')}@{version}?arch={kind}&distro={used.library.suite}"


def library_entry(used: Used) -> dict:
    library = used.library
    return {
        "SPDXID": spdx_id(library.package),
        "name": library.package,
        "versionInfo": used.version,
        "packageFileName": used.file,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": used.sha256}],
        "sourceInfo": f"{library.name}; Debian source package {library.source} {source_version(used.version)} ({library.suite})",
        "licenseConcluded": library.licence,
        "licenseDeclared": library.licence,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl(used)}],
    }


def own_entry(build: Build) -> dict:
    return {
        "SPDXID": "SPDXRef-nodeproof",
        "name": "nodeproof",
        "versionInfo": build.version,
        "packageFileName": "usr/bin/nodeproof",
        "supplier": VENDOR,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": build.sha256}],
        "sourceInfo": f"commit {build.commit}, linux/{build.arch}",
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "Copyright the nodeproof authors",
        "primaryPackagePurpose": "APPLICATION",
    }


def document(build: Build) -> dict:
    entries = [library_entry(used) for used in build.libraries]
    text = json.dumps(entries, sort_keys=True) + build.sha256
    name = f"nodeproof-{build.version}-linux-{build.arch}"
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-nodeproof")]
    relations += [("SPDXRef-nodeproof", LINKS[used.library.how], spdx_id(used.library.package)) for used in build.libraries]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://nodeproof.dev/spdx/{name}-{hashlib.sha256(text.encode()).hexdigest()[:32]}",
        "creationInfo": {
            "created": datetime.fromtimestamp(build.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [VENDOR, f"Tool: nodeproof-cross-package-{build.version}"],
        },
        "packages": [own_entry(build), *entries],
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in relations],
    }


def to_text(build: Build) -> str:
    return json.dumps(document(build), indent=1) + "\n"


def copyright_file(build: Build) -> str:
    """/usr/share/doc/nodeproof/copyright: short; the notices in full are in copyright.libraries.gz."""
    rows = []
    for used in build.libraries:
        library = used.library
        rows.append(f" {library.name}\n   {library.package} {used.version}, of Debian's source package {library.source}\n   {library.licence}")
    common = "\n".join(f" {spdx}: /usr/share/common-licenses/{file}" for spdx, file in COMMON_LICENSES.items())
    return f"""nodeproof {build.version}, commit {build.commit}

Copyright (C) 2026 the nodeproof authors
License: Apache-2.0

 Licensed under the Apache License, Version 2.0; you may not use this program except in compliance with the License.
 On Debian systems its text is in /usr/share/common-licenses/Apache-2.0.

/usr/bin/nodeproof is one static program. It holds parts of these libraries and of nothing else; sbom.spdx.json beside this
file has their checksums, and copyright.libraries.gz Debian's copyright file of each, with authors it leaves out:

{chr(10).join(rows)}

Where the licence is one of these, its text is on Debian systems in:

{common}

glibc and libseccomp are under the LGPL: nodeproof's whole source, with the recipes that fetch the libraries above and link it
anew (cross/), is where you have this package from, so that it can be linked with a changed glibc or libseccomp. libgcc and libstdc++ are under the GPL
with the GCC Runtime Library Exception 3.1, which lets what they are linked into be conveyed under terms of one's choice.
"""

"""The libraries of others that are in the binary: the one place that knows their names, sources and licences.

What a build really used is in the manifests beside its sysroot, its libraries and its .proto files (lines as in cross/lock).
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

CROSS = os.path.dirname(os.path.abspath(__file__))


@dataclass(frozen=True)
class Library:
    package: str  # Debian binary package; of a .dsc its source package
    name: str     # the name people know
    source: str   # Debian source package
    licence: str  # SPDX expression of what of it can be in the binary
    how: str = "archive"  # archive: a static library; headers: templates; protos: code generated from it
    suite: str = "bookworm"


GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"
# Packages of the manifests that are not named here leave nothing in the binary.
LIBRARIES = (
    Library("libabsl-dev", "abseil", "abseil", "Apache-2.0"),
    Library("libarchive-dev", "libarchive", "libarchive", "BSD-2-Clause"),
    Library("libboost1.81-dev", "Boost", "boost1.81", "BSL-1.0", "headers"),
    Library("libc-ares-dev", "c-ares", "c-ares", "MIT"),
    Library("libc6-dev", "glibc", "glibc", "LGPL-2.1-or-later"),
    Library("libcli11-dev", "CLI11", "cli11", "BSD-3-Clause", "headers"),
    Library("libgcc-12-dev", "libgcc", "gcc-12", GCC),
    Library("libgrpc++-dev", "gRPC", "grpc", "Apache-2.0"),
    Library("libgrpc-dev", "gRPC", "grpc", "Apache-2.0 AND BSD-3-Clause"),  # with upb
    Library("libisal", "ISA-L", "libisal", "BSD-3-Clause"),
    Library("libnghttp2-dev", "nghttp2", "nghttp2", "MIT"),
    Library("libprotobuf-dev", "protobuf", "protobuf", "BSD-3-Clause"),
    Library("libre2-dev", "RE2", "re2", "BSD-3-Clause"),
    Library("libseccomp-dev", "libseccomp", "libseccomp", "LGPL-2.1-only"),
    Library("libssl-dev", "OpenSSL", "openssl", "Apache-2.0"),
    Library("libstdc++-12-dev", "libstdc++", "gcc-12", GCC),
    Library("libtomlplusplus-dev", "toml++", "tomlplusplus", "MIT", "headers"),
    Library("libxxhash-dev", "xxHash", "xxhash", "BSD-2-Clause"),
    Library("libyaml-dev", "libyaml", "libyaml", "MIT"),
    Library("libzstd-dev", "zstd", "libzstd", "BSD-3-Clause OR GPL-2.0-only"),
    Library("rapidjson-dev", "RapidJSON", "rapidjson", "MIT", "headers", "trixie"),
    Library("zlib1g-dev", "zlib", "zlib", "Zlib"),
    Library("golang-github-containerd-containerd-dev", "containerd API", "containerd", "Apache-2.0", "protos", "trixie"),
    Library("golang-github-kubernetes-cri-api-dev", "Kubernetes CRI API", "golang-github-kubernetes-cri-api", "Apache-2.0",
            "protos", "trixie"),
    Library("curl", "curl", "curl", "curl", "archive", "trixie"),
    Library("mbedtls", "mbedTLS", "mbedtls", "Apache-2.0 OR GPL-2.0-or-later", "archive", "trixie"),
)


@dataclass(frozen=True)
class Used:
    library: Library
    version: str       # Debian's
    architecture: str  # amd64, arm64, all, source
    file: str          # what the archive has: PACKAGE_VERSION_ARCH.deb, or the .dsc
    sha256: str        # of that file


def used(manifests: list[str]) -> list[Used]:
    """What the manifests name of the table, in the table's order; a library without a line ends the program."""
    lines = {}
    for path in manifests:
        with open(path, encoding="utf-8") as f:
            for _, package, version, architecture, sha256 in (line.split() for line in f):
                dsc = re.fullmatch(r"([a-z0-9+-]+)_.*\.dsc", package)
                escaped = version.replace(":", "%3a")
                file = package if architecture == "source" else f"{package}_{escaped}_{architecture}.deb"
                lines[dsc.group(1) if dsc else package] = (version, architecture, file, sha256)
    missing = sorted({library.name for library in LIBRARIES if library.package not in lines})
    if missing:
        sys.exit(f"libraries.py: the manifests do not name {', '.join(missing)}")
    return [Used(library, *lines[library.package]) for library in LIBRARIES]


def manifests_of(arch: str) -> list[str]:
    where = subprocess.run([os.path.join(CROSS, "where"), arch], capture_output=True, text=True, check=True).stdout.strip()
    return [os.path.join(os.path.dirname(root), "manifest") for root in where.split(";")]

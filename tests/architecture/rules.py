"""The include rules of the project as data, and the functions that apply them to one file's text."""

import fnmatch
import re

STAGES = ["host", "resolve", "prepull", "inspect", "smoke", "index", "report"]
MODEL = ["agent/model.hpp", "agent/model_json.hpp", "agent/codes.hpp", "agent/json_read.hpp", "agent/smoke_json.hpp"]
PORTS = [
    "agent/registry/registry.hpp",
    "agent/registry/writer.hpp",
    "agent/containerd/image_store.hpp",
    "agent/containerd/chain_store.hpp",
    "agent/containerd/container_runtime.hpp",
    "agent/unpack/layer_unpacker.hpp",
]
# Of the room of the Kubernetes API: what reads this host's folders, and asks nobody.
OF_MANIFESTS = ["agent/kubernetes/static_pods.hpp"]
STAGE_HEADERS = [f"agent/{stage}/*.hpp" for stage in STAGES]

# Who may include what of ours: the first row whose pattern matches the includer decides.
OWN = [
    ("common/*", ["common/*", "generated/build_info.inc"]),
    ("agent/smoke/syscall_names.cpp", ["agent/smoke/*", "generated/syscalls_*.inc"]),
    *[(f"agent/{stage}/*", ["common/*", *MODEL, *PORTS, f"agent/{stage}/*"]) for stage in STAGES],
    ("agent/config/*", ["common/*", *MODEL, "agent/config/*"]),
    ("agent/registry/*", ["common/*", *MODEL, "agent/registry/*"]),
    ("agent/containerd/*", ["common/*", *MODEL, "agent/containerd/*"]),
    ("agent/kubernetes/*", ["common/*", *MODEL, "agent/kubernetes/*"]),
    ("agent/unpack/*", ["common/*", "agent/unpack/*"]),  # knows files, not the product
    ("agent/cli/*", ["common/*", "agent/*.hpp"]),  # constructs the adapters
    ("agent/main.cpp", ["common/*", "agent/cli/*"]),
    # cycle and daemon: every stage and port, no adapter
    ("agent/*", ["common/*", "agent/[!/]*.hpp", "agent/config/*", *PORTS, *OF_MANIFESTS, *STAGE_HEADERS]),
    ("tests/*", ["*"]),
]

# Private to the gRPC adapters, because they include gRPC.
GRPC_ONLY = ["agent/containerd/*.cpp", "agent/containerd/*_grpc.hpp"]

# Each library of others has one includer.
THIRD_PARTY = [
    ("rapidjson/*", ["common/json.cpp", "common/json_*.cpp"]),
    ("curl/*", ["common/http_curl.cpp"]),
    ("mbedtls/*", ["common/crypto.cpp", "common/crypto_*.cpp"]),
    ("psa/*", ["common/crypto.cpp", "common/crypto_*.cpp"]),
    ("zlib.h", ["common/layer_*.cpp"]),
    ("zstd*.h", ["common/layer_*.cpp"]),
    ("isa-l*", ["common/layer_*.cpp"]),
    ("igzip_lib.h", ["common/layer_*.cpp"]),
    ("archive*.h", ["common/layer_*.cpp", "common/tar_*.cpp"]),
    ("grpc*", GRPC_ONLY),
    ("google/*", GRPC_ONLY),
    ("*.pb.h", GRPC_ONLY),
    ("*_grpc.hpp", GRPC_ONLY),
    ("boost/*", ["agent/daemon*.cpp"]),
    ("CLI/*", ["agent/cli/*"]),
    # A static binary dies in the host's name service modules: common/no_nss.cpp says why.
    ("netdb.h", ["common/no_nss.cpp"]),
    ("pwd.h", ["common/no_nss.cpp"]),
    ("grp.h", ["common/no_nss.cpp"]),
    ("iconv.h", ["common/no_nss.cpp"]),
    ("dlfcn.h", []),
    ("ares*.h", []),
    ("nghttp2/*", []),
    ("openssl/*", ["common/crypto.cpp"]),
    ("xxhash.h", ["common/content_hash.cpp"]),
    ("absl/*", []),
    ("re2/*", ["common/pattern.cpp"]),
    ("toml++/*", ["common/toml.cpp"]),
    ("yaml.h", ["common/yaml.cpp"]),
    ("seccomp.h", ["agent/unpack/filter.cpp"]),
]
# gtest, gmock and the fakes' needs are the tests' own affair.
TEST_INCLUDERS = ["tests/*"]
SYSTEM_FOLDERS = ("sys/", "linux/", "arpa/", "net/", "netinet/", "asm/", "bits/")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
COROUTINE = re.compile(r"\bco_(await|return|yield)\b")
# A host named after the distribution, or its archive's usual folder on any host; not an image called debian.
MIRROR = re.compile(r"""https?://(?:[^/\s"']*(?:debian|ubuntu)[^\s"']*
                        |[^\s"']*/(?:debian|ubuntu)(?:-security)?(?:/(?:dists|pool)\b|/?(?=["'\s]|$)))""", re.I | re.X)
MAX_LINES = 500


def matches(name: str, patterns: list[str]) -> bool:
    # fnmatch's * crosses slashes; [!/]* does not match them at its first character only, so it is spelt out.
    for pattern in patterns:
        if "[!/]*" in pattern:
            if re.fullmatch(re.escape(pattern).replace(re.escape("[!/]*"), "[^/]*"), name):
                return True
        elif fnmatch.fnmatchcase(name, pattern):
            return True
    return False


def third_party_rule(name: str):
    return next((allowed for pattern, allowed in THIRD_PARTY if matches(name, [pattern])), None)


def include_faults(path: str, text: str, exists) -> list[str]:
    """What is wrong with the #include lines of one .cpp or .hpp file; `exists(path)` knows the repository's files."""
    faults = []
    for bracket, name in INCLUDE.findall(text):
        rule = third_party_rule(name)
        if rule is not None:
            if not matches(path, rule + TEST_INCLUDERS):
                faults.append(f"{path} includes {name}; only {', '.join(rule) or 'nobody'} may")
        elif bracket == '"':
            faults += own_include_faults(path, name, exists)
        elif "/" in name and not name.startswith((*SYSTEM_FOLDERS, "gtest/", "gmock/")):
            faults.append(f"{path} includes <{name}>, a library tests/architecture/rules.py does not know")
    return faults


def own_include_faults(path: str, name: str, exists) -> list[str]:
    if not name.startswith("generated/") and not exists(name):
        return [f'{path} includes "{name}", which is not a path from the repository\'s root']
    allowed = next((allowed for pattern, allowed in OWN if matches(path, [pattern])), None)
    if allowed is None:
        return [f"{path} is in no room"]
    return [] if matches(name, allowed) else [f"{path} must not include {name}"]


def text_faults(path: str, text: str) -> list[str]:
    faults = []
    lines = text.count("\n")
    if lines > MAX_LINES:
        faults.append(f"{path} has {lines} lines; {MAX_LINES} is the limit")
    if path.endswith((".cpp", ".hpp")) and COROUTINE.search(text) and not matches(path, ["agent/daemon*"]):
        faults.append(f"{path} uses coroutines; only agent/daemon* may")
    if not path.endswith(".md") and MIRROR.search(text):
        faults.append(f"{path} names a package mirror: {MIRROR.search(text).group(0)}")
    return faults

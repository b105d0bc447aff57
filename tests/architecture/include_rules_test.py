"""The diagram of the rooms, checked: who includes whom, how long files are, what lies at the top."""

import os
import subprocess
import unittest

import rules

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOP = {"CMakeLists.txt", "agent", "common", "cross", "systemd", "tests", "toolchains", "README.md", ".ci", "CMakePresets.json",
       "LICENSE", "CHANGELOG.md", "SECURITY.md", ".clang-format", ".clang-tidy", ".gitignore", ".gitattributes", ".github"}
TEXT = (".cpp", ".hpp", ".py", ".cmake", ".sh", ".bash", ".txt", ".json", ".service", ".target")
UNLIMITED = ("LICENSE", "cross/lock", "tests/fixtures/")


def repository_files() -> list[str]:
    """Tracked files and those about to be; without git (a source tarball) every file that is not built."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted(f for f in set(listed.stdout.splitlines()) if os.path.isfile(os.path.join(ROOT, f)))
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(found)


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


class Repository(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = repository_files()
        cls.sources = [f for f in cls.files if f.endswith((".cpp", ".hpp"))]

    def expect_none(self, faults: list[str]):
        self.assertEqual([], faults, "\n" + "\n".join(faults))

    def test_there_is_something_to_check(self):
        self.assertGreater(len([f for f in self.sources if f.startswith("common/")]), 10)
        self.assertGreater(len([f for f in self.sources if f.startswith("agent/")]), 10)

    def test_every_file_includes_only_what_its_room_may(self):
        known = set(self.files)
        self.expect_none([fault for path in self.sources for fault in rules.include_faults(path, read(path), known.__contains__)])

    def test_no_file_is_too_long_uses_coroutines_or_names_a_mirror(self):
        texts = [f for f in self.files if (f.endswith(TEXT) or f.startswith(("cross/", ".ci/"))) and not f.startswith(UNLIMITED)]
        self.expect_none([fault for path in texts for fault in rules.text_faults(path, read(path))])

    def test_the_top_level_holds_only_what_belongs_there(self):
        self.expect_none(sorted({f.split("/")[0] for f in self.files} - TOP))
        self.assertEqual(["toolchains/amd64.cmake", "toolchains/arm64.cmake"],
                         [f for f in self.files if f.startswith("toolchains/")])


class RulesCatch(unittest.TestCase):
    """Each rule, seen to fire on a sample that breaks it."""

    def faults(self, path: str, line: str) -> list[str]:
        return rules.include_faults(path, line + "\n", lambda name: True)

    def assert_caught(self, path: str, line: str):
        self.assertEqual(1, len(self.faults(path, line)), f"{line} in {path}")

    def assert_allowed(self, path: str, line: str):
        self.assertEqual([], self.faults(path, line))

    def test_common_that_knows_the_product(self):
        self.assert_caught("common/http.hpp", '#include "agent/model.hpp"')
        self.assert_allowed("common/http.hpp", '#include "common/error.hpp"')

    def test_the_sink_for_kubernetes_that_knows_more_than_the_report(self):
        for header in ("agent/report/overridden.hpp", "agent/daemon.hpp", "agent/config/config.hpp", "agent/registry/registry.hpp"):
            self.assert_caught("agent/kubernetes/publish.cpp", f'#include "{header}"')
        self.assert_allowed("agent/kubernetes/publish.cpp", '#include "agent/model.hpp"')
        self.assert_caught("agent/report/json.cpp", '#include "agent/kubernetes/publish.hpp"')

    def test_a_stage_that_knows_another(self):
        self.assert_caught("agent/resolve/choose.cpp", '#include "agent/host/host.hpp"')
        self.assert_caught("agent/smoke/smoke.cpp", '#include "agent/cycle.hpp"')
        self.assert_caught("agent/host/host.cpp", '#include "agent/config/config.hpp"')
        self.assert_allowed("agent/resolve/choose.cpp", '#include "agent/model.hpp"')

    def test_a_stage_that_knows_an_adapter(self):
        self.assert_caught("agent/prepull/prepull.cpp", '#include "agent/registry/http_registry.hpp"')
        self.assert_caught("agent/prepull/prepull.cpp", '#include "agent/containerd/grpc_image_store.hpp"')
        self.assert_allowed("agent/prepull/prepull.cpp", '#include "agent/containerd/image_store.hpp"')

    def test_a_cycle_that_constructs_adapters(self):
        self.assert_caught("agent/cycle.cpp", '#include "agent/registry/http_registry.hpp"')
        self.assert_caught("agent/cycle.cpp", '#include "agent/cli/command.hpp"')
        self.assert_allowed("agent/cycle.cpp", '#include "agent/resolve/resolve.hpp"')
        self.assert_allowed("agent/cli/wiring.cpp", '#include "agent/registry/http_registry.hpp"')

    def test_the_writer_of_layers_that_knows_the_product_and_who_makes_it_besides_the_command_line(self):
        for header in ("agent/model.hpp", "agent/config/config.hpp", "agent/containerd/image_store.hpp", "agent/prepull/prepull.hpp"):
            self.assert_caught("agent/unpack/broker.cpp", f'#include "{header}"')
        self.assert_allowed("agent/unpack/broker.cpp", '#include "common/layer_writer.hpp"')
        self.assert_allowed("agent/prepull/image_pull.cpp", '#include "agent/unpack/layer_unpacker.hpp"')
        for includer in ("agent/prepull/image_pull.cpp", "agent/cycle.cpp", "agent/smoke/run.cpp"):
            self.assert_caught(includer, '#include "agent/unpack/broker.hpp"')
        self.assert_allowed("agent/cli/wiring.cpp", '#include "agent/unpack/broker.hpp"')

    def test_a_second_includer_of_a_library(self):
        for header in ("rapidjson/document.h", "curl/curl.h", "mbedtls/ssl.h", "psa/crypto.h", "zlib.h", "zstd.h", "archive.h",
                       "grpcpp/grpcpp.h", "google/protobuf/any.pb.h", "boost/asio.hpp", "CLI/App.hpp", "netdb.h", "pwd.h",
                       "seccomp.h", "isa-l.h", "isa-l/igzip_lib.h"):
            self.assert_caught("agent/report/json.cpp", f"#include <{header}>")
        self.assert_caught("agent/report/json.cpp", '  # include "github.com/containerd/containerd/api/types/mount.pb.h"')
        self.assert_caught("agent/cli/wiring.cpp", '#include "agent/containerd/channel_grpc.hpp"')
        self.assert_caught("agent/unpack/write.cpp", "#include <seccomp.h>")
        self.assert_allowed("agent/unpack/filter.cpp", "#include <seccomp.h>")

    def test_a_library_nobody_has_decided_about(self):
        self.assert_caught("common/json.cpp", "#include <nlohmann/json.hpp>")
        self.assert_allowed("common/json.cpp", "#include <sys/stat.h>")

    def test_an_include_that_is_not_from_the_root(self):
        self.assertEqual(1, len(rules.include_faults("common/a.cpp", '#include "error.hpp"\n', lambda name: False)))

    def test_long_files_coroutines_and_mirrors(self):
        self.assertEqual([], rules.text_faults("common/a.cpp", "x\n" * 500))
        self.assertEqual(1, len(rules.text_faults("common/a.cpp", "x\n" * 501)))
        self.assertEqual(1, len(rules.text_faults("agent/cycle.cpp", "co_await x;\n")))
        self.assertEqual([], rules.text_faults("agent/daemon.cpp", "co_await x;\n"))
        for url in ("http://mirror.example/" + "debian", "http://deb.deb" + "ian.org/x", "http://m.example/deb" + "ian/pool/a"):
            self.assertEqual(1, len(rules.text_faults("cross/a", url + "\n")), url)
        self.assertEqual([], rules.text_faults("tests/a.py", "https://registry.example/v2/library/debian/manifests/latest\n"))


if __name__ == "__main__":
    unittest.main()

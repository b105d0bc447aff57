#include "agent/inspect/reachability.hpp"

#include <gtest/gtest.h>

#include "agent/inspect/script.hpp"
#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

using fakes::make_elf;
using fakes::TarWriter;

constexpr const char* kObstacles[] = {
    "command_missing",     "not_executable",   "not_a_program",   "empty",
    "interpreter_missing", "script_loop",      "loader_missing",  "library_missing",
    "library_elsewhere",   "library_injected", "library_foreign", "unknown"};

struct Outcome {
  std::vector<std::string> files;     // in the order they were reached
  std::vector<std::string> problems;  // "library_missing libx.so.1"
};

Outcome reach_in(const TarWriter& tar, const Start& start) {
  const std::vector<LayerInventory> layers{inventory_of(tar)};
  const MergedView view(layers);
  const Reachability reached = reach(view, {start});
  Outcome outcome;
  for (const Reached& file : reached.files) outcome.files.push_back(file.path);
  for (const Problem& problem : reached.problems) {
    outcome.problems.push_back(std::string(kObstacles[static_cast<int>(problem.obstacle)]) + " " +
                               problem.subject);
  }
  return outcome;
}

Outcome reach_in(const TarWriter& tar, const std::string& command,
                 std::vector<std::string> env = {}) {
  return reach_in(tar, {"entrypoint", command, std::move(env), ""});
}

using Lines = std::vector<std::string>;

// A root file system with loader and C library.
TarWriter base() {
  TarWriter tar;
  tar.file("lib/ld-linux-aarch64.so.1", arm64_library("ld-linux-aarch64.so.1"), 0755);
  tar.file("lib/aarch64-linux-gnu/libc.so.6", arm64_library("libc.so.6", {"ld-linux-aarch64.so.1"}),
           0755);
  return tar;
}
const Lines kBase{"lib/ld-linux-aarch64.so.1", "lib/aarch64-linux-gnu/libc.so.6"};

Lines with_base(Lines files) {
  files.insert(files.begin() + 1, kBase.begin(), kBase.end());
  return files;
}

TEST(Reach, FollowsTheProgramItsLoaderAndItsLibraries) {
  const Outcome outcome = reach_in(base().file("app", arm64_program({"libc.so.6"}), 0755), "/app");
  EXPECT_EQ(outcome.files, with_base({"app"}));
  EXPECT_EQ(outcome.problems, Lines{});
}

TEST(Reach, AStaticProgramNeedsNothingElse) {
  const Outcome outcome = reach_in(TarWriter().file("app", static_program(183), 0755), "/app");
  EXPECT_EQ(outcome.files, Lines{"app"});
  EXPECT_EQ(outcome.problems, Lines{});
}

TEST(Reach, LooksUpABareNameInThePathOfTheImage) {
  TarWriter tar;
  tar.file("usr/bin/app", static_program(183), 0644).file("opt/bin/app", static_program(183), 0755);
  EXPECT_EQ(reach_in(tar, "app", {"PATH=/usr/bin:/opt/bin"}).files, Lines{"opt/bin/app"})
      << "a file without x bit is passed over";
  EXPECT_EQ(reach_in(tar, "app").problems, Lines{"not_executable /usr/bin/app"})
      << "without PATH the runtimes' default counts";
  EXPECT_EQ(reach_in(tar, "no-such").problems, Lines{"command_missing no-such"});
  EXPECT_EQ(reach_in(tar, "/usr/bin/app").problems, Lines{"not_executable /usr/bin/app"});
}

TEST(Reach, ARelativeCommandStartsAtTheWorkingDirectory) {
  TarWriter tar;
  tar.file("srv/app", static_program(183), 0755);
  EXPECT_EQ(reach_in(tar, {"entrypoint", "./app", {}, "/srv"}).files, Lines{"srv/app"});
  EXPECT_EQ(reach_in(tar, {"entrypoint", "./app", {}, ""}).problems,
            Lines{"command_missing ./app"});
}

TEST(Reach, FollowsScriptsToTheirInterpreters) {
  TarWriter tar;
  tar.file("bin/busybox", static_program(183), 0755).symlink("bin/sh", "busybox");
  tar.file("run", "#! /bin/sh -e\necho\n", 0755).file("run2", "#!/run\n", 0755);
  const Outcome outcome = reach_in(tar, "/run2");
  EXPECT_EQ(outcome.files, (Lines{"run2", "run", "bin/busybox"}));
  EXPECT_EQ(outcome.problems, Lines{});
}

TEST(Reach, EnvInAScriptLooksInPath) {
  TarWriter tar;
  tar.file("usr/bin/env", static_program(183), 0755)
      .file("opt/py/python3", static_program(183), 0755);
  tar.file("run", "#!/usr/bin/env python3\n", 0755);
  tar.file("run-s", "#!/usr/bin/env -S A=b python3 -u\n", 0755);
  for (const char* command : {"/run", "/run-s"}) {
    const Outcome outcome = reach_in(tar, command, {"PATH=/opt/py"});
    EXPECT_EQ(outcome.files.back(), "opt/py/python3");
    EXPECT_EQ(outcome.problems, Lines{});
  }
  EXPECT_EQ(reach_in(tar, "/run", {"PATH=/bin"}).problems, Lines{"command_missing python3"});
}

TEST(Reach, EnvStartsAScriptWithoutAnInterpreterByTheShell) {
  TarWriter tar;
  tar.file("usr/bin/env", static_program(183), 0755).file("bin/tool", "echo hello\n", 0755);
  tar.file("run", "#!/usr/bin/env tool\n", 0755).file("bin/cut", "", 0755);
  tar.file("run-cut", "#!/usr/bin/env cut\n", 0755);
  EXPECT_EQ(reach_in(tar, "/run").problems, Lines{});
  EXPECT_EQ(reach_in(tar, "/run").files.back(), "bin/tool");
  EXPECT_EQ(reach_in(tar, "/run-cut").problems, Lines{"empty /bin/cut"});
}

TEST(Reach, NamesWhatIsWrongWithAScript) {
  TarWriter tar;
  tar.file("bin/sh", static_program(183), 0755);
  tar.file("windows", "#!/bin/sh\r\n", 0755).file("bare", "echo hello\n", 0755);
  tar.file("loop", "#!/loop\n", 0755).file("nothing", "#!\n", 0755).file("zero", "", 0755);
  EXPECT_EQ(reach_in(tar, "/windows").problems.size(), 1U);
  EXPECT_TRUE(reach_in(tar, "/windows").problems[0].starts_with("interpreter_missing"));
  EXPECT_EQ(reach_in(tar, "/bare").problems, Lines{"not_a_program /bare"});
  EXPECT_EQ(reach_in(tar, "/loop").problems, Lines{"script_loop /loop"});
  EXPECT_EQ(reach_in(tar, "/nothing").problems, Lines{"not_a_program /nothing"});
  EXPECT_EQ(reach_in(tar, "/zero").problems, Lines{"empty /zero"});
}

TEST(Reach, AMissingLoaderIsToldOnce) {
  EXPECT_EQ(reach_in(TarWriter().file("app", arm64_program({"libc.so.6"}), 0755), "/app").problems,
            Lines{"loader_missing /lib/ld-linux-aarch64.so.1"});
}

TEST(Reach, AMissingLibraryIsToldWithTheOneWhoWantsIt) {
  TarWriter tar = base();
  tar.file("usr/lib/liba.so", arm64_library("liba.so", {"libb.so.1", "libcuda.so.1"}));
  tar.file("app", arm64_program({"liba.so", "libc.so.6"}), 0755);
  EXPECT_EQ(reach_in(tar, "/app").problems,
            (Lines{"library_missing libb.so.1", "library_injected libcuda.so.1"}));
  tar.file("opt/odd/libb.so.1", arm64_library("libb.so.1"));
  EXPECT_EQ(reach_in(tar, "/app").problems,
            (Lines{"library_elsewhere libb.so.1", "library_injected libcuda.so.1"}));
}

TEST(Reach, ALibraryOnlyForAnotherMachineIsForeign) {
  TarWriter tar = base();
  tar.file("usr/lib/libx.so", make_elf({.machine = 62, .soname = "libx.so"}));
  tar.file("app", arm64_program({"libx.so"}), 0755);
  EXPECT_EQ(reach_in(tar, "/app").problems, Lines{"library_foreign /usr/lib/libx.so"});
  // The loader passes over it when the right one comes later.
  tar.file("lib/aarch64-linux-gnu/libx.so", arm64_library("libx.so"));
  tar.file("etc/ld.so.conf", "/usr/lib\n");
  EXPECT_EQ(reach_in(tar, "/app").problems, Lines{});
}

TEST(Reach, ALoaderForAnotherMachineIsForeign) {
  TarWriter tar;
  tar.file("lib/ld-linux-aarch64.so.1", make_elf({.machine = 62}), 0755);
  tar.file("app", arm64_program(), 0755);
  EXPECT_EQ(reach_in(tar, "/app").problems, Lines{"library_foreign /lib/ld-linux-aarch64.so.1"});
}

struct Rule {
  const char* name;
  fakes::ElfSpec program;
  const char* library;  // where libx.so lies
  std::vector<std::string> env;
};

class LoaderRule : public testing::TestWithParam<Rule> {};

TEST_P(LoaderRule, FindsTheLibrary) {
  const Rule& rule = GetParam();
  TarWriter tar = base();
  tar.file("etc/ld.so.conf", "# comment\ninclude /etc/ld.so.conf.d/*.conf\n/opt/conf\n");
  tar.file("etc/ld.so.conf.d/x.conf", "/opt/confd # here\n")
      .file("etc/ld.so.conf.d/y.no", "/opt/no\n");
  fakes::ElfSpec spec = rule.program;
  spec.interpreter = kLoader;
  spec.needed = {"libx.so"};
  tar.file("opt/app/bin/app", make_elf(spec), 0755).file(rule.library, arm64_library("libx.so"));
  const Outcome outcome = reach_in(tar, "/opt/app/bin/app", rule.env);
  EXPECT_EQ(outcome.problems, Lines{});
  EXPECT_EQ(outcome.files.back(), rule.library);
}

INSTANTIATE_TEST_SUITE_P(
    Glibc, LoaderRule,
    testing::Values(Rule{"rpath", {.rpath = "/opt/r"}, "opt/r/libx.so", {}},
                    Rule{"runpath", {.runpath = "/a:/opt/r"}, "opt/r/libx.so", {}},
                    Rule{"origin", {.runpath = "$ORIGIN/../lib"}, "opt/app/lib/libx.so", {}},
                    Rule{"origin in braces", {.rpath = "${ORIGIN}"}, "opt/app/bin/libx.so", {}},
                    Rule{"lib", {.rpath = "/opt/$LIB"}, "opt/lib/aarch64-linux-gnu/libx.so", {}},
                    Rule{"LD_LIBRARY_PATH", {}, "opt/e/libx.so", {"LD_LIBRARY_PATH=/opt/e"}},
                    Rule{"ld.so.conf", {}, "opt/conf/libx.so", {}},
                    Rule{"ld.so.conf.d", {}, "opt/confd/libx.so", {}},
                    Rule{"multiarch", {}, "usr/lib/aarch64-linux-gnu/libx.so", {}},
                    Rule{"lib64", {}, "usr/lib64/libx.so", {}}),
    [](const auto& info) { return "Case" + std::to_string(info.index); });

TEST(Reach, ARunPathCountsForItsOwnObjectAnRpathForAllBelow) {
  TarWriter tar = base();
  tar.file("usr/lib/liba.so", arm64_library("liba.so", {"libb.so"}));
  tar.file("opt/r/libb.so", arm64_library("libb.so"));
  TarWriter with_rpath = tar;
  const auto program = [](const char* rpath, const char* runpath) {
    return make_elf({.interpreter = std::string(kLoader),
                     .needed = {"liba.so"},
                     .rpath = rpath,
                     .runpath = runpath});
  };
  with_rpath.file("app", program("/opt/r", ""), 0755);
  EXPECT_EQ(reach_in(with_rpath, "/app").problems, Lines{});
  tar.file("app", program("", "/opt/r"), 0755);
  EXPECT_EQ(reach_in(tar, "/app").problems, Lines{"library_elsewhere libb.so"});
}

TEST(Reach, WhatIsPreloadedIsNeededAndWhatCannotBeIsNoProblem) {
  TarWriter tar = base();
  tar.file("app", make_elf({.interpreter = std::string(kLoader)}), 0755);
  tar.file("usr/lib/libjemalloc.so.2", arm64_library("libjemalloc.so.2", {"libabsent.so"}));
  tar.file("opt/foreign.so", static_program(elf::kMachineX86_64));
  const Outcome outcome = reach_in(
      tar, "/app", {"LD_PRELOAD=libjemalloc.so.2:/opt/foreign.so /opt/none.so libgone.so"});
  EXPECT_EQ(outcome.problems, Lines{"library_missing libabsent.so"});
  EXPECT_EQ(outcome.files.back(), "usr/lib/libjemalloc.so.2");
}

TEST(Reach, MuslHasItsOwnRules) {
  TarWriter tar;
  tar.file("lib/ld-musl-aarch64.so.1", arm64_library("libc.musl-aarch64.so.1"), 0755);
  tar.file("usr/local/lib/libx.so", arm64_library("libx.so", {"libc.musl-aarch64.so.1"}));
  const std::string program = make_elf(
      {.interpreter = "/lib/ld-musl-aarch64.so.1", .needed = {"libx.so", "libpthread.so.0"}});
  tar.file("app", program, 0755);
  EXPECT_EQ(reach_in(tar, "/app").problems, Lines{});
  tar.file("etc/ld-musl-aarch64.path", "/lib:/usr/lib\n");
  EXPECT_EQ(reach_in(tar, "/app").problems, Lines{"library_elsewhere libx.so"});
}

TEST(Reach, ASonameAlreadyLoadedIsNotLookedFor) {
  TarWriter tar = base();
  tar.file("opt/liba.so", arm64_library("libother.so.2"));
  tar.file(
      "app",
      make_elf({.interpreter = std::string(kLoader), .needed = {"/opt/liba.so", "libother.so.2"}}),
      0755);
  EXPECT_EQ(reach_in(tar, "/app").problems, Lines{});
}

TEST(Reach, AHostileClosureEnds) {
  TarWriter tar = base();
  std::vector<std::string> needed;
  for (int i = 0; i < 2000; ++i) needed.push_back("lib" + std::to_string(i) + ".so");
  std::string rpath;
  for (int i = 0; i < 2000; ++i) rpath += "/d" + std::to_string(i) + ":";
  tar.file("app", make_elf({.interpreter = std::string(kLoader), .needed = needed, .rpath = rpath}),
           0755);
  EXPECT_LT(reach_in(tar, "/app").problems.size(), 100U);
}

TEST(Script, IsReadAsTheKernelDoes) {
  EXPECT_EQ(parse_script_line("#!  /bin/a \t x y  \nrest")->interpreter, "/bin/a");
  EXPECT_EQ(parse_script_line("#!  /bin/a \t x y  \nrest")->argument, "x y");
  EXPECT_EQ(parse_script_line("#!/bin/a\r\n")->interpreter, "/bin/a\r");
  EXPECT_FALSE(parse_script_line("#! \n/bin/a"));
  EXPECT_FALSE(parse_script_line("/bin/a"));
  EXPECT_EQ(env_command("python3"), "python3");
  EXPECT_EQ(env_command("python3 -u"), "python3 -u") << "one argument, and env will not find it";
  EXPECT_EQ(env_command("-S python3 -u"), "python3");
  EXPECT_EQ(env_command("-i"), "");
}

}  // namespace
}  // namespace nodeproof::inspect

#include "agent/host/aarch32.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "agent/host/address_space.hpp"
#include "common/byte_source.hpp"
#include "common/elf.hpp"
#include "common/subprocess.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::host {
namespace {

using namespace std::chrono_literals;

// A static program of this machine's own, of one instruction after another.
std::string native_program(std::string_view code) {
#ifdef __aarch64__
  constexpr char kMachine = static_cast<char>(183);
#else
  constexpr char kMachine = 62;
#endif
  constexpr std::uint64_t kBase = 0x400000, kHeaders = 64 + 56;
  std::string file(
      "\x7f"
      "ELF\2\1\1\0\0\0\0\0\0\0\0\0",
      16);
  const auto put = [&](std::uint64_t number, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) file.push_back(static_cast<char>(number >> 8 * i & 0xFF));
  };
  put(2, 2);
  file.push_back(kMachine);
  put(0, 1);
  put(1, 4);
  put(kBase + kHeaders, 8);
  for (const std::uint64_t number : {64ULL, 0ULL}) put(number, 8);
  put(0, 4);
  for (const unsigned number : {64U, 56U, 1U, 64U, 0U, 0U}) put(number, 2);
  put(1, 4);
  put(5, 4);
  const std::uint64_t size = kHeaders + code.size();
  for (const std::uint64_t number : {std::uint64_t{0}, kBase, kBase, size, size}) put(number, 8);
  put(0x10000, 8);
  return file.append(code);
}

#ifdef __aarch64__
const std::string kForever("\x00\x00\x00\x14", 4);  // b .
const std::string kExit("\x40\x05\x80\xd2\xa8\x0b\x80\xd2\x01\x00\x00\xd4", 12);
const std::string kTrap("\x00\x00\x00\x00", 4);  // udf #0
#else
const std::string kForever("\xeb\xfe", 2);  // jmp .
const std::string kExit("\xbf\x2a\x00\x00\x00\xb8\x3c\x00\x00\x00\x0f\x05", 12);
const std::string kTrap("\x0f\x0b", 2);  // ud2
#endif

TEST(Aarch32Program, IsAnElfFileThatKernelsWithAnyPageSizeTake) {
  const MemorySource source(aarch32_program());
  const auto facts = elf::read(source);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->header.bits, 32U);
  EXPECT_EQ(facts->header.machine, elf::kMachineArm);
  EXPECT_EQ(facts->header.type, elf::kTypeExecutable);
  EXPECT_EQ(facts->header.flags >> 24U, 5U);
  ASSERT_EQ(facts->loads.size(), 1U);
  EXPECT_EQ(facts->loads[0].alignment, 0x10000U);
  EXPECT_EQ(facts->loads[0].address % 0x10000, facts->loads[0].offset % 0x10000);
  EXPECT_EQ(facts->loads[0].file_size, aarch32_program().size());
  EXPECT_TRUE(facts->interpreter.empty());
}

TEST(Aarch32Program, EndsWithItsCode) {
  constexpr const char* kEmulator = "/usr/bin/qemu-arm-static";
  if (!std::filesystem::exists(kEmulator)) GTEST_SKIP() << kEmulator << " is not installed";
  const fakes::TempFolder folder;
  const auto file = folder.path() / "probe";
  std::ofstream(file, std::ios::binary) << as_text(aarch32_program());
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  const auto done =
      run_command({.argv = {kEmulator, file.string()}, .environment = {}, .input = ""}, {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->exit_status, kAarch32Exit) << done->errors;
}

class StartFromMemory : public testing::Test {
 protected:
  void SetUp() override {
    if (is_emulated("/")) GTEST_SKIP() << "an emulator answers for the kernel";
  }
};

TEST_F(StartFromMemory, TellsHowTheProgramEnded) {
  const auto exited = start_from_memory(as_bytes(native_program(kExit)), 10s);
  ASSERT_TRUE(exited) << exited.error().message;
  EXPECT_TRUE(exited->tried);
  EXPECT_EQ(exited->refused, 0);
  EXPECT_FALSE(exited->overdue);
  EXPECT_TRUE(WIFEXITED(exited->status));
  EXPECT_EQ(WEXITSTATUS(exited->status), 42);
  const auto crashed = start_from_memory(as_bytes(native_program(kTrap)), 10s);
  ASSERT_TRUE(crashed);
  EXPECT_EQ(crashed->refused, 0);
  EXPECT_TRUE(WIFSIGNALED(crashed->status));
}

TEST_F(StartFromMemory, TellsWhatTheKernelRefuses) {
  const auto refused = start_from_memory(as_bytes("no program at all, whatever it is"), 10s);
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->tried);
  EXPECT_EQ(refused->refused, ENOEXEC);
}

TEST_F(StartFromMemory, EndsAProgramAtTheDeadline) {
  const auto begin = std::chrono::steady_clock::now();
  const auto endless = start_from_memory(as_bytes(native_program(kForever)), 100ms);
  ASSERT_TRUE(endless);
  EXPECT_TRUE(endless->overdue);
  EXPECT_TRUE(WIFSIGNALED(endless->status));
  EXPECT_EQ(WTERMSIG(endless->status), SIGKILL);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

// Of waitpid(2), as Linux lays it out.
constexpr int exited(int code) { return code << 8; }

TEST(RunsAarch32, BelievesOnlyWhatRan) {
  EXPECT_EQ(runs_aarch32({.tried = true, .status = exited(kAarch32Exit)}), true);
  EXPECT_EQ(runs_aarch32({.tried = true, .status = SIGSYS}), true);
  EXPECT_EQ(runs_aarch32({.tried = true, .refused = ENOEXEC, .status = exited(1)}), false);
}

TEST(RunsAarch32, IsNotKnownOtherwise) {
  EXPECT_EQ(runs_aarch32({}), std::nullopt);
  EXPECT_EQ(runs_aarch32({.status = SIGSYS}), std::nullopt);
  EXPECT_EQ(runs_aarch32({.tried = true, .refused = ENOENT, .status = exited(1)}), std::nullopt);
  EXPECT_EQ(runs_aarch32({.tried = true, .refused = EACCES, .status = exited(1)}), std::nullopt);
  EXPECT_EQ(runs_aarch32({.tried = true, .overdue = true, .status = SIGKILL}), std::nullopt);
  EXPECT_EQ(runs_aarch32({.tried = true, .status = exited(1)}), std::nullopt);
  EXPECT_EQ(runs_aarch32({.tried = true, .status = SIGSEGV}), std::nullopt);
}

TEST(ProbeAarch32, AsksNothingWhereAnEmulatorWouldAnswer) {
  HostFacts facts;
  facts.machine = "x86_64";
  EXPECT_EQ(probe_aarch32(facts), std::nullopt);
  facts.machine = "aarch64";
  facts.binfmt = {{"qemu-arm", "/usr/bin/qemu-arm-static", "F", elf::kMachineArm, true}};
  EXPECT_EQ(probe_aarch32(facts), std::nullopt);
}

#ifndef __aarch64__
// Where no handler stands in for it, a processor of another kind refuses the program.
TEST(ProbeAarch32, IsRefusedByAnotherProcessor) {
  const auto started = start_from_memory(aarch32_program(), 10s);
  ASSERT_TRUE(started);
  EXPECT_NE(started->refused, 0);
}
#endif

}  // namespace
}  // namespace nodeproof::host

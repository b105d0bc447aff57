// A daemon in a process of its own, with a service manager that listens and cycles that are shell
// scripts.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/codes.hpp"
#include "agent/daemon.hpp"
#include "agent/report/cycle_stream.hpp"
#include "agent/report/json.hpp"
#include "agent/report/verdict.hpp"
#include "agent/status_client.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {

using namespace std::chrono_literals;

constexpr auto kGuard = 60s;  // what takes so long hangs, also on a busy machine under emulation

class DaemonProcess : public testing::Test {
 protected:
  void SetUp() override {
    write("etc/nodeproof.json", "{}");
    write("boot_id", "boot-one\n");
    options_.config_file = root_ / "etc/nodeproof.json";
    options_.state_dir = root_ / "state";
    options_.run_dir = root_ / "run";
    options_.boot_id_file = root_ / "boot_id";
    options_.load_config = load;
    options_.cycle_command = [this](const std::filesystem::path& file) {
      return std::vector<std::string>{"/bin/sh", (root_ / "cycle.sh").string(), file.string()};
    };
    options_.first_retry = 1h;  // tests ask for their cycles
    options_.child_silence = 60s;
    options_.stop_grace = 2s;
    listen_as_manager();
  }

  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  // "invalid" anywhere in a file makes it so.
  static Result<DaemonSettings> load(const std::filesystem::path& file) {
    auto text = read_file(file);
    if (!text) return std::unexpected(text.error());
    if (text->contains("invalid"))
      return fail(Errc::invalid_config, file.string() + ": is invalid");
    return DaemonSettings{.check_every = 1h, .config_digest = "digest of " + *text};
  }

  void write(const std::string& path, std::string_view content) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << content;
  }

  // The script of the next cycles; its $1 is the configuration file.
  void cycle_is(const std::string& script) const { write("cycle.sh", script); }

  void cycle_reports(const NodeReport& report) const {
    write("report.ndjson", report::stream_line(report));
    cycle_is("cat " + (root_ / "report.ndjson").string());
  }

  static NodeReport report_with(Verdict verdict) {
    NodeReport report;
    report.node = "test";
    report.time = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));
    report.since = report.time;
    report.host.boot_id = "boot-one";
    report.config_digest = "digest of {}";
    ImageReport image;
    image.reference = "r.example/app:1";
    image.manifest_digest = "sha256:" + std::string(64, 'a');
    image.verdict = verdict;
    if (verdict == Verdict::not_ready) {
      Finding finding;
      finding.code = code::kArchMismatch;
      finding.severity = Severity::fail;
      image.findings = {finding};
    }
    report.images = {image};
    report::conclude(report);
    return report;
  }

  void start() {
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ > 0) return;
    setenv("NOTIFY_SOCKET", (root_ / "notify").c_str(), 1);
    _exit(run_daemon(options_));
  }

  void start_and_wait_until_ready() {
    start();
    ASSERT_TRUE(manager_hears("READY=1"));
  }

  int wait_for_exit() {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) return -1;
      std::this_thread::sleep_for(5ms);
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  // True when a message that holds the text arrives; earlier messages are passed over.
  bool manager_hears(std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    while (std::chrono::steady_clock::now() < deadline) {
      pollfd waiting{manager_.get(), POLLIN, 0};
      if (poll(&waiting, 1, 100) <= 0) continue;
      std::array<char, 8192> buffer{};
      const ssize_t size = recv(manager_.get(), buffer.data(), buffer.size(), 0);
      if (size > 0 &&
          std::string_view(buffer.data(), static_cast<std::size_t>(size)).contains(text)) {
        return true;
      }
    }
    return false;
  }

  NodeReport ask(std::string_view method) {
    const auto answer = ask_daemon(options_.run_dir / "nodeproof.sock", method, kGuard);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    if (!answer) return {};
    const auto report = report::from_json(*answer);
    EXPECT_TRUE(report.has_value()) << *answer;
    return report.value_or(NodeReport{});
  }

  [[nodiscard]] bool ready_flag() const {
    return std::filesystem::exists(options_.run_dir / "ready");
  }

  template <class Condition>
  static bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  const fakes::TempFolder folder_;
  const std::filesystem::path& root_ = folder_.path();
  DaemonOptions options_;
  pid_t pid_ = -1;
  UniqueFd manager_;

 private:
  void listen_as_manager() {
    manager_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (root_ / "notify").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(manager_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
};

inline bool has_code(const std::vector<Finding>& findings, std::string_view code) {
  return std::ranges::find(findings, code, &Finding::code) != findings.end();
}

}  // namespace nodeproof

// A node's report as a cycle leaves it: one image ready, one wrong, one not known.
#pragma once

#include "agent/codes.hpp"
#include "agent/model.hpp"
#include "agent/report/verdict.hpp"

namespace nodeproof::report {

inline Finding finding(std::string_view code, Severity severity) {
  Finding made;
  made.code = code;
  made.severity = severity;
  return made;
}

inline ImageReport ready_image(std::string reference) {
  ImageReport image;
  image.reference = std::move(reference);
  image.platform = "linux/arm64";
  image.index_digest = "sha256:" + std::string(64, 'a');
  image.manifest_digest = "sha256:0123456789abcdef" + std::string(48, 'b');
  image.choice = "the only entry for linux/arm64";
  image.pull = {43'000'000, 41'200'000, 3.14, 5, 1};
  image.smoke = {{"starts", SmokeOutcome::passed, 0, "", 0.25, std::string(64, 'c'), ""}};
  image.verdict = Verdict::ready;
  return image;
}

inline ImageReport wrong_image(std::string reference) {
  ImageReport image = ready_image(std::move(reference));
  image.findings = {{std::string(code::kArchMismatch), Severity::fail, "/usr/bin/tini",
                     "sha256:" + std::string(64, 'd'),
                     "the entrypoint is built for x86-64, this node is arm64",
                     "ELF e_machine 62 (x86-64)", "rebuild /usr/bin/tini for linux/arm64"}};
  image.smoke = {{"starts", SmokeOutcome::failed, 126, "", 0.01, "", "exec format error"}};
  image.verdict = Verdict::not_ready;
  return image;
}

inline ImageReport unknown_image(std::string reference) {
  ImageReport image;
  image.reference = std::move(reference);
  image.findings = {finding(code::kRegistryUnreachable, Severity::unknown)};
  image.findings[0].message = "registry.example.com: connection refused";
  image.freshness = Freshness::unreachable;
  image.verdict = Verdict::unknown;
  return image;
}

inline NodeReport sample() {
  const auto day = [](unsigned number) {
    return std::chrono::sys_days(std::chrono::year(2026) / std::chrono::November /
                                 std::chrono::day(number));
  };
  NodeReport report;
  report.node = "pi-17";
  report.time = day(21) + std::chrono::hours(10) + std::chrono::seconds(5);
  report.since = day(20) + std::chrono::hours(23);
  report.sequence = 42;
  report.agent_version = "0.1.0";
  report.config_digest = "sha256:" + std::string(64, 'e');
  report.labels = {{"site", "berlin"}, {"ring", "1"}};
  report.host.platform = {"linux", "arm64", "v8", "", {}};
  report.host.page_size = 16384;
  report.host.boot_id = "66666666-7777-4888-8999-aaaaaaaaaaaa";
  report.host.board = "Raspberry Pi 5 Model B Rev 1.0";
  report.host.hwcaps = {"fp", "asimd"};
  report.host.containerd = ContainerdFacts{
      "/run/containerd/containerd.sock", "1.7.24", "k8s.io", "overlayfs", true, true};
  report.findings = {finding(code::kMemoryCgroupMissing, Severity::warn)};
  report.images = {ready_image("registry.example.com/demo/good:1"),
                   wrong_image("registry.example.com/demo/wrong:v2"),
                   unknown_image("registry.example.com/demo/far:3")};
  conclude(report);
  return report;
}

}  // namespace nodeproof::report

// A node of a fake API server, and the pod or host that publishes to it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "agent/codes.hpp"
#include "agent/kubernetes/publish.hpp"
#include "common/file.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_kubernetes.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::kubernetes {

inline constexpr const char* kImagesReady = "nodeproof.dev/ImagesReady";
inline constexpr const char* kOurTaint = "readiness.k8s.io/nodeproof";

inline NodeReport report_of(Verdict verdict, std::string reason = {}, std::string message = {}) {
  NodeReport report;
  report.node = "Pi-17";
  report.time = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21);
  report.verdict = verdict;
  report.reason = std::move(reason);
  report.message = std::move(message);
  report.host.platform = {"linux", "arm64", "v8", "", {}};
  report.host.page_size = 16384;
  report.host.hwcaps = {"fp", "atomics"};
  return report;
}
inline NodeReport ready() { return report_of(Verdict::ready, "", "1/1 ready"); }
inline NodeReport wrong() {
  return report_of(Verdict::not_ready, std::string(code::kArchMismatch), "0/1 ready; ArchMismatch");
}

inline std::string kubeconfig_text(const std::string& user,
                                   const std::string& cluster = "server: https://api.test:6443") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "clusters:\n- name: local\n  cluster:\n    " +
         cluster +
         "\n"
         "contexts:\n- name: here\n  context:\n    cluster: local\n    user: me\n"
         "users:\n- name: me\n  user:\n    " +
         user + "\n";
}

class Rig {
 public:
  Rig() {
    options.around.root = folder.path();
    options.kubeconfig = "/etc/node.kubeconfig";
    write("etc/node.kubeconfig", kubeconfig_text("token: first"));
    api.nodes["pi-17"] = {.uid = "uid-1"};
  }

  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(write_file_atomically(folder.path() / name, text));
  }

  // Keeps the memory, as the daemon does.
  Published publish(const NodeReport& report) {
    auto done = kubernetes::publish(report, options, {api, clock}, memory);
    EXPECT_TRUE(done) << done.error().message;
    if (!done) return {};
    memory = done->memory;
    return *done;
  }
  // The only thing that went wrong.
  Error failure(const NodeReport& report) {
    const Published done = publish(report);
    EXPECT_EQ(done.failed.size(), 1U);
    return done.failed.empty() ? Error{} : done.failed.front();
  }

  std::string condition(const std::string& member) {
    return api.nodes["pi-17"].conditions[kImagesReady][member];
  }
  // "reason/type/count" of each
  std::vector<std::string> events() {
    std::vector<std::string> out;
    for (auto& [name, event] : api.events) {
      out.push_back(event["reason"] + "/" + event["type"] + "/" + event["count"]);
    }
    return out;
  }

  fakes::TempFolder folder;
  fakes::FakeKubernetes api;
  fakes::FakeClock clock;
  Options options;
  std::string memory;
};

inline const std::string kGetNode = "GET /api/v1/nodes/pi-17";
inline const std::string kPatchNode = "PATCH /api/v1/nodes/pi-17";
inline const std::string kPatchStatus = "PATCH /api/v1/nodes/pi-17/status";
inline const std::string kPostEvent = "POST /api/v1/namespaces/default/events";
using Requests = std::vector<std::string>;

}  // namespace nodeproof::kubernetes

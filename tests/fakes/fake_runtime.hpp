// A container runtime that runs nothing: what a container does is a function of its request.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/containerd/container_runtime.hpp"

namespace nodeproof {

class FakeRuntime final : public ContainerRuntime {
 public:
  // May write request.stdout_path, as the shim would. Called without any lock held.
  using Behaviour = std::function<Result<ContainerExit>(const ContainerRequest&)>;

  // ---- what it is and does ----
  void set_facts(Result<ContainerdFacts> facts);
  void behave(Behaviour behaviour);          // until set: exit status 0
  void leave_behind(const std::string& id);  // a container of an earlier run
  void fail_to_sweep(Error error);

  // ---- what happened ----
  [[nodiscard]] std::vector<ContainerRequest> requests() const;
  [[nodiscard]] std::set<std::string> containers() const;  // that exist now
  [[nodiscard]] unsigned sweeps() const;

  // ---- the port ----
  Result<ContainerdFacts> facts(std::stop_token stop) override;
  Result<ContainerExit> run(const ContainerRequest& request, std::stop_token stop) override;
  Result<unsigned> sweep(std::stop_token stop) override;

 private:
  mutable std::mutex mutex_;
  Result<ContainerdFacts> facts_ = ContainerdFacts{.socket = "/run/containerd/containerd.sock",
                                                   .version = "1.7.24",
                                                   .namespace_ = "k8s.io",
                                                   .snapshotter = "overlayfs",
                                                   .cri = true,
                                                   .systemd_cgroup = false};
  Behaviour behaviour_;
  std::vector<ContainerRequest> requests_;
  std::set<std::string> containers_, left_behind_;
  std::optional<Error> unswept_;
  unsigned sweeps_ = 0;
};

}  // namespace nodeproof

// A copy of a fixture board that a test may change.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/host/doctor.hpp"
#include "agent/host/host.hpp"
#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::host {

inline const std::filesystem::path kHosts = fakes::fixtures() / "hosts";

class Board {
 public:
  explicit Board(const char* fixture) {
    std::filesystem::copy(kHosts / fixture, root(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }
  [[nodiscard]] const std::filesystem::path& root() const { return folder_.path(); }
  void put(const std::string& path, std::string_view content) const {
    std::filesystem::create_directories((root() / path).parent_path());
    std::ofstream(root() / path, std::ios::binary) << content;
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(root() / path); }
  [[nodiscard]] HostFacts facts() const { return read_host(root()); }

 private:
  const fakes::TempFolder folder_;
};

// A containerd for a kubelet, from a distribution's package.
inline ContainerdFacts some_containerd(const char* version = "1.7.24~ds1") {
  return {.socket = "/run/containerd/containerd.sock",
          .version = version,
          .namespace_ = "k8s.io",
          .snapshotter = "overlayfs",
          .cri = true,
          .systemd_cgroup = true};
}

}  // namespace nodeproof::host

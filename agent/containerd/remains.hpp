// What is left of a smoke container that containerd itself has forgotten: a shim, processes, a
// mount, a bundle, cgroups. A creation that is broken off (its client was killed, the shim was)
// leaves such things with every containerd.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::containerd {

class Remains {
 public:
  // Of the containerd behind the socket, in one namespace. The folders are for tests.
  Remains(std::string socket, std::string name_space, std::filesystem::path proc = "/proc",
          std::filesystem::path cgroups = "/sys/fs/cgroup");

  // The smoke containers of which something is left or running; containerd may know them. Where
  // its process cannot be seen (this one runs in a container) there are none.
  [[nodiscard]] std::set<std::string> ids() const;

  [[nodiscard]] bool has_shim(const std::string& id) const { return !shims_of(id).empty(); }

  // The caller has made sure that containerd knows neither task nor record of that name. An error
  // names what is still there, and who may remove it.
  Result<> remove(const std::string& id) const;

 private:
  struct Shim {
    int pid = 0;
    std::string name_space, id;
  };
  [[nodiscard]] bool is_shim(const std::filesystem::path& process,
                             const std::vector<std::string>& arguments) const;
  [[nodiscard]] std::vector<Shim> shims() const;  // of this containerd, whosever they are
  [[nodiscard]] std::vector<int> shims_of(const std::string& id) const;
  [[nodiscard]] std::vector<std::filesystem::path> slices() const;
  [[nodiscard]] std::vector<std::filesystem::path> groups_of(const std::string& id) const;
  [[nodiscard]] std::set<std::filesystem::path> task_folders() const;
  [[nodiscard]] std::vector<std::filesystem::path> bundles_of(const std::string& id) const;
  [[nodiscard]] std::vector<std::string> mounts() const;
  [[nodiscard]] bool shares_mounts() const;
  void end_processes(const std::string& id) const;
  void unmount(const std::filesystem::path& bundle) const;
  void remove_bundle(const std::filesystem::path& bundle, const std::string& id) const;

  std::string socket_, namespace_;
  std::filesystem::path proc_, cgroups_;
  int containerd_ = 0;  // its process ID; 0 = not visible from here
};

}  // namespace nodeproof::containerd

// The configuration in use: a copy of the last good one, so that a broken edit neither stops nor
// changes the service.
#pragma once

#include <filesystem>
#include <string>

#include "agent/daemon.hpp"

namespace nodeproof {

// Copies live in <state>/config/ (nodeproof.json and conf.d/), the one before in config.old;
// cycles read the copy. Where the state directory takes none it is in <run>/config/.
class AcceptedConfig {
 public:
  explicit AcceptedConfig(const DaemonOptions& options);

  // Takes over the operator's files if they are valid, else keeps the last good copy. Fails when
  // there is neither.
  Result<> load();

  [[nodiscard]] const DaemonSettings& settings() const { return settings_; }
  [[nodiscard]] const std::string& error() const {
    return error_;
  }  // why the files were not taken; "" = they were
  [[nodiscard]] const std::string& not_kept() const {
    return not_kept_;
  }  // why the copy is not on the disk; "" = it is
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "nodeproof.json"; }

 private:
  Result<> check_operators_files() const;
  Result<> take_over(const std::filesystem::path& home);
  Result<> take_over_somewhere();
  Result<> keep_last_good();
  Result<> copy_to(const std::filesystem::path& folder) const;

  const DaemonOptions& options_;
  std::filesystem::path folder_;  // of the copy in use
  DaemonSettings settings_;
  std::string error_, not_kept_;
};

}  // namespace nodeproof

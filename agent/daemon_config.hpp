// The configuration in use: a copy of the last good one, so that a broken edit neither stops nor
// changes the service.
#pragma once

#include <filesystem>
#include <string>

#include "agent/daemon.hpp"

namespace nodeproof {

// Copies live in <state>/config/ (nodeproof.json and conf.d/); cycles read the copy.
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
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "nodeproof.json"; }

 private:
  Result<> recover() const;
  Result<> copy_to(const std::filesystem::path& folder) const;
  Result<> take_over();

  const DaemonOptions& options_;
  std::filesystem::path folder_;
  DaemonSettings settings_;
  std::string error_;
};

}  // namespace nodeproof

// Did the last boot of this host end in order? A power cut leaves files that containerd believes to
// be whole.
#pragma once

#include <filesystem>
#include <string>

#include "common/error.hpp"

namespace nodeproof {

// The daemon's mark, <state>/boot.json, on disk before each call returns. The boot id is the
// kernel's.
class BootState {
 public:
  explicit BootState(const std::filesystem::path& state_dir) : file_(state_dir / "boot.json") {}

  // At the daemon's start: takes the mark of its stop away, and remembers for this boot whether it
  // was there.
  Result<> started(const std::string& boot_id) const;
  // When it has been asked to stop, and has.
  Result<> stopped(const std::string& boot_id) const;

  // What was on disk when this boot began had been written in order. False without a daemon that
  // could know.
  [[nodiscard]] bool began_in_order(const std::string& boot_id) const;

 private:
  std::filesystem::path file_;
};

}  // namespace nodeproof

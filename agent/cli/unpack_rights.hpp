// The rights to write layers: taken before the program reads anything of anybody, used where the
// configuration and the host allow it.
#pragma once

#include <memory>
#include <string>

#include "agent/config/config.hpp"
#include "agent/unpack/layer_unpacker.hpp"

namespace nodeproof::cli {

class UnpackRights {
 public:
  // Forks: to be called before the first thread. What this host does not allow is told by way().
  static UnpackRights take();
  // This process goes on without any capability of its own; failing is no reason to end.
  static void give_up();
  // It uses none, but its children may: those that are this program as root.
  static void lay_down();

  [[nodiscard]] UnpackWay way(const config::Config& config) const;

 private:
  std::unique_ptr<LayerUnpacker> unpacker_;
  std::string why_not_;
};

}  // namespace nodeproof::cli

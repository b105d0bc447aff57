// Runtime handlers of containerd's CRI configuration: "runc", "nvidia" ...
#pragma once

#include <string>
#include <string_view>

#include "agent/containerd/channel_grpc.hpp"

namespace nodeproof::containerd {

inline constexpr std::string_view kRuncRuntime = "io.containerd.runc.v2";

struct RuntimeHandler {
  std::string type = std::string(kRuncRuntime);  // the shim
  // Options of the runc shim; "" and false = its own defaults.
  std::string binary, root;
  bool no_pivot_root = false, no_new_keyring = false;
  friend bool operator==(const RuntimeHandler&, const RuntimeHandler&) = default;
};

// config: what the CRI plugin's verbose status says as "config". Errc::invalid_config for a name
// that it has not, with those that it has.
Result<RuntimeHandler> find_handler(std::string_view config, const std::string& name);

// Asks the CRI plugin.
Result<RuntimeHandler> read_handler(const Channel& channel, const std::string& name,
                                    const std::stop_token& stop);

}  // namespace nodeproof::containerd

// What a containerd says about itself.
#pragma once

#include <filesystem>
#include <stop_token>
#include <vector>

#include "agent/containerd/channel_grpc.hpp"
#include "agent/model.hpp"

namespace nodeproof::containerd {

// Tells daemons apart that answer on several sockets.
Result<std::string> daemon_uuid(const Channel& channel, const std::stop_token& stop);

struct PluginFacts {
  std::string type;
  std::string id;
  std::string root;   // the directory it keeps its data in; "" = it does not say
  std::string error;  // why it did not start; "" = it runs
};

// Plugins of a type such as io.containerd.snapshotter.v1; "" = all.
Result<std::vector<PluginFacts>> plugins(const Channel& channel, const std::string& type,
                                         const std::stop_token& stop);

Result<std::vector<std::string>> namespaces(const Channel& channel, const std::stop_token& stop);

// Whatever of namespace and snapshotter is empty in the channel's options is found out.
Result<ContainerdFacts> read_facts(const Channel& channel, const std::stop_token& stop);

}  // namespace nodeproof::containerd

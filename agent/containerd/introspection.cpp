#include "agent/containerd/find_containerd.hpp"
#include "agent/containerd/introspection_grpc.hpp"
#include "introspection.grpc.pb.h"

namespace nodeproof::containerd {

namespace api = ::containerd::services::introspection::v1;

Result<std::string> daemon_uuid(const Channel& channel, const std::stop_token& stop) {
  const auto stub = api::Introspection::NewStub(channel.transport());
  api::ServerResponse response;
  const auto status = channel.call({.stop = stop}, [&](auto* context) {
    return stub->Server(context, google::protobuf::Empty(), &response);
  });
  if (!status.ok()) return channel.failure(status, "asking containerd who it is");
  return response.uuid();
}

Result<std::vector<PluginFacts>> plugins(const Channel& channel, const std::string& type,
                                         const std::stop_token& stop) {
  const auto stub = api::Introspection::NewStub(channel.transport());
  api::PluginsRequest request;
  if (!type.empty()) request.add_filters("type==\"" + type + "\"");
  api::PluginsResponse response;
  const auto status = channel.call(
      {.stop = stop}, [&](auto* context) { return stub->Plugins(context, request, &response); });
  if (!status.ok()) return channel.failure(status, "listing containerd's plugins");
  std::vector<PluginFacts> found;
  for (const auto& plugin : response.plugins()) {
    const auto root = plugin.exports().find("root");
    found.push_back({plugin.type(), plugin.id(), root == plugin.exports().end() ? "" : root->second,
                     plugin.init_err().message()});
  }
  return found;
}

Result<std::string> plugin_list(const std::string& socket, const std::stop_token& stop) {
  const Channel channel({socket, "", ""});
  std::string text;
  for (const PluginFacts& plugin : TRY(plugins(channel, "", stop))) {
    text += plugin.type + " " + plugin.id + (plugin.error.empty() ? "" : ": " + plugin.error) +
            (plugin.root.empty() ? "" : " (" + plugin.root + ")") + "\n";
  }
  return text;
}

}  // namespace nodeproof::containerd

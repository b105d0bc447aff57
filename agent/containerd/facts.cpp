#include <algorithm>

#include "agent/containerd/introspection_grpc.hpp"
#include "common/json.hpp"
#include "cri.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/namespaces/v1/namespace.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/version/v1/version.grpc.pb.h"

namespace nodeproof::containerd {
namespace {

namespace cri = ::runtime::v1;
namespace namespaces_api = ::containerd::services::namespaces::v1;
namespace version_api = ::containerd::services::version::v1;

constexpr std::string_view kSnapshotterPlugin = "io.containerd.snapshotter.v1";
constexpr std::string_view kDefaultSnapshotter = "overlayfs";  // containerd's own on Linux

Result<std::string> read_version(const Channel& channel, const std::stop_token& stop) {
  const auto stub = version_api::Version::NewStub(channel.transport());
  version_api::VersionResponse response;
  const auto status = channel.call({.stop = stop}, [&](auto* context) {
    return stub->Version(context, google::protobuf::Empty(), &response);
  });
  if (!status.ok()) return channel.failure(status, "asking containerd for its version");
  std::string version = response.version();
  if (version.starts_with('v')) version.erase(0, 1);
  return version.substr(0, version.find_first_of("~+ "));  // without a distribution's own suffix
}

// The CRI plugin of the same daemon, if it answers. Its answers are aids: none of them is an error.
class Cri {
 public:
  Cri(const Channel& channel, const std::stop_token& stop)
      : channel_(channel),
        stop_(stop),
        runtime_(cri::RuntimeService::NewStub(channel.transport())),
        image_(cri::ImageService::NewStub(channel.transport())) {}

  bool answers() {
    cri::VersionResponse response;
    return ask([&](auto* c) { return runtime_->Version(c, {}, &response); });
  }

  // The default snapshotter comes first: its mountpoint ends in
  // io.containerd.snapshotter.v1.<name>.
  std::string snapshotter() {
    cri::ImageFsInfoResponse response;
    if (!ask([&](auto* c) { return image_->ImageFsInfo(c, {}, &response); })) return {};
    for (const auto& filesystem : response.image_filesystems()) {
      const std::string& path = filesystem.fs_id().mountpoint();
      const std::string marker = "/" + std::string(kSnapshotterPlugin) + ".";
      const auto at = path.rfind(marker);
      if (at == std::string::npos) continue;
      const std::string name = path.substr(at + marker.size());
      return name.substr(0, name.find('/'));
    }
    return {};
  }

  // Nothing when it could not be asked.
  std::optional<bool> systemd_cgroup() {
    cri::RuntimeConfigResponse response;
    if (ask([&](auto* c) { return runtime_->RuntimeConfig(c, {}, &response); })) {
      return response.has_linux() && response.linux().cgroup_driver() == cri::SYSTEMD;
    }
    cri::StatusRequest request;
    request.set_verbose(true);
    cri::StatusResponse status;
    if (!ask([&](auto* c) { return runtime_->Status(c, request, &status); })) return std::nullopt;
    const auto config = status.info().find("config");
    return config != status.info().end() && names_systemd(config->second);
  }

 private:
  template <class Method>
  bool ask(Method&& method) {
    return channel_.call({.stop = stop_}, std::forward<Method>(method)).ok();
  }

  // containerd 1.6 and 1.7: containerd.runtimes.<default>.options.SystemdCgroup of the plugin's
  // configuration.
  static bool names_systemd(const std::string& text) {
    const auto config = json::parse(text);
    if (!config) return false;
    const json::Value* containerd = config->find("containerd");
    if (containerd == nullptr) return false;
    const auto name = containerd->string_or("defaultRuntimeName", "runc");
    const std::string runtime = name ? *name : "runc";
    const json::Value* at = containerd->find("runtimes");
    if (at != nullptr) at = at->find(runtime);
    if (at != nullptr) at = at->find("options");
    if (at != nullptr) at = at->find("SystemdCgroup");
    if (at == nullptr) return false;
    const auto value = at->boolean();
    return value && *value;
  }

  const Channel& channel_;
  std::stop_token stop_;
  std::unique_ptr<cri::RuntimeService::Stub> runtime_;
  std::unique_ptr<cri::ImageService::Stub> image_;
};

// What Go clients take too: the namespace's label, else the built-in default.
std::string namespace_snapshotter(const Channel& channel, const std::string& name,
                                  const std::stop_token& stop) {
  const auto stub = namespaces_api::Namespaces::NewStub(channel.transport());
  namespaces_api::GetNamespaceRequest request;
  request.set_name(name);
  namespaces_api::GetNamespaceResponse response;
  const auto status = channel.call(
      {.stop = stop}, [&](auto* context) { return stub->Get(context, request, &response); });
  if (!status.ok()) return std::string(kDefaultSnapshotter);
  const auto label = response.namespace_().labels().find("containerd.io/defaults/snapshotter");
  return label == response.namespace_().labels().end() ? std::string(kDefaultSnapshotter)
                                                       : label->second;
}

Result<> check_snapshotter(const Channel& channel, const std::string& name,
                           const std::stop_token& stop) {
  const auto found = TRY(plugins(channel, std::string(kSnapshotterPlugin), stop));
  std::string usable;
  for (const PluginFacts& plugin : found) {
    if (!plugin.error.empty()) continue;
    if (plugin.id == name) return {};
    usable += (usable.empty() ? "" : ", ") + plugin.id;
  }
  return fail(
      Errc::invalid_config,
      "containerd at " + channel.options().socket + " has no working snapshotter '" + name + "'",
      "set containerd.snapshotter to one of: " + usable);
}

}  // namespace

Result<std::vector<std::string>> namespaces(const Channel& channel, const std::stop_token& stop) {
  const auto stub = namespaces_api::Namespaces::NewStub(channel.transport());
  namespaces_api::ListNamespacesResponse response;
  const auto status = channel.call({.stop = stop}, [&](auto* context) {
    return stub->List(context, namespaces_api::ListNamespacesRequest(), &response);
  });
  if (!status.ok()) return channel.failure(status, "listing containerd's namespaces");
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(response.namespaces_size()));
  for (const auto& one : response.namespaces()) names.push_back(one.name());
  return names;
}

Result<ContainerdFacts> read_facts(const Channel& channel, const std::stop_token& stop) {
  ContainerdFacts facts;
  facts.socket = channel.options().socket;
  facts.version = TRY(read_version(channel, stop));
  Cri cri(channel, stop);
  facts.cri = cri.answers();
  if (facts.cri) {
    const std::optional<bool> systemd = cri.systemd_cgroup();
    facts.systemd_cgroup = systemd.value_or(false);
    facts.cgroup_driver_known = systemd.has_value();
  }
  facts.namespace_ = channel.options().namespace_;
  if (facts.namespace_.empty()) facts.namespace_ = facts.cri ? "k8s.io" : "default";
  facts.snapshotter = channel.options().snapshotter;
  if (facts.snapshotter.empty() && facts.cri) facts.snapshotter = cri.snapshotter();
  if (facts.snapshotter.empty()) {
    facts.snapshotter = namespace_snapshotter(channel, facts.namespace_, stop);
  }
  TRY(check_snapshotter(channel, facts.snapshotter, stop));
  if (stop.stop_requested())
    return fail(Errc::cancelled, "asking containerd for its facts: stopped");
  return facts;
}

}  // namespace nodeproof::containerd

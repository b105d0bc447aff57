// The calls of a container's life, one each; what is absent already counts as removed.
#pragma once

#include <vector>

#include "agent/containerd/channel_grpc.hpp"
#include "agent/containerd/container_runtime.hpp"
#include "agent/containerd/handlers_grpc.hpp"
#include "agent/containerd/leases_grpc.hpp"
#include "github.com/containerd/containerd/api/services/containers/v1/containers.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/snapshots/v1/snapshots.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/tasks/v1/tasks.grpc.pb.h"

namespace nodeproof::containerd {

namespace snapshots_api = ::containerd::services::snapshots::v1;
namespace containers_api = ::containerd::services::containers::v1;
namespace tasks_api = ::containerd::services::tasks::v1;

using Mounts = google::protobuf::RepeatedPtrField<::containerd::types::Mount>;

// Marks containers and snapshots as ours.
inline constexpr std::string_view kSmokeLabel = "nodeproof.dev/smoke";
// Marks the snapshot that a layer is unpacked into; its value is the image's lease.
inline constexpr std::string_view kUnpackLabel = "nodeproof.dev/unpack";
// Containers of ours are named so; a task without a container record is known by it.
inline constexpr std::string_view kContainerPrefix = "nodeproof-";

class TaskClient {
 public:
  explicit TaskClient(const Channel& channel);

  Result<Mounts> prepare_snapshot(const ContainerRequest& request) const;
  Result<> create_container(const ContainerRequest& request, const RuntimeHandler& handler,
                            bool systemd_cgroup) const;
  // A record that says nothing but the name: without one containerd refuses to end a leaked task.
  // False when there is a record of that name: somebody else's.
  Result<bool> create_bare_container(const std::string& id) const;
  Result<> create_task(const ContainerRequest& request, const Mounts& rootfs) const;
  Result<> start(const std::string& id) const;
  // The exit status. Errc::timeout after the deadline. The shim keeps the status until the task is
  // deleted, so nothing is missed when the process ended before this call.
  Result<std::uint32_t> wait(const std::string& id, const CallOptions& options) const;

  Result<> kill(const std::string& id) const;  // SIGKILL to all its processes
  Result<> delete_task(const std::string& id) const;
  Result<> delete_container(const std::string& id) const;
  Result<> remove_snapshot(const std::string& id) const;

  // Whoever made it. An error: it is not known.
  Result<bool> has_container(const std::string& id) const;

  // By label and name, in this namespace.
  Result<std::vector<std::string>> our_containers(const std::stop_token& stop) const;
  // Of smoke containers, and those that an unpacking left half made.
  Result<std::vector<std::string>> our_snapshots(const std::stop_token& stop) const;
  Result<std::vector<std::string>> tasks_named_as_ours(const std::stop_token& stop) const;

  [[nodiscard]] const Channel& channel() const { return channel_; }

 private:
  Result<> gone(const grpc::Status& status, std::string_view doing, const std::string& id) const;

  const Channel& channel_;
  std::unique_ptr<snapshots_api::Snapshots::Stub> snapshots_;
  std::unique_ptr<containers_api::Containers::Stub> containers_;
  std::unique_ptr<tasks_api::Tasks::Stub> tasks_;
};

// Kills, waits, deletes task, container and snapshot; goes on after a failure and returns the
// first.
Result<> remove_everything(const TaskClient& tasks, const std::string& id);

}  // namespace nodeproof::containerd

#include "agent/containerd/task_grpc.hpp"
#include "github.com/containerd/containerd/runtime/v2/runc/options/oci.pb.h"

namespace nodeproof::containerd {
namespace {

using std::chrono::seconds;

constexpr std::string_view kSpecType = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
constexpr std::string_view kOptionsType = "containerd.runc.v1.Options";
constexpr seconds kQuick{30};
// A create or delete that is cancelled half-way leaks a shim: neither obeys the stop token, both
// get time.
constexpr seconds kShim{90};
constexpr std::uint32_t kSigkill = 9;

std::string text(std::string_view doing, const std::string& id) {
  return std::string(doing) + " container " + id;
}

template <class Message>
void label_as_ours(Message& message, const Labels& labels) {
  for (const auto& [key, value] : labels) (*message.mutable_labels())[key] = value;
  (*message.mutable_labels())[std::string(kSmokeLabel)] = "1";
}

// Of the runc shim, as a message in its wire format.
std::string options_of(const RuntimeHandler& handler, bool systemd_cgroup) {
  ::containerd::runc::v1::Options options;
  options.set_systemd_cgroup(systemd_cgroup);
  options.set_binary_name(handler.binary);
  options.set_root(handler.root);
  options.set_no_pivot_root(handler.no_pivot_root);
  options.set_no_new_keyring(handler.no_new_keyring);
  return options.SerializeAsString();
}

}  // namespace

TaskClient::TaskClient(const Channel& channel)
    : channel_(channel),
      snapshots_(snapshots_api::Snapshots::NewStub(channel.transport())),
      containers_(containers_api::Containers::NewStub(channel.transport())),
      tasks_(tasks_api::Tasks::NewStub(channel.transport())) {}

Result<Mounts> TaskClient::prepare_snapshot(const ContainerRequest& request) const {
  snapshots_api::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter(channel_.options().snapshotter);
  prepare.set_key(request.id);
  prepare.set_parent(request.rootfs.str());
  label_as_ours(prepare, request.labels);
  snapshots_api::PrepareSnapshotResponse response;
  const auto status = channel_.call({.deadline = kQuick, .lease = request.lease}, [&](auto* c) {
    return snapshots_->Prepare(c, prepare, &response);
  });
  if (!status.ok()) return channel_.failure(status, text("preparing the snapshot of", request.id));
  return std::move(*response.mutable_mounts());
}

Result<> TaskClient::create_container(const ContainerRequest& request,
                                      const RuntimeHandler& handler, bool systemd_cgroup) const {
  containers_api::CreateContainerRequest create;
  auto& container = *create.mutable_container();
  container.set_id(request.id);
  label_as_ours(container, request.labels);
  container.set_snapshotter(channel_.options().snapshotter);
  container.set_snapshot_key(request.id);
  container.mutable_spec()->set_type_url(std::string(kSpecType));
  container.mutable_spec()->set_value(request.spec_json);
  container.mutable_runtime()->set_name(handler.type);
  const bool runc = handler.type == kRuncRuntime;  // options of other shims are not known
  if (runc && (systemd_cgroup || handler != RuntimeHandler{})) {
    const std::string options = options_of(handler, systemd_cgroup);
    container.mutable_runtime()->mutable_options()->set_type_url(std::string(kOptionsType));
    container.mutable_runtime()->mutable_options()->set_value(options);
  }
  containers_api::CreateContainerResponse response;
  const auto status = channel_.call({.deadline = kQuick, .lease = request.lease}, [&](auto* c) {
    return containers_->Create(c, create, &response);
  });
  return channel_.result(status, text("creating", request.id));
}

Result<bool> TaskClient::create_bare_container(const std::string& id) const {
  containers_api::CreateContainerRequest create;
  auto& container = *create.mutable_container();
  container.set_id(id);
  label_as_ours(container, {});
  container.mutable_spec()->set_type_url(std::string(kSpecType));
  container.mutable_spec()->set_value("{}");
  container.mutable_runtime()->set_name(std::string(kRuncRuntime));
  containers_api::CreateContainerResponse response;
  const auto status = channel_.call(
      {.deadline = kQuick}, [&](auto* c) { return containers_->Create(c, create, &response); });
  if (is(status, grpc::StatusCode::ALREADY_EXISTS)) return false;
  TRY(channel_.result(status, text("naming leaked", id)));
  return true;
}

Result<> TaskClient::create_task(const ContainerRequest& request, const Mounts& rootfs) const {
  tasks_api::CreateTaskRequest create;
  create.set_container_id(request.id);
  *create.mutable_rootfs() = rootfs;
  if (!request.stdout_path.empty()) {
    create.set_stdout("file://" + request.stdout_path);
    create.set_stderr(create.stdout());
  }
  tasks_api::CreateTaskResponse response;
  const auto status = channel_.call({.deadline = kShim},
                                    [&](auto* c) { return tasks_->Create(c, create, &response); });
  return channel_.result(status, text("creating the task of", request.id));
}

Result<> TaskClient::start(const std::string& id) const {
  tasks_api::StartRequest request;
  request.set_container_id(id);
  tasks_api::StartResponse response;
  const auto status = channel_.call({.deadline = kShim},
                                    [&](auto* c) { return tasks_->Start(c, request, &response); });
  return channel_.result(status, text("starting", id));
}

Result<std::uint32_t> TaskClient::wait(const std::string& id, const CallOptions& options) const {
  tasks_api::WaitRequest request;
  request.set_container_id(id);
  tasks_api::WaitResponse response;
  const auto status =
      channel_.call(options, [&](auto* c) { return tasks_->Wait(c, request, &response); });
  if (!status.ok()) return channel_.failure(status, text("waiting for", id));
  return response.exit_status();
}

Result<> TaskClient::gone(const grpc::Status& status, std::string_view doing,
                          const std::string& id) const {
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  return channel_.result(status, text(doing, id));
}

Result<> TaskClient::kill(const std::string& id) const {
  tasks_api::KillRequest request;
  request.set_container_id(id);
  request.set_signal(kSigkill);
  request.set_all(true);
  google::protobuf::Empty response;
  return gone(channel_.call({.deadline = kQuick},
                            [&](auto* c) { return tasks_->Kill(c, request, &response); }),
              "killing", id);
}

Result<> TaskClient::delete_task(const std::string& id) const {
  tasks_api::DeleteTaskRequest request;
  request.set_container_id(id);
  tasks_api::DeleteResponse response;
  return gone(channel_.call({.deadline = kShim},
                            [&](auto* c) { return tasks_->Delete(c, request, &response); }),
              "deleting the task of", id);
}

Result<> TaskClient::delete_container(const std::string& id) const {
  containers_api::DeleteContainerRequest request;
  request.set_id(id);
  google::protobuf::Empty response;
  return gone(channel_.call({.deadline = kQuick},
                            [&](auto* c) { return containers_->Delete(c, request, &response); }),
              "deleting", id);
}

Result<> TaskClient::remove_snapshot(const std::string& id) const {
  snapshots_api::RemoveSnapshotRequest request;
  request.set_snapshotter(channel_.options().snapshotter);
  request.set_key(id);
  google::protobuf::Empty response;
  return gone(channel_.call({.deadline = kQuick},
                            [&](auto* c) { return snapshots_->Remove(c, request, &response); }),
              "removing the snapshot of", id);
}

}  // namespace nodeproof::containerd

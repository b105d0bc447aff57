// What an earlier run left behind, and how it is taken away.
#include "agent/containerd/task_grpc.hpp"

namespace nodeproof::containerd {
namespace {

constexpr std::chrono::seconds kKilled{30};  // from SIGKILL to the end of the last process
constexpr int kDeletes = 3;

std::string by_label() { return "labels.\"" + std::string(kSmokeLabel) + "\""; }

CallOptions listing(const std::stop_token& stop) {
  return {.deadline = std::chrono::seconds(30), .stop = stop};
}

// A task can only be deleted when its process has ended, as most have.
Result<> end_task(const TaskClient& tasks, const std::string& id) {
  Result<> deleted = tasks.delete_task(id);
  if (deleted) return {};
  auto killed = tasks.kill(id);
  static_cast<void>(tasks.wait(id, {.deadline = kKilled}));
  deleted = tasks.delete_task(id);
  for (int attempt = 1; !deleted && attempt < kDeletes; ++attempt) deleted = tasks.delete_task(id);
  if (deleted) return {};
  return killed ? deleted : killed;
}

}  // namespace

Result<> remove_everything(const TaskClient& tasks, const std::string& id) {
  Result<> first = end_task(tasks, id);
  // Without its record a running task could no more be reached: containerd would delete it all the
  // same.
  if (!first) return first;
  first = tasks.delete_container(id);
  const Result<> snapshot = tasks.remove_snapshot(id);
  return first ? snapshot : first;
}

Result<bool> TaskClient::has_container(const std::string& id) const {
  containers_api::GetContainerRequest request;
  request.set_id(id);
  containers_api::GetContainerResponse response;
  const auto status =
      channel_.call(listing({}), [&](auto* c) { return containers_->Get(c, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return false;
  TRY(channel_.result(status, "looking for container " + id));
  return true;
}

Result<std::vector<std::string>> TaskClient::our_containers(const std::stop_token& stop) const {
  containers_api::ListContainersRequest request;
  request.add_filters(by_label());
  containers_api::ListContainersResponse response;
  const auto status = channel_.call(
      listing(stop), [&](auto* c) { return containers_->List(c, request, &response); });
  if (!status.ok()) return channel_.failure(status, "listing our containers");
  std::vector<std::string> ids;
  // CRI copies an image's labels to its containers: the label alone may be anybody's.
  for (const auto& container : response.containers()) {
    if (container.id().starts_with(kContainerPrefix)) ids.push_back(container.id());
  }
  return ids;
}

Result<std::vector<std::string>> TaskClient::our_snapshots(const std::stop_token& stop) const {
  snapshots_api::ListSnapshotsRequest request;
  request.set_snapshotter(channel_.options().snapshotter);
  request.add_filters(by_label());
  // Another image may have unpacked the same layer since, and so nobody asks for this key again.
  request.add_filters("kind==active,labels.\"" + std::string(kUnpackLabel) + "\"");
  std::vector<std::string> keys;
  const auto status = channel_.call(listing(stop), [&](auto* c) {
    const auto stream = snapshots_->List(c, request);
    snapshots_api::ListSnapshotsResponse response;
    while (stream->Read(&response)) {
      for (const auto& info : response.info()) keys.push_back(info.name());
    }
    return stream->Finish();
  });
  if (!status.ok()) return channel_.failure(status, "listing our snapshots");
  return keys;
}

Result<std::vector<std::string>> TaskClient::tasks_named_as_ours(
    const std::stop_token& stop) const {
  const tasks_api::ListTasksRequest request;  // its filter is not looked at by containerd
  tasks_api::ListTasksResponse response;
  const auto status =
      channel_.call(listing(stop), [&](auto* c) { return tasks_->List(c, request, &response); });
  if (!status.ok()) return channel_.failure(status, "listing tasks");
  std::vector<std::string> ids;
  for (const auto& process : response.tasks()) {
    const std::string& id = process.container_id().empty() ? process.id() : process.container_id();
    if (id.starts_with(kContainerPrefix)) ids.push_back(id);
  }
  return ids;
}

}  // namespace nodeproof::containerd

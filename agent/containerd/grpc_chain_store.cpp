#include "agent/containerd/grpc_chain_store.hpp"

#include <map>
#include <string_view>

#include "agent/containerd/content_grpc.hpp"
#include "agent/containerd/images_grpc.hpp"
#include "agent/containerd/leases_grpc.hpp"
#include "agent/containerd/snapshots_grpc.hpp"
#include "github.com/containerd/containerd/api/services/containers/v1/containers.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/tasks/v1/tasks.grpc.pb.h"

namespace nodeproof::containerd {

namespace containers_api = ::containerd::services::containers::v1;
namespace tasks_api = ::containerd::services::tasks::v1;
namespace task_types = ::containerd::v1::types;

struct GrpcChainStore::Parts {
  explicit Parts(ConnectionOptions options) : channel(std::move(options)) {}

  Channel channel;
  ContentClient content{channel};
  LeaseClient leases{channel};
  ImageClient images{channel};
  std::unique_ptr<snapshots_api::Snapshots::Stub> snapshots =
      snapshots_api::Snapshots::NewStub(channel.transport());
  std::unique_ptr<containers_api::Containers::Stub> containers =
      containers_api::Containers::NewStub(channel.transport());
  std::unique_ptr<tasks_api::Tasks::Stub> tasks = tasks_api::Tasks::NewStub(channel.transport());
};

namespace {

constexpr std::chrono::seconds kListing{60};
constexpr std::chrono::seconds kLifetime{600};  // of a lease that is made to be deleted

CallOptions listing(std::stop_token stop) {
  return {.deadline = kListing, .stop = std::move(stop), .lease = {}};
}

std::string_view word_of(task_types::Status status) {
  switch (status) {
    case task_types::CREATED:
      return "created";
    case task_types::RUNNING:
      return "running";
    case task_types::STOPPED:
      return "stopped";
    case task_types::PAUSED:
      return "paused";
    case task_types::PAUSING:
      return "pausing";
    default:
      return "unknown";
  }
}

void add_snapshots(const snapshots_api::ListSnapshotsResponse& response,
                   std::vector<SnapshotFacts>& to) {
  for (const auto& info : response.info()) {
    to.push_back({info.name(), info.parent(), info.kind() == snapshots_api::COMMITTED});
  }
}

}  // namespace

GrpcChainStore::GrpcChainStore(ConnectionOptions options)
    : parts_(std::make_unique<Parts>(std::move(options))) {}
GrpcChainStore::~GrpcChainStore() = default;

Result<std::vector<SnapshotFacts>> GrpcChainStore::snapshots(std::stop_token stop) {
  snapshots_api::ListSnapshotsRequest request;
  request.set_snapshotter(parts_->channel.options().snapshotter);
  std::vector<SnapshotFacts> found;
  const auto status = parts_->channel.call(listing(std::move(stop)), [&](auto* context) {
    const auto stream = parts_->snapshots->List(context, request);
    snapshots_api::ListSnapshotsResponse response;
    while (stream->Read(&response)) {
      add_snapshots(response, found);
    }
    return stream->Finish();
  });
  if (!status.ok()) return parts_->channel.failure(status, "listing snapshots");
  return found;
}

Result<std::vector<ContainerFacts>> GrpcChainStore::containers(std::stop_token stop) {
  const tasks_api::ListTasksRequest all;
  tasks_api::ListTasksResponse tasks;
  auto status = parts_->channel.call(
      listing(stop), [&](auto* context) { return parts_->tasks->List(context, all, &tasks); });
  if (!status.ok()) return parts_->channel.failure(status, "listing tasks");
  std::map<std::string, std::string_view> states;
  for (const auto& task : tasks.tasks()) {
    states.emplace(task.container_id().empty() ? task.id() : task.container_id(),
                   word_of(task.status()));
  }
  std::vector<ContainerFacts> found;
  status = parts_->channel.call(listing(std::move(stop)), [&](auto* context) {
    const containers_api::ListContainersRequest request;
    const auto stream = parts_->containers->ListStream(context, request);
    containers_api::ListContainerMessage one;
    while (stream->Read(&one)) {
      const auto& container = one.container();
      if (container.snapshotter() != parts_->channel.options().snapshotter) continue;
      const auto state = states.find(container.id());
      found.push_back({container.id(), container.image(), container.snapshot_key(),
                       Labels(container.labels().begin(), container.labels().end()),
                       state == states.end() ? "" : std::string(state->second)});
    }
    return stream->Finish();
  });
  if (!status.ok()) return parts_->channel.failure(status, "listing containers");
  return found;
}

Result<std::vector<ImageRecord>> GrpcChainStore::all_images(std::stop_token /*stop*/) {
  return parts_->images.list("");
}

Result<> GrpcChainStore::remove_snapshot(const std::string& name) {
  snapshots_api::RemoveSnapshotRequest request;
  request.set_snapshotter(parts_->channel.options().snapshotter);
  request.set_key(name);
  google::protobuf::Empty response;
  const auto status = parts_->channel.call(parts_->channel.brief(), [&](auto* context) {
    return parts_->snapshots->Remove(context, request, &response);
  });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  Result<> done = parts_->channel.result(status, "removing snapshot " + name);
  if (is(status, grpc::StatusCode::FAILED_PRECONDITION)) done.error().code = Errc::busy;
  return done;
}

Result<> GrpcChainStore::remove_blob(const Digest& digest) {
  content_api::DeleteContentRequest request;
  request.set_digest(digest.str());
  google::protobuf::Empty response;
  const auto status = parts_->channel.call(parts_->channel.brief(), [&](auto* context) {
    return parts_->content.stub().Delete(context, request, &response);
  });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  return parts_->channel.result(status, "removing blob " + digest.str());
}

// containerd has no call for it; the deletion of a lease can be told to wait for one. Who asks
// during a collection is answered at its end, although it may have begun too early: the second
// answer is that of a later one.
Result<> GrpcChainStore::collect_garbage() {
  const std::string id = "nodeproof-garbage";
  for (int collection = 0; collection < 2; ++collection) {
    TRY(parts_->leases.create({id, {{std::string(kGarbageLabel), "1"}}}, kLifetime));
    TRY(parts_->leases.remove(id, Release::at_once));
  }
  return {};
}

}  // namespace nodeproof::containerd

#include "agent/containerd/oom_watch_grpc.hpp"
#include "github.com/containerd/containerd/api/events/task.pb.h"
#include "github.com/containerd/containerd/api/services/events/v1/events.grpc.pb.h"

namespace nodeproof::containerd {
namespace {

namespace api = ::containerd::services::events::v1;

constexpr std::chrono::seconds kPatience{2};

}  // namespace

OomWatch::OomWatch(const Channel& channel, std::string container)
    : channel_(channel),
      container_(std::move(container)),
      call_(channel.options().namespace_, {.deadline = std::chrono::hours(24)}),
      listener_([this] { listen(); }) {}

OomWatch::~OomWatch() {
  call_.cancel();
  listener_.join();
}

void OomWatch::listen() {
  const auto stub = api::Events::NewStub(channel_.transport());
  api::SubscribeRequest request;
  request.add_filters("topic==\"/tasks/oom\",namespace==\"" + channel_.options().namespace_ + "\"");
  const auto stream = stub->Subscribe(&call_.context(), request);
  api::Envelope envelope;
  while (stream->Read(&envelope)) {
    ::containerd::events::TaskOOM oom;
    if (!oom.ParseFromString(envelope.event().value()) || oom.container_id() != container_)
      continue;
    const std::lock_guard lock(mutex_);
    oom_ = true;
    changed_.notify_all();
  }
  static_cast<void>(stream->Finish());
}

bool OomWatch::out_of_memory() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [this] { return oom_; });
}

}  // namespace nodeproof::containerd

#include "agent/containerd/grpc_runtime.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "agent/containerd/introspection_grpc.hpp"
#include "agent/containerd/oom_watch_grpc.hpp"
#include "agent/containerd/remains.hpp"
#include "agent/containerd/task_grpc.hpp"

namespace nodeproof::containerd {
namespace {

constexpr std::chrono::hours kLeaseLife{1};
constexpr std::uint32_t kKilled = 128 + 9;

// Holds the container's snapshot when the caller gave no lease.
class OwnLease {
 public:
  OwnLease(const LeaseClient& leases, std::string id) : leases_(leases), id_(std::move(id)) {}
  ~OwnLease() {
    if (!id_.empty()) static_cast<void>(leases_.remove(id_));  // it ends by itself, too
  }
  OwnLease(const OwnLease&) = delete;
  OwnLease& operator=(const OwnLease&) = delete;
  Result<> create() const {
    return leases_.create({id_, {{std::string(kSmokeLabel), "1"}}}, kLeaseLife);
  }

 private:
  const LeaseClient& leases_;
  std::string id_;
};

Error stopped(const std::string& id) {
  return {Errc::cancelled, "running container " + id + ": stopped", {}};
}

// From a prepared snapshot to the exit status; leaves the removal to the caller.
class ContainerRun {
 public:
  ContainerRun(const TaskClient& tasks, const ContainerRequest& request, bool systemd_cgroup)
      : tasks_(tasks), request_(request), systemd_cgroup_(systemd_cgroup) {}

  Result<ContainerExit> run(const std::stop_token& stop) {
    const RuntimeHandler handler =
        request_.runtime.empty() ? RuntimeHandler{}
                                 : TRY(read_handler(tasks_.channel(), request_.runtime, stop));
    const Mounts rootfs = TRY(tasks_.prepare_snapshot(request_));
    TRY(tasks_.create_container(request_, handler, systemd_cgroup_));
    OomWatch oom(tasks_.channel(), request_.id);
    if (stop.stop_requested()) return std::unexpected(stopped(request_.id));
    TRY(tasks_.create_task(request_, rootfs));
    if (stop.stop_requested()) return std::unexpected(stopped(request_.id));
    const auto begin = std::chrono::steady_clock::now();
    TRY(tasks_.start(request_.id));
    ContainerExit exit = TRY(wait(stop));
    exit.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    exit.out_of_memory = exit.status == kKilled && !exit.timed_out && oom.out_of_memory();
    return exit;
  }

 private:
  Result<ContainerExit> wait(const std::stop_token& stop) {
    auto status = tasks_.wait(request_.id, {.deadline = request_.deadline, .stop = stop});
    if (status) return ContainerExit{.status = *status};
    if (stop.stop_requested()) return std::unexpected(stopped(request_.id));
    if (status.error().code != Errc::timeout) return std::unexpected(std::move(status).error());
    TRY(tasks_.kill(request_.id));
    const auto killed = tasks_.wait(request_.id, {.deadline = std::chrono::seconds(60)});
    return ContainerExit{.status = killed ? *killed : kKilled, .timed_out = true};
  }

  const TaskClient& tasks_;
  const ContainerRequest& request_;
  bool systemd_cgroup_;
};

// A creation whose client was killed may still be under way: what containerd knows in the end it
// can delete itself, and that is better than what is done here.
Result<bool> is_forgotten(const TaskClient& tasks, const Remains& remains, const std::string& id,
                          const std::stop_token& stop) {
  constexpr int kLooks = 15;
  bool known = false;
  for (int look = 0; look < kLooks && !known && remains.has_shim(id); ++look) {
    if (look > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (stop.stop_requested()) return fail(Errc::cancelled, "sweeping our containers: stopped");
    const auto named = TRY(tasks.tasks_named_as_ours(stop));
    known = std::ranges::find(named, id) != named.end();
  }
  if (!known) return !TRY(tasks.has_container(id));
  if (!TRY(tasks.create_bare_container(id))) return false;  // somebody else's
  TRY(remove_everything(tasks, id));
  return true;
}

// What containerd has forgotten of what was ours.
Result<> remove_remains(const TaskClient& tasks, const Remains& remains, std::set<std::string> ids,
                        const std::stop_token& stop) {
  Result<> worst;
  ids.merge(remains.ids());
  for (const std::string& id : ids) {
    const auto forgotten = is_forgotten(tasks, remains, id, stop);
    Result<> done;
    if (!forgotten) done = std::unexpected(forgotten.error());
    if (forgotten && *forgotten) done = remains.remove(id);
    if (!done && worst) worst = std::move(done);
  }
  return worst;
}

}  // namespace

struct GrpcContainerRuntime::Parts {
  // What goes over a channel that knows its namespace and snapshotter.
  struct Ready {
    explicit Ready(const ContainerdFacts& found)
        : facts(found), channel({found.socket, found.namespace_, found.snapshotter}) {}
    ContainerdFacts facts;
    Channel channel;
    TaskClient tasks{channel};
    LeaseClient leases{channel};
  };

  explicit Parts(ConnectionOptions options) : asked(std::move(options)) {}

  // Asks containerd once; which cgroup driver it uses is needed for every container.
  Result<Ready*> ready(const std::stop_token& stop) {
    const std::lock_guard lock(mutex);
    if (!found) found = std::make_unique<Ready>(TRY(read_facts(asked, stop)));
    return found.get();
  }

  Channel asked;
  std::mutex mutex;
  std::unique_ptr<Ready> found;
};

GrpcContainerRuntime::GrpcContainerRuntime(ConnectionOptions options)
    : parts_(std::make_unique<Parts>(std::move(options))) {}
GrpcContainerRuntime::GrpcContainerRuntime(ConnectionOptions options, const ContainerdFacts& known)
    : GrpcContainerRuntime(std::move(options)) {
  parts_->found = std::make_unique<Parts::Ready>(known);
}
GrpcContainerRuntime::~GrpcContainerRuntime() = default;

Result<ContainerdFacts> GrpcContainerRuntime::facts(std::stop_token stop) {
  return TRY(parts_->ready(stop))->facts;
}

Result<ContainerExit> GrpcContainerRuntime::run(const ContainerRequest& request,
                                                std::stop_token stop) {
  Parts::Ready& ready = *TRY(parts_->ready(stop));
  ContainerRequest leased = request;
  if (request.lease.empty()) leased.lease = request.id + "-lease";
  OwnLease own(ready.leases, request.lease.empty() ? leased.lease : "");
  if (request.lease.empty()) TRY(own.create());
  Result<ContainerExit> exit =
      ContainerRun(ready.tasks, leased, ready.facts.systemd_cgroup).run(stop);
  Result<> removed = remove_everything(ready.tasks, request.id);
  if (!exit && removed) {  // of a creation that failed half-way containerd may know nothing
    const Remains remains(ready.channel.options().socket, ready.channel.options().namespace_);
    static_cast<void>(remains.remove(request.id));  // else the next sweep's
  }
  if (!exit || removed) return exit;
  return std::unexpected(std::move(removed).error());
}

Result<unsigned> GrpcContainerRuntime::sweep(std::stop_token stop) {
  Parts::Ready& ready = *TRY(parts_->ready(stop));
  const TaskClient& tasks = ready.tasks;
  std::vector<std::string> containers = TRY(tasks.our_containers(stop));
  for (const std::string& id : TRY(tasks.tasks_named_as_ours(stop))) {
    if (std::ranges::find(containers, id) != containers.end()) continue;
    if (TRY(tasks.create_bare_container(id))) containers.push_back(id);
  }
  unsigned removed = 0;
  Result<> worst;  // one that does not go must not keep the others
  const auto note = [&worst](Result<> done) {
    if (!done && worst) worst = std::move(done);
  };
  for (const std::string& id : containers) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "sweeping our containers: stopped");
    Result<> gone = remove_everything(tasks, id);
    if (gone) ++removed;
    note(std::move(gone));
  }
  for (const std::string& key : TRY(tasks.our_snapshots(stop))) note(tasks.remove_snapshot(key));
  for (const Lease& lease : TRY(ready.leases.list(std::string(kSmokeLabel)))) {
    note(ready.leases.remove(lease.id));
  }
  const Remains remains(ready.channel.options().socket, ready.channel.options().namespace_);
  note(remove_remains(tasks, remains, {containers.begin(), containers.end()}, stop));
  if (!worst) return std::unexpected(std::move(worst).error());
  return removed;
}

}  // namespace nodeproof::containerd

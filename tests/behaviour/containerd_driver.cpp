// Drives the containerd adapters and prepull alone, for containerd_test.py; prints one JSON object.
// Not shipped. A registry that is not on loopback is spoken to without TLS when PLAIN_HTTP, of the
// environment, names it. containerd_driver SOCKET COMMAND:
//   facts
//   find SOCKET...
//   pull IMAGE [publish|release|keep [MILLISECONDS-PER-CHUNK]]
//   set [OPTION=VALUE]... IMAGE...   several images together; options: parallel, unpacks, bandwidth
//                                    (bytes per second), keep_free (bytes), slice (ms), publish
//                                    (1), observe (0: nobody reads the layers along), inventories
//                                    (a folder: their inventories are taken), die (a step of
//                                    killing_store.hpp), unpack (1: by nodeproof itself)
//   run IMAGE ID SPEC-FILE STDOUT-FILE DEADLINE-MILLISECONDS
//   sweep
//   forget ID
//   cri NAME
//   pins GRACE-SECONDS IMAGE [PROVEN-DIGEST...]   as if that image alone were required
//   cri-pull IMAGE
//   cri-remove IMAGE
//   leases
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <sys/utsname.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "agent/containerd/channel_grpc.hpp"
#include "agent/containerd/find_containerd.hpp"
#include "agent/containerd/grpc_image_store.hpp"
#include "agent/containerd/grpc_runtime.hpp"
#include "agent/containerd/task_grpc.hpp"
#include "agent/inspect/observer.hpp"
#include "agent/prepull/pins.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/prepull/publish.hpp"
#include "agent/prepull/pull_set.hpp"
#include "agent/resolve/resolve.hpp"
#include "agent/unpack/broker.hpp"
#include "common/clock.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/http_curl.hpp"
#include "common/json.hpp"
#include "cri.grpc.pb.h"
#include "tests/behaviour/killing_store.hpp"
#include "tests/fakes/direct_registry.hpp"

namespace nodeproof {
namespace {

using Arguments = std::vector<std::string>;

std::stop_source stopping;
std::unique_ptr<LayerUnpacker> unpacker;

class HashingObserver final : public LayerObserver {
 public:
  HashingObserver(Digest digest, std::atomic<unsigned>& whole)
      : digest_(std::move(digest)), whole_(whole) {}
  void write(Bytes bytes) override { hasher_.update(bytes); }
  void finish() override { whole_ += hasher_.finish() == digest_ ? 1 : 0; }

 private:
  Digest digest_;
  std::atomic<unsigned>& whole_;
  Hasher hasher_;
};

// Delivers slowly, so that a test can kill the driver half-way.
class SlowRegistry final : public Registry {
 public:
  SlowRegistry(Registry& registry, std::chrono::milliseconds pause)
      : registry_(registry), pause_(pause) {}
  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override {
    return registry_.manifest(reference, std::move(stop));
  }
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override {
    return registry_.child(reference, child, std::move(stop));
  }
  // NOLINTNEXTLINE(readability-function-size): the port's signature
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override {
    const ByteSink slowly = [&](Bytes bytes) {
      std::this_thread::sleep_for(pause_);
      return sink(bytes);
    };
    return registry_.blob(reference, blob, offset, slowly, std::move(stop));
  }
  void distrust(const Digest& blob) override { registry_.distrust(blob); }
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override {
    return registry_.probe(reference, blob, std::move(stop));
  }

 private:
  Registry& registry_;
  std::chrono::milliseconds pause_;
};

HostFacts this_host() {
  utsname names{};
  ::uname(&names);
  const std::string machine = names.machine;
  HostFacts host;
  host.machine = machine;
  host.platform = {"linux", machine == "x86_64" ? "amd64" : "arm64", "", "", {}};
  return host;
}

registry::Settings settings() {
  const char* plain = std::getenv("PLAIN_HTTP");
  if (plain == nullptr) return {};
  return {{plain, {.plain_http = true, .tls = {}}}};
}

struct Driver {
  explicit Driver(std::string socket_path) : socket(std::move(socket_path)) {}

  Result<ContainerdFacts> facts() const {
    return containerd::find_containerd({socket, "", ""}, stopping.get_token());
  }
  Result<ResolvedImage> resolve(const std::string& name) {
    return resolve::resolve(registry, TRY(Reference::parse(name)), this_host(),
                            stopping.get_token());
  }

  std::string socket;
  CurlHttpClient http;
  SystemClock clock;
  fakes::DirectRegistry registry{http, clock, {.settings = settings()}};
};

containerd::ConnectionOptions connection(const ContainerdFacts& facts) {
  return {facts.socket, facts.namespace_, facts.snapshotter};
}

void write_facts(json::Writer& out, const ContainerdFacts& facts) {
  out.member("socket", facts.socket).member("version", facts.version);
  out.member("namespace", facts.namespace_).member("snapshotter", facts.snapshotter);
  out.member("cri", facts.cri).member("systemd_cgroup", facts.systemd_cgroup);
}

Result<> show_facts(Driver& driver, const Arguments&, json::Writer& out) {
  write_facts(out, TRY(driver.facts()));
  return {};
}

Result<> find(Driver&, const Arguments& sockets, json::Writer& out) {
  const std::vector<std::string_view> views(sockets.begin(), sockets.end());
  write_facts(out, TRY(containerd::find_containerd({}, stopping.get_token(), views)));
  return {};
}

Result<> pull(Driver& driver, const Arguments& arguments, json::Writer& out) {
  const ContainerdFacts facts = TRY(driver.facts());
  containerd::GrpcImageStore store(connection(facts));
  const ResolvedImage image = TRY(driver.resolve(arguments.at(0)));
  std::atomic<unsigned> whole = 0;
  const LayerObserverFactory observers = [&](const ObservedLayer& layer) {
    return std::make_unique<HashingObserver>(layer.blob.digest, whole);
  };
  const auto pause = std::chrono::milliseconds(arguments.size() > 2 ? std::stoi(arguments[2]) : 0);
  SlowRegistry slow(driver.registry, pause);
  prepull::PullOptions options;
  options.snapshotter = facts.snapshotter;
  const PulledImage pulled =
      TRY(prepull::prepull(image, {slow, store, observers, {}}, options, stopping.get_token()));
  out.member("downloaded", pulled.stats.downloaded_bytes).member("bytes", pulled.stats.bytes);
  out.member("layers", std::uint64_t{pulled.stats.layers});
  out.member("reused", std::uint64_t{pulled.stats.reused_layers});
  out.member("observed", std::uint64_t{whole.load()}).member("lease", pulled.lease);
  out.member("chain", pulled.chain.back().str());
  out.member("manifest", image.manifest.digest.str());
  out.member("config", image.document.config.digest.str());
  if (image.index) out.member("index", image.index->digest.str());
  const std::string then = arguments.size() > 1 ? arguments[1] : "";
  if (then == "publish") {
    return prepull::publish(image, store,
                            {facts.namespace_, pulled.lease, this_host().platform, true});
  }
  return then == "release" ? prepull::release(store, pulled.lease) : Result<>{};
}

struct SetCommand {
  prepull::SetOptions options;
  std::string die;
  bool publish = false;
  bool observe = true;
  bool unpack = false;  // by nodeproof itself
  std::string inventories;
  std::vector<std::string> images;
};

SetCommand parse_set(const Arguments& arguments) {
  SetCommand command;
  for (const std::string& argument : arguments) {
    const auto equals = argument.find('=');
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    if (argument.starts_with("die=")) {
      command.die = value;
    } else if (argument.starts_with("publish=")) {
      command.publish = true;
    } else if (argument.starts_with("observe=")) {
      command.observe = value != "0";
    } else if (argument.starts_with("unpack=")) {
      command.unpack = value != "0";
    } else if (argument.starts_with("inventories=")) {
      command.inventories = value;
    } else if (argument.starts_with("parallel=")) {
      command.options.parallel = static_cast<unsigned>(std::stoul(value));
    } else if (argument.starts_with("unpacks=")) {
      command.options.unpacks = static_cast<unsigned>(std::stoul(value));
    } else if (argument.starts_with("bandwidth=")) {
      command.options.bandwidth = std::stoull(value);
    } else if (argument.starts_with("keep_free=")) {
      command.options.keep_free = Amount{.units = std::stoull(value)};
    } else if (argument.starts_with("slice=")) {
      command.options.slice = std::chrono::milliseconds(std::stoul(value));
    } else {
      command.images.push_back(argument);
    }
  }
  return command;
}

// One entry per image, its error in it.
Result<> pull_set(Driver& driver, const Arguments& arguments, json::Writer& out) {
  const ContainerdFacts facts = TRY(driver.facts());
  SetCommand command = parse_set(arguments);
  containerd::GrpcImageStore containerd(connection(facts));
  KillingStore store(containerd, command.die);
  std::vector<ResolvedImage> images;
  for (const std::string& name : command.images) images.push_back(TRY(driver.resolve(name)));
  std::vector<prepull::WantedImage> wanted;
  for (const ResolvedImage& image : images) wanted.push_back({image, {}, {}});
  std::atomic<unsigned> whole = 0;
  LayerObserverFactory observers;
  if (command.observe) {
    observers = [&](const ObservedLayer& layer) {
      return std::make_unique<HashingObserver>(layer.blob.digest, whole);
    };
  }
  if (command.unpack && !command.observe) {
    observers = [](const ObservedLayer& layer) -> std::unique_ptr<LayerObserver> {
      if (layer.plain == nullptr) return nullptr;
      return std::make_unique<inspect::InflatingObserver>(*layer.plain);
    };
  }
  inspect::InventoryCache inventories(command.inventories);
  if (!command.inventories.empty()) observers = inspect::make_observer_factory(inventories);
  command.options.snapshotter = facts.snapshotter;
  command.options.one_commit_at_a_time = prepull::commits_block(facts.version);
  const ProgressSink silent;
  prepull::PullPorts ports{driver.registry, store, observers, silent};
  if (command.unpack) ports.unpack = {unpacker.get(), "there is no broker"};
  prepull::PullSet set(std::move(wanted), ports, command.options, stopping.get_token());
  out.key("images").begin_array();
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto pulled = set.wait(i);
    out.begin_object().member("reference", command.images[i]);
    if (pulled) {
      out.member("downloaded", pulled->stats.downloaded_bytes).member("lease", pulled->lease);
      out.member("reused", std::uint64_t{pulled->stats.reused_layers});
      out.member("chain", pulled->chain.back().str());
      out.member("seconds", pulled->stats.seconds);
      if (command.publish) {
        TRY(prepull::publish(images[i], store,
                             {facts.namespace_, pulled->lease, this_host().platform}));
      }
    } else {
      out.member("failed", to_string(pulled.error().code)).member("why", pulled.error().message);
      out.member("remedy", pulled.error().remedy);
    }
    out.end_object();
  }
  out.end_array().member("observed", std::uint64_t{whole.load()});
  out.member("last_unpack", store.last_unpack());
  return {};
}

Result<> run(Driver& driver, const Arguments& arguments, json::Writer& out) {
  const ContainerdFacts facts = TRY(driver.facts());
  containerd::GrpcContainerRuntime runtime(connection(facts));
  const ResolvedImage image = TRY(driver.resolve(arguments.at(0)));
  const ContainerRequest request{.id = arguments.at(1),
                                 .rootfs = chain_ids(image.config.diff_ids).back(),
                                 .spec_json = TRY(read_file(arguments.at(2))),
                                 .stdout_path = arguments.at(3),
                                 .lease = {},
                                 .labels = {{"nodeproof.dev/test", "1"}},
                                 .deadline = std::chrono::milliseconds(std::stoi(arguments.at(4)))};
  const ContainerExit exit = TRY(runtime.run(request, stopping.get_token()));
  out.member("status", std::uint64_t{exit.status}).member("timed_out", exit.timed_out);
  out.member("oom", exit.out_of_memory).member("seconds", exit.seconds);
  return {};
}

Result<> sweep(Driver& driver, const Arguments&, json::Writer& out) {
  containerd::GrpcContainerRuntime runtime({driver.socket, "", ""});
  out.member("removed", std::uint64_t{TRY(runtime.sweep(stopping.get_token()))});
  return {};
}

// Deletes the container's record alone: what leaks a running task.
Result<> forget(Driver& driver, const Arguments& arguments, json::Writer&) {
  const ContainerdFacts facts = TRY(driver.facts());
  const containerd::Channel channel(connection(facts));
  return containerd::TaskClient(channel).delete_container(arguments.at(0));
}

Result<> pins(Driver& driver, const Arguments& arguments, json::Writer&) {
  containerd::GrpcImageStore store(connection(TRY(driver.facts())));
  prepull::RequiredPin required{TRY(Reference::parse(arguments.at(1))), {}};
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    required.proven.push_back(TRY(Digest::parse(arguments[i])));
  }
  return prepull::keep_pins(
      store, {required}, {SystemClock().now(), std::chrono::seconds(std::stoi(arguments.at(0)))});
}

// What a kubelet sees.
Result<> cri(Driver& driver, const Arguments& arguments, json::Writer& out) {
  const containerd::Channel channel({driver.socket, "", ""});
  const auto stub = ::runtime::v1::ImageService::NewStub(channel.transport());
  ::runtime::v1::ImageStatusRequest request;
  request.mutable_image()->set_image(arguments.at(0));
  ::runtime::v1::ImageStatusResponse response;
  const auto status = channel.call(
      {}, [&](auto* context) { return stub->ImageStatus(context, request, &response); });
  if (!status.ok()) return channel.failure(status, "ImageStatus");
  out.member("found", response.has_image()).member("id", response.image().id());
  out.member("pinned", response.image().pinned());
  const auto& tags = response.image().repo_tags();
  const auto& digests = response.image().repo_digests();
  out.member("tags", std::vector<std::string>(tags.begin(), tags.end()));
  out.member("digests", std::vector<std::string>(digests.begin(), digests.end()));
  return {};
}

// The product's own cri.proto has neither PullImage nor RemoveImage, for nodeproof never asks for
// them: on the wire their messages look like two that are there (an ImageSpec in field 1, a string
// in field 1 or nothing).
Result<std::string> ask_cri(Driver& driver, const std::string& method, const std::string& image) {
  const containerd::Channel channel({driver.socket, "", ""});
  ::runtime::v1::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  ::runtime::v1::VersionRequest response;
  const std::string path = "/runtime.v1.ImageService/" + method;
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
  const auto status = channel.call({std::chrono::minutes(5)}, [&](auto* context) {
    return grpc::internal::BlockingUnaryCall(channel.transport().get(), rpc, context, request,
                                             &response);
  });
  if (!status.ok()) return channel.failure(status, method);
  return response.version();
}

// As a kubelet pulls; the answer is what containerd calls the image: its config's digest.
Result<> cri_pull(Driver& driver, const Arguments& arguments, json::Writer& out) {
  out.member("id", TRY(ask_cri(driver, "PullImage", arguments.at(0))));
  return {};
}

Result<> cri_remove(Driver& driver, const Arguments& arguments, json::Writer&) {
  TRY(ask_cri(driver, "RemoveImage", arguments.at(0)));
  return {};
}

Result<> leases(Driver& driver, const Arguments&, json::Writer& out) {
  containerd::GrpcImageStore store(connection(TRY(driver.facts())));
  std::vector<std::string> ids;
  for (const Lease& lease : TRY(store.leases("nodeproof.dev/candidate"))) ids.push_back(lease.id);
  out.member("leases", ids);
  return {};
}

using Command = Result<> (*)(Driver&, const Arguments&, json::Writer&);

Command command_named(const std::string& name) {
  static constexpr std::pair<std::string_view, Command> kCommands[] = {
      {"facts", show_facts}, {"find", find},     {"pull", pull}, {"run", run},
      {"sweep", sweep},      {"forget", forget}, {"cri", cri},   {"cri-pull", cri_pull},
      {"leases", leases},    {"set", pull_set},  {"pins", pins}, {"cri-remove", cri_remove}};
  for (const auto& [known, command] : kCommands) {
    if (known == name) return command;
  }
  return nullptr;
}

int drive(const Arguments& arguments) {
  const Command command = arguments.size() < 2 ? nullptr : command_named(arguments[1]);
  if (command == nullptr) return 64;
  Driver driver(arguments[0]);
  json::Writer out;
  out.begin_object();
  auto done = command(driver, Arguments(arguments.begin() + 2, arguments.end()), out);
  if (!done) {
    out.member("error", to_string(done.error().code)).member("message", done.error().message);
    out.member("remedy", done.error().remedy);
  }
  out.end_object();
  std::cout << out.str() << std::endl;
  return done ? 0 : 1;
}

}  // namespace
}  // namespace nodeproof

int main(int argc, char** argv) {
  if (auto broker = nodeproof::unpack::start_unpack_broker()) {  // before the first thread
    nodeproof::unpacker = *std::move(broker);
  }
  // SIGTERM asks to stop; a thread of its own takes it, for a handler may not.
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);
  std::thread([term] {
    int taken = 0;
    sigwait(&term, &taken);
    nodeproof::stopping.request_stop();
  }).detach();
  return nodeproof::drive({argv + 1, argv + argc});
}

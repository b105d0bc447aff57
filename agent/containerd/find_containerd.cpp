#include "agent/containerd/find_containerd.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "agent/containerd/introspection_grpc.hpp"

namespace nodeproof::containerd {
namespace {

constexpr std::array<std::string_view, 4> kSockets = {
    "/run/containerd/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
    "/run/k0s/containerd.sock",
};

struct Candidate {
  std::string socket;
  std::string uuid;
};

struct Search {
  std::vector<Candidate> daemons;  // each once, however many sockets lead to it
  std::optional<Error> denied;
  std::string tried;
};

Search look_at(std::span<const std::string_view> sockets, const std::stop_token& stop) {
  Search search;
  for (const std::string_view name : sockets) {
    const std::string socket(name);
    search.tried += (search.tried.empty() ? "" : ", ") + socket;
    if (auto probe = probe_socket(socket); !probe) {
      if (probe.error().code == Errc::permission_denied) search.denied = std::move(probe).error();
      continue;
    }
    const Channel channel({socket, "", ""});
    const auto uuid = daemon_uuid(channel, stop);
    if (!uuid) continue;  // something listens that is no containerd
    const bool known =
        std::ranges::find(search.daemons, *uuid, &Candidate::uuid) != search.daemons.end();
    if (!known) search.daemons.push_back({socket, *uuid});
  }
  return search;
}

// At least one.
Result<std::vector<Candidate>> answering(std::span<const std::string_view> sockets,
                                         const std::stop_token& stop) {
  Search search = look_at(sockets, stop);
  if (stop.stop_requested()) return fail(Errc::cancelled, "looking for containerd: stopped");
  if (search.daemons.empty() && search.denied) return std::unexpected(*std::move(search.denied));
  if (search.daemons.empty()) {
    return fail(Errc::runtime_unavailable, "no containerd answers; tried " + search.tried,
                "start containerd, or set containerd.address to its socket");
  }
  return std::move(search.daemons);
}

Error ambiguous(const std::vector<Candidate>& daemons) {
  std::string list;
  for (const Candidate& daemon : daemons) list += (list.empty() ? "" : " and ") + daemon.socket;
  return {Errc::invalid_config, "more than one containerd runs here: " + list,
          "set containerd.address to the one whose images shall be proven"};
}

}  // namespace

std::span<const std::string_view> usual_sockets() { return kSockets; }

Result<ContainerdFacts> find_containerd(const ContainerdChoice& choice, const std::stop_token& stop,
                                        std::span<const std::string_view> sockets) {
  std::string address = choice.address;
  if (address.empty()) {
    const auto daemons = TRY(answering(sockets, stop));
    if (daemons.size() > 1) return std::unexpected(ambiguous(daemons));
    address = daemons.front().socket;
  }
  const Channel channel({address, choice.namespace_, choice.snapshotter});
  TRY(channel.reachable());
  return read_facts(channel, stop);
}

Result<std::vector<ContainerdFacts>> every_namespace(const ContainerdChoice& choice,
                                                     const std::stop_token& stop,
                                                     std::span<const std::string_view> sockets) {
  std::vector<Candidate> daemons{{choice.address, ""}};
  if (choice.address.empty()) daemons = TRY(answering(sockets, stop));
  std::vector<ContainerdFacts> found;
  for (const Candidate& daemon : daemons) {
    const Channel channel({daemon.socket, choice.namespace_, choice.snapshotter});
    TRY(channel.reachable());
    ContainerdFacts facts = TRY(read_facts(channel, stop));
    std::vector<std::string> names{choice.namespace_};
    if (choice.namespace_.empty()) names = TRY(namespaces(channel, stop));
    for (std::string& name : names) {
      facts.namespace_ = std::move(name);
      found.push_back(facts);
    }
  }
  return found;
}

}  // namespace nodeproof::containerd

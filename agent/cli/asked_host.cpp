#include "agent/cli/asked_host.hpp"

#include <algorithm>
#include <utility>

#include "agent/cli/facts.hpp"
#include "agent/cli/side_file.hpp"
#include "agent/host/host.hpp"
#include "common/file.hpp"
#include "common/known_platform.hpp"
#include "common/words.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kMaxFacts = 1U << 20U;

std::string known_hosts() {
  std::string names;
  for (const host::Profile& profile : host::profiles()) {
    names.append(names.empty() ? "" : ", ").append(profile.name);
  }
  return names;
}

Error of_file(const std::string& file, Error error) {
  const bool permission = error.code == Errc::permission_denied;
  if (error.remedy.empty() && !permission) {
    error.remedy = "make one with: nodeproof host -o json; or name a known host: " + known_hosts();
  }
  return not_usable({"--host", file}, std::move(error));
}

// "./pi5" and "pi5.json" are files.
const host::Profile* profile_named(const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".json")) return nullptr;
  return host::find_profile(name);
}

Result<HostFacts> saved_host(const std::string& file) {
  if (const host::Profile* profile = profile_named(file)) return host::facts_of(*profile);
  const auto text = read_file(file, kMaxFacts);
  if (!text) return std::unexpected(of_file(file, text.error()));
  auto facts = host::from_json(*text);
  if (!facts) return std::unexpected(of_file(file, facts.error()));
  const Platform& platform = facts->platform;
  for (const auto& [path, value] :
       {std::pair{"$.os", &platform.os}, std::pair{"$.architecture", &platform.architecture}}) {
    if (value->empty()) {
      return std::unexpected(of_file(file, {Errc::usage, std::string(path) + " is missing", ""}));
    }
  }
  if (const auto known = parse_platform(to_string(platform)); !known) {
    return std::unexpected(
        of_file(file, {Errc::usage, "$.architecture: " + known.error().message, ""}));
  }
  return facts;
}

// A release's number, whatever a distribution puts behind it: 2.1.4, v1.7.23-k3s2.
bool is_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::size_t dot = text.find('.');
  return dot != std::string_view::npos && dot > 0 && dot <= 3 &&
         std::ranges::all_of(text.substr(0, dot), digit) && dot + 1 < text.size() &&
         digit(text[dot + 1]);
}

Result<> ask_for_version(HostFacts& facts, const std::string& version) {
  if (version.empty()) return {};
  if (!is_version(version)) {
    return fail(Errc::usage, "--containerd " + excerpt(version, 64) + " is no version",
                "Give it as containerd does, such as 1.7.24 or 2.1.4.");
  }
  if (!facts.containerd) {  // a containerd as it comes: with CRI, for a kubelet
    facts.containerd.emplace();
    facts.containerd->namespace_ = "k8s.io";
    facts.containerd->cri = true;
  }
  facts.containerd->version = version.substr(version.starts_with('v') ? 1 : 0);
  return {};
}

Result<HostFacts> host_as_it_is(const AskedHost& asked, const config::Config& config,
                                const std::stop_token& stop) {
  HostFacts facts;
  if (!asked.file.empty()) return saved_host(asked.file);
  if (!asked.platform.empty()) {
    facts.platform = TRY(asked_platform(asked.platform));
    return facts;
  }
  return facts_of_this_host(config, stop);
}

}  // namespace

Result<const host::Profile*> profile_asked_for(const std::string& name) {
  const host::Profile* profile = host::find_profile(name);
  if (profile != nullptr) return profile;
  return fail(Errc::usage, "--profile: there is no host " + excerpt(name, 64),
              "Known are " + known_hosts() + ".");
}

Result<Platform> asked_platform(const std::string& text) {
  auto platform = parse_platform(text);
  if (!platform) return std::unexpected(std::move(platform).error().with_context("--platform"));
  if (is_known(*platform)) return platform;
  return fail(Errc::usage, "--platform: there is no platform " + excerpt(to_string(*platform), 64),
              "Write it as os/architecture or os/architecture/variant, such as linux/arm64.");
}

Result<HostFacts> host_asked_for(const AskedHost& asked, const config::Config& config,
                                 const std::stop_token& stop) {
  HostFacts facts = TRY(host_as_it_is(asked, config, stop));
  TRY(ask_for_version(facts, asked.containerd_version));
  return facts;
}

}  // namespace nodeproof::cli

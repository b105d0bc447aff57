#include "agent/cli/wiring.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/containerd/find_containerd.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kMaxPasswordBytes = 64 << 10;

Result<std::string> read_password(const std::string& file) {
  if (file.empty()) return std::string();
  auto text = read_file(file, kMaxPasswordBytes);
  if (!text) return fail(Errc::invalid_config, "password_file: " + text.error().message);
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return text;
}

Result<registry::Settings> registry_settings(const config::Config& config) {
  registry::Settings settings;
  for (const auto& [host, from] : config.registries) {
    auto password = read_password(from.password_file);
    if (!password) {
      return std::unexpected(std::move(password).error().with_context("registry " + host));
    }
    registry::HostSettings to;
    if (from.plain_http) to.plain_http = true;
    to.tls = {from.ca, from.client_certificate, from.client_key};
    to.username = from.username;
    to.password = *std::move(password);
    settings.emplace(host, std::move(to));
  }
  return settings;
}

containerd::ConnectionOptions connection(const ContainerdFacts& facts) {
  return {.socket = facts.socket, .namespace_ = facts.namespace_, .snapshotter = facts.snapshotter};
}

}  // namespace

RegistryAccess::RegistryAccess(const registry::Settings& settings)
    : registry_(http_, clock_, settings), writer_(http_, clock_, settings, registry_) {}

Result<std::unique_ptr<RegistryAccess>> RegistryAccess::open(const config::Config& config) {
  const registry::Settings settings = TRY(registry_settings(config));
  return std::unique_ptr<RegistryAccess>(new RegistryAccess(settings));
}

ContainerdAccess::ContainerdAccess(ContainerdFacts facts, std::stop_token stop)
    : facts_(std::move(facts)),
      store_(connection(facts_), std::move(stop)),
      runtime_(connection(facts_), facts_) {}

Result<std::unique_ptr<ContainerdAccess>> ContainerdAccess::open(const config::Config& config,
                                                                 std::stop_token stop) {
  const config::Containerd& wanted = config.containerd;
  ContainerdFacts facts = TRY(
      containerd::find_containerd({wanted.address, wanted.namespace_, wanted.snapshotter}, stop));
  return std::unique_ptr<ContainerdAccess>(new ContainerdAccess(std::move(facts), std::move(stop)));
}

Result<std::filesystem::path> own_binary() {
  std::array<char, 4096> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0) return fail_errno(errno, "/proc/self/exe");
  return std::filesystem::path(std::string(path.data(), static_cast<std::size_t>(length)));
}

}  // namespace nodeproof::cli

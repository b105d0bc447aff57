#include "agent/cli/unpack_rights.hpp"

#include "agent/unpack/broker.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

// What containerd's files are labelled with there is containerd's affair.
bool selinux_enforces() {
  const auto enforce = read_file("/sys/fs/selinux/enforce", 16);
  return enforce && enforce->starts_with('1');
}

}  // namespace

UnpackRights UnpackRights::take() {
  UnpackRights rights;
  if (auto started = unpack::start_unpack_broker()) {
    rights.unpacker_ = *std::move(started);
  } else {
    rights.why_not_ = std::move(started).error().message;
  }
  return rights;
}

Result<> UnpackRights::give_up() { return unpack::drop_rights(); }

UnpackWay UnpackRights::way(const config::Config& config) const {
  if (config.pull.unpack == config::Unpack::containerd) return {nullptr, "by the configuration"};
  if (selinux_enforces()) return {nullptr, "SELinux is enforcing"};
  return {unpacker_.get(), why_not_};
}

}  // namespace nodeproof::cli

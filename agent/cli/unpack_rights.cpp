#include "agent/cli/unpack_rights.hpp"

#include "agent/unpack/broker.hpp"
#include "agent/unpack/rights.hpp"
#include "common/file.hpp"
#include "common/log.hpp"

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

void UnpackRights::give_up() {
  if (const auto done = unpack::drop_rights(); !done) log::warning(done.error().message);
}

void UnpackRights::lay_down() {
  if (const auto done = unpack::lay_down(); !done) log::warning(done.error().message);
}

UnpackWay UnpackRights::way(const config::Config& config) const {
  if (config.pull.unpack == config::Unpack::containerd) return {nullptr, "by the configuration"};
  if (selinux_enforces()) return {nullptr, "SELinux is enforcing"};
  return {unpacker_.get(), why_not_};
}

}  // namespace nodeproof::cli

#include "agent/unpack/landlock.hpp"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "common/file.hpp"

namespace nodeproof::unpack {
namespace {

// As linux/landlock.h of Linux 6.12; the sysroot's is older.
struct RulesetAttr {
  std::uint64_t files = 0, network = 0, scoped = 0;
};
constexpr std::uint64_t kTruncate = 1U << 14U, kIoctlDevice = 1U << 15U;   // ABI 3, 5
constexpr std::uint64_t kBindTcp = 1U << 0U, kConnectTcp = 1U << 1U;       // ABI 4
constexpr std::uint64_t kAbstractSockets = 1U << 0U, kSignals = 1U << 1U;  // ABI 6
constexpr std::uint64_t kFilesOfAbi2 = LANDLOCK_ACCESS_FS_REFER * 2 - 1;

struct Abi {
  RulesetAttr handled;
  std::size_t size = sizeof(std::uint64_t);
};

Abi abi_of(long version) {
  Abi abi;
  abi.handled.files = kFilesOfAbi2;
  if (version >= 3) abi.handled.files |= kTruncate;
  if (version >= 5) abi.handled.files |= kIoctlDevice;
  if (version >= 4) {
    abi.handled.network = kBindTcp | kConnectTcp;
    abi.size = 2 * sizeof(std::uint64_t);
  }
  if (version >= 6) {
    abi.handled.scoped = kAbstractSockets | kSignals;
    abi.size = sizeof(RulesetAttr);
  }
  return abi;
}

}  // namespace

Result<bool> fence(int directory, bool devices) {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 2) return false;
  const Abi abi = abi_of(version);
  const UniqueFd rules(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &abi.handled, abi.size, 0)));
  if (!rules) return fail_errno(errno, "making a Landlock ruleset");
  std::uint64_t denied = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_SOCK | kIoctlDevice;
  if (!devices) denied |= LANDLOCK_ACCESS_FS_MAKE_BLOCK;
  landlock_path_beneath_attr below{};
  below.allowed_access = abi.handled.files & ~denied;
  below.parent_fd = directory;
  if (syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0) {
    return fail_errno(errno, "adding a Landlock rule");
  }
  if (syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) {
    return fail_errno(errno, "entering Landlock");
  }
  return true;
}

}  // namespace nodeproof::unpack

#include "agent/smoke/syscall_names.hpp"

#include <linux/audit.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace nodeproof::smoke {
namespace {

struct Row {
  int number;
  std::string_view name;
};

#if defined(__x86_64__)
constexpr Row kNames[] = {
#include "generated/syscalls_amd64.inc"
};
constexpr Row kX32Names[] = {
#include "generated/syscalls_x32.inc"
};
constexpr Row kI386Names[] = {
#include "generated/syscalls_i386.inc"
};
constexpr int kX32Bit = 0x40000000;
#else
constexpr Row kNames[] = {
#include "generated/syscalls_arm64.inc"
};
#endif

struct Table {
  std::string_view whose;  // "" = this processor's own
  std::span<const Row> rows;
};

Table table_of(std::uint32_t arch, [[maybe_unused]] int call) {
#if defined(__x86_64__)
  if (arch == AUDIT_ARCH_I386) return {"i386's ", kI386Names};
  if (arch != AUDIT_ARCH_X86_64) return {};
  return (call & kX32Bit) != 0 ? Table{"x32's ", kX32Names} : Table{"", kNames};
#else
  if (arch == AUDIT_ARCH_ARM) return {"32-bit Arm's ", {}};
  return arch == AUDIT_ARCH_AARCH64 ? Table{"", kNames} : Table{};
#endif
}

}  // namespace

std::string syscall_name(std::uint32_t arch, int call) {
  const Table table = table_of(arch, call);
  const auto row = std::ranges::find(table.rows, call, &Row::number);
  std::string name(table.whose);
  return name +=
         row != table.rows.end() ? std::string(row->name) : "call number " + std::to_string(call);
}

}  // namespace nodeproof::smoke

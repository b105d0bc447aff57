#include "agent/smoke/seccomp.hpp"

#include <sched.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "agent/smoke/seccomp_table.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) found.push_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return found;
}

std::string_view name_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal:
      return "SCMP_CMP_EQ";
    case Comparison::not_equal:
      return "SCMP_CMP_NE";
    case Comparison::masked_equal:
      return "SCMP_CMP_MASKED_EQ";
  }
  return {};
}

std::vector<SyscallRule> common_rules() {
  std::vector<SyscallRule> rules;
  rules.push_back({words(kAllowedCalls), {}, 0});
  // The hypervisor's socket is no network of the container's.
  rules.push_back({{"socket"}, {{0, AF_VSOCK, 0, Comparison::not_equal}}, 0});
  // Linux, Linux32, both with UNAME26 and the question "which one is it".
  constexpr std::uint64_t kLinux = PER_LINUX, kLinux32 = PER_LINUX32, kOld = UNAME26,
                          kAsk = 0xffffffff;
  for (const std::uint64_t persona : {kLinux, kLinux32, kOld, kLinux32 | kOld, kAsk}) {
    rules.push_back({{"personality"}, {{0, persona, 0, Comparison::equal}}, 0});
  }
  rules.push_back({{"process_vm_readv", "process_vm_writev", "ptrace"}, {}, 0});
  rules.push_back({{"chroot"}, {}, 0});
  rules.push_back({{"clone"}, {{0, kNewNamespaces, 0, Comparison::masked_equal}}, 0});
  // Its flags are behind a pointer: "not there" makes glibc fall back to clone.
  rules.push_back({{"clone3"}, {}, ENOSYS});
  return rules;
}

void write(json::Writer& writer, const SyscallArgument& argument) {
  writer.begin_object()
      .member("index", static_cast<std::uint64_t>(argument.index))
      .member("value", argument.value)
      .member("valueTwo", argument.value_two)
      .member("op", name_of(argument.comparison))
      .end_object();
}

}  // namespace

Result<SeccompProfile> seccomp_profile(std::string_view architecture) {
  SeccompProfile profile{{}, common_rules()};
  if (architecture == "amd64") {
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    profile.rules.push_back({{"arch_prctl", "modify_ldt"}, {}, 0});
  } else if (architecture == "arm64") {
    profile.architectures = {"SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"};
    profile.rules.push_back({{"arm_fadvise64_64", "arm_sync_file_range", "sync_file_range2",
                              "breakpoint", "cacheflush", "set_tls"},
                             {},
                             0});
  } else {
    return fail(Errc::unsupported,
                "no seccomp profile for architecture " + std::string(architecture));
  }
  return profile;
}

void write(json::Writer& writer, const SeccompProfile& profile) {
  writer.begin_object().member("defaultAction", "SCMP_ACT_ERRNO");
  writer.key("architectures").begin_array();
  for (const std::string_view architecture : profile.architectures) writer.string(architecture);
  writer.end_array().key("syscalls").begin_array();
  for (const SyscallRule& rule : profile.rules) {
    writer.begin_object().key("names").begin_array();
    for (const std::string_view name : rule.names) writer.string(name);
    writer.end_array().member("action", rule.error == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO");
    if (rule.error != 0) writer.member("errnoRet", static_cast<std::int64_t>(rule.error));
    if (!rule.arguments.empty()) {
      writer.key("args").begin_array();
      for (const SyscallArgument& argument : rule.arguments) write(writer, argument);
      writer.end_array();
    }
    writer.end_object();
  }
  writer.end_array().end_object();
}

}  // namespace nodeproof::smoke

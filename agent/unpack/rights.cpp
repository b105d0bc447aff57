#include "agent/unpack/rights.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace nodeproof::unpack {
namespace {

using Words = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

Result<Words> read_words() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Words words{};
  if (syscall(SYS_capget, &header, words.data()) != 0) {
    return fail_errno(errno, "reading this process' capabilities");
  }
  return words;
}

Result<> shrink_bounding_set(Capabilities kept) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if ((kept & bit(capability)) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return fail_errno(errno, "giving up a capability for good");
    }
  }
  return {};
}

Result<> set_words(const Words& words) {
  // A unit that has taken all away may refuse the call, too.
  const Words held = TRY(read_words());
  if (std::memcmp(held.data(), words.data(), sizeof held) == 0) return {};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  if (syscall(SYS_capset, &header, words.data()) != 0) {
    return fail_errno(errno, "giving up capabilities");
  }
  return {};
}

constexpr std::array kNames{
    std::pair{CAP_CHOWN, std::string_view("CAP_CHOWN")},
    std::pair{CAP_DAC_OVERRIDE, std::string_view("CAP_DAC_OVERRIDE")},
    std::pair{CAP_FOWNER, std::string_view("CAP_FOWNER")},
    std::pair{CAP_FSETID, std::string_view("CAP_FSETID")},
    std::pair{CAP_SETFCAP, std::string_view("CAP_SETFCAP")},
    std::pair{CAP_SYS_CHROOT, std::string_view("CAP_SYS_CHROOT")},
    std::pair{CAP_SETPCAP, std::string_view("CAP_SETPCAP")},
    std::pair{CAP_SYS_ADMIN, std::string_view("CAP_SYS_ADMIN")},
};

}  // namespace

Result<Capabilities> capabilities() {
  const Words words = TRY(read_words());
  return Capabilities{words[0].effective} | Capabilities{words[1].effective} << 32U;
}

Result<> keep_only(Capabilities kept) {
  const Words held = TRY(read_words());
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // before Linux 4.3: nothing to clear
  if ((held[0].effective & bit(CAP_SETPCAP)) != 0) TRY(shrink_bounding_set(kept));
  Words words{};
  for (std::size_t word = 0; word < words.size(); ++word) {
    const auto wanted = static_cast<__u32>(kept >> (32U * word));
    words[word].permitted = words[word].effective = held[word].permitted & wanted;
  }
  return set_words(words);
}

Result<> lay_down() {
  Words words = TRY(read_words());
  for (auto& word : words) word.effective = 0;
  return set_words(words);
}

std::string missing(Capabilities wanted, Capabilities held) {
  std::string names;
  for (const auto& [capability, name] : kNames) {
    if ((wanted & ~held & bit(capability)) == 0) continue;
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

}  // namespace nodeproof::unpack

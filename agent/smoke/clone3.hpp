// What does clone3(2) come to in a container of this host? glibc 2.34 and later makes threads with
// it. A profile that answers ENOSYS lets it fall back to clone; an old runc or libseccomp does not
// know the call and answers EPERM, and then no thread starts.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/model.hpp"

namespace nodeproof::smoke {

// In the container, under its profile: errno of a call whose arguments are wrong on purpose, so
// that it makes no process.
[[nodiscard]] int try_clone3();

// "ENOSYS", "EPERM", "allowed" (the kernel refused the arguments); "" = something else.
[[nodiscard]] std::string clone3_word(int error);

// Kept in the folder, which a boot empties, and for this containerd and runc.
void keep_clone3(const std::filesystem::path& folder, const HostFacts& host,
                 const std::string& word);
[[nodiscard]] std::string kept_clone3(const std::filesystem::path& folder, const HostFacts& host);

// A warning, where threads are refused.
[[nodiscard]] std::optional<Finding> threads_refused(const HostFacts& host);

}  // namespace nodeproof::smoke

// What this machine says about where credentials are: a value, so that a test has one of its own.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::registry {

struct Surroundings {
  std::map<std::string, std::string, std::less<>> environment;
  std::filesystem::path root = "/";  // what /proc, /var and /etc are below
  bool is_root = false;

  static Surroundings of_this_process();

  [[nodiscard]] std::string variable(std::string_view name) const;  // "" when unset
  // $HOME; /root for root, whom a service manager starts without it.
  [[nodiscard]] std::string home() const;
};

// What a helper program is given of the environment: PATH, HOME, proxies, and what the known
// helpers and their clouds' SDKs read.
[[nodiscard]] std::vector<std::string> helper_environment(const Surroundings& around);

// The absolute path of a program, looked for in the usual folders and $PATH; Errc::not_found.
Result<std::string> find_program(const std::string& name, const Surroundings& around);

// When we are root, nobody else may be able to change what we run or believe: the file and the
// folders above it belong to root and nobody else writes them. Errc::untrusted with the reason.
Result<> check_only_root_writes(const std::filesystem::path& file, const Surroundings& around);

// For a file of secrets that was just used.
void warn_when_all_can_read(const std::filesystem::path& file);

}  // namespace nodeproof::registry

// The host a question is about: this one, one saved in a file, or any of a platform.
#pragma once

#include <stop_token>
#include <string>

#include "agent/config/config.hpp"
#include "agent/host/profiles.hpp"
#include "agent/model.hpp"
#include "common/error.hpp"

namespace nodeproof::cli {

struct AskedHost {
  std::string file;                // a document of `nodeproof host -o json`, or a profile's name
  std::string platform;            // "linux/arm/v7"
  std::string containerd_version;  // instead of the host's own; "" = as found
  [[nodiscard]] bool is_this_one() const { return file.empty() && platform.empty(); }
};

// Asks this node's containerd only when the question is about this node. Errc::usage names the
// option or the file, with the JSON path of what is wrong in it.
Result<HostFacts> host_asked_for(const AskedHost& asked, const config::Config& config,
                                 const std::stop_token& stop);

// Errc::usage names the profiles there are.
Result<const host::Profile*> profile_asked_for(const std::string& name);

// What --host takes, for the commands' help.
inline constexpr const char* kHostOption =
    "a file that 'nodeproof host -o json' wrote, or a known host such as pi5 ('nodeproof host "
    "--profiles' lists them; a file of such a name is meant only with a / or .json in it)";

// Of --platform. Errc::usage for names that no platform has: a typo would read as an image that
// is not there.
Result<Platform> asked_platform(const std::string& text);

}  // namespace nodeproof::cli

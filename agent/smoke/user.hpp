// The image's user, resolved strictly inside the image as containerd does (oci/spec_opts.go
// WithUser, WithAdditionalGIDs).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/smoke/root.hpp"

namespace nodeproof::smoke {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary; gid comes first
  friend bool operator==(const User&, const User&) = default;
};

// passwd and group as texts; "" = the image has none.
// "" = root; uid; uid:gid; name; name:group; uid:group; name:gid. A number above 2^31 - 1 is a
// name, as in containerd since CVE-2024-40635; a name that is not found is an error.
Result<User> resolve_user(std::string_view wanted, std::string_view passwd, std::string_view group);

// Reads /etc/passwd and /etc/group of the root.
Result<User> resolve_user(std::string_view wanted, const Root& root);

}  // namespace nodeproof::smoke

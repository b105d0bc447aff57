// Docker's config.json, the kubelet's, and podman's auth.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/registry/written_login.hpp"

namespace nodeproof::json {
class Value;
}

namespace nodeproof::registry {

// A program docker-credential-NAME and what it is asked for.
struct Helper {
  std::string name, server;
  friend bool operator==(const Helper&, const Helper&) = default;
};

class DockerConfig {
 public:
  // Unknown keys are left alone. `file` is for messages. Errc::invalid_config with file and path.
  static Result<DockerConfig> parse(std::string_view text, const std::string& file);

  // Whom to ask for this place: the helper of the best fitting key, else the store of all.
  [[nodiscard]] std::optional<Helper> helper_for(const Place& place) const;
  // The best fitting entry that holds something; nullptr = none.
  [[nodiscard]] const WrittenLogin* login_for(const Place& place) const;

 private:
  struct Entry {
    std::string key;  // plain_key()
    WrittenLogin login;
  };
  struct HelperEntry {
    std::string key, helper;
  };
  Result<> take(const json::Value& root);
  Result<> take_auths(const json::Value& auths);
  Result<> take_helpers(const json::Value& helpers);

  std::vector<Entry> auths_;
  std::vector<HelperEntry> helpers_;
  std::string store_;
};

}  // namespace nodeproof::registry

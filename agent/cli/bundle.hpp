// The support file of `nodeproof bundle`: everything in it has gone through a Redactor.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/cli/command.hpp"
#include "common/redact.hpp"
#include "common/tar_gz.hpp"

namespace nodeproof::cli {

enum class Syntax { json, toml, yaml };

class Bundle {
 public:
  explicit Bundle(const Redactor& redactor) : redactor_(redactor) {}

  // Free text; of a long one the end. What could not be had is named in missing.txt.
  void add_text(const std::string& name, const Result<std::string>& text);
  // A document, rewritten as JSON; one that cannot be read is left out whole.
  void add_document(const std::string& name, const Result<std::string>& text, Syntax syntax);
  void note_missing(const std::string& name, const Error& error);

  // A .tar.gz below `folder`, smaller than 5 MB: what does not fit is dropped, the largest first.
  Result<std::string> pack(const std::string& folder, long seconds) const;

 private:
  const Redactor& redactor_;
  std::vector<PackedFile> files_;
  std::string missing_;
};

// All that says what logins there are on this host: the configuration as written, docker's,
// podman's, the kubelet's and k3s' files, containerd's configuration, the environment.
void learn_secrets(const Globals& globals, const config::Config& config, Redactor& redactor);

// The parts, each of which may be missing.
void add_parts(Bundle& bundle, Session& session, const config::Config& config,
               const std::stop_token& stop);

// nodeproof.json and conf.d/*.json as they are written, there or not.
[[nodiscard]] std::vector<std::filesystem::path> config_files(const Globals& globals);
// containerd's config.toml where its packages and k3s, RKE2 and MicroK8s have it.
[[nodiscard]] std::vector<std::filesystem::path> containerd_config_files();
// hosts.toml in each of the directories, with its folder's name.
[[nodiscard]] std::vector<std::filesystem::path> hosts_files(const config::Config& config);
Result<json::Value> parse_as(std::string_view text, Syntax syntax);

}  // namespace nodeproof::cli

// How to reach an API server and who we are there: from a kubeconfig, or as a pod's service
// account.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "common/error.hpp"

namespace nodeproof::kubernetes {

// Texts, not file names: read at one moment, so that a rotation in between mixes no two.
struct Credentials {
  std::string server;       // "https://127.0.0.1:6443", maybe with a path; no slash at its end
  std::string ca;           // PEM; "" = the system's store
  std::string certificate;  // PEM, "" = none
  std::string key;          // PEM
  std::string token;        // bearer, "" = none
  std::string proxy;        // "" = what the environment says
  bool verify = true;       // false: insecure-skip-tls-verify
  std::string source;       // the file, for messages
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// What this machine says, as a value, so that a test has one of its own.
struct Surroundings {
  std::map<std::string, std::string, std::less<>> environment;  // of which a few are looked at
  std::filesystem::path root = "/";  // what every absolute path of a credential is below

  static Surroundings of_this_process();
  [[nodiscard]] std::string variable(std::string_view name) const;  // "" when unset
  [[nodiscard]] std::filesystem::path below(const std::filesystem::path& path) const;
};

// The kubeconfig of that name; for "" the pod's service account, else the one kubelet's that is
// here (k3s, RKE2, kubeadm, MicroK8s and other places). Everything is read anew with every call.
// Errc::not_found when there is none, invalid_config for several or one that cannot be used,
// unsupported for a user whose credential is a program's or a password.
Result<Credentials> find_credentials(const std::string& kubeconfig, const Surroundings& around);

}  // namespace nodeproof::kubernetes

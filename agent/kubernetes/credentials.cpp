#include "agent/kubernetes/credentials.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "agent/kubernetes/kubeconfig.hpp"
#include "common/file.hpp"

namespace nodeproof::kubernetes {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kVariables = {"KUBERNETES_SERVICE_HOST",
                                                        "KUBERNETES_SERVICE_PORT", "NODE_NAME"};
constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";
// Where kubelets keep theirs.
constexpr std::array<const char*, 5> kKubelets = {
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/kubeconfig",
    "/var/snap/microk8s/current/credentials/kubelet.config",
};

// "10.43.0.1:443", "[fd00::1]:443"
std::string authority(const std::string& host, const std::string& port) {
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  return name + ":" + (port.empty() ? "443" : port);
}

Result<Credentials> service_account(const Surroundings& around) {
  const fs::path folder = around.below(kServiceAccount);
  Credentials out;
  out.server = "https://" + authority(around.variable("KUBERNETES_SERVICE_HOST"),
                                      around.variable("KUBERNETES_SERVICE_PORT"));
  out.token = TRY(read_token(folder / "token"));
  out.ca = TRY(read_file(folder / "ca.crt"));
  out.source = (folder / "token").string();
  return out;
}

bool in_a_pod(const Surroundings& around) {
  std::error_code unseen;
  return !around.variable("KUBERNETES_SERVICE_HOST").empty() &&
         fs::exists(around.below(kServiceAccount) / "token", unseen);
}

Result<Credentials> kubelets(const Surroundings& around) {
  std::vector<fs::path> found;
  for (const char* path : kKubelets) {
    std::error_code unseen;
    if (fs::exists(around.below(path), unseen)) found.push_back(around.below(path));
  }
  if (found.size() == 1) return read_kubeconfig(found.front(), around);
  if (found.empty()) {
    return fail(Errc::not_found,
                "no kubeconfig: there is none of a kubelet on this host, and no "
                "service account",
                "name one as report.kubernetes.kubeconfig, or give the pod a service account");
  }
  return fail(
      Errc::invalid_config,
      "several kubelets have a kubeconfig here: " + found[0].string() + ", " + found[1].string(),
      "name the right one as report.kubernetes.kubeconfig");
}

}  // namespace

Surroundings Surroundings::of_this_process() {
  Surroundings out;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (equals == std::string_view::npos ||
        std::ranges::find(kVariables, name) == kVariables.end()) {
      continue;
    }
    out.environment.emplace(name, text.substr(equals + 1));
  }
  return out;
}

std::string Surroundings::variable(std::string_view name) const {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

fs::path Surroundings::below(const fs::path& path) const { return root / path.relative_path(); }

Result<Credentials> find_credentials(const std::string& kubeconfig, const Surroundings& around) {
  if (!kubeconfig.empty()) return read_kubeconfig(around.below(kubeconfig), around);
  return in_a_pod(around) ? service_account(around) : kubelets(around);
}

}  // namespace nodeproof::kubernetes

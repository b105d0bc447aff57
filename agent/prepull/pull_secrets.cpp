#include "agent/prepull/pull_secrets.hpp"

#include <algorithm>

#include "agent/codes.hpp"

namespace nodeproof::prepull {
namespace {

constexpr std::string_view kAlways = "AlwaysVerify", kNever = "NeverVerify",
                           kAllowlisted = "NeverVerifyAllowlistedImages";

// An entry is a repository, or "registry/path/*" for all below it; tags and digests play no part.
bool is_listed(const std::string& repository, const std::vector<std::string>& allowlist) {
  return std::ranges::any_of(allowlist, [&](std::string_view entry) {
    if (!entry.ends_with("/*")) return entry == repository;
    entry.remove_suffix(1);
    return repository.starts_with(entry);
  });
}

std::string message_for(const KubeletFacts& kubelet, const std::string& credentials) {
  const std::string& policy = kubelet.pull_credentials_policy;
  const std::string who = policy.empty()
                              ? "a kubelet from Kubernetes 1.35 on, whose policy is not set here,"
                              : "the kubelet, by its policy " + policy + ",";
  return "fetched with the login from " + credentials + "; " + who +
         " lets every pod on this node use it, without a pull secret of its own";
}

}  // namespace

std::optional<Finding> bypassed_pull_secret(const Reference& image, const std::string& credentials,
                                            const KubeletFacts& kubelet) {
  const std::string& policy = kubelet.pull_credentials_policy;
  const std::string repository = image.domain() + "/" + image.path();
  // With NeverVerify there is no check that anything could get around.
  if (credentials.empty() || policy == kAlways || policy == kNever) return {};
  if (policy == kAllowlisted && !is_listed(repository, kubelet.preloaded_images_allowlist)) {
    return {};
  }
  return Finding{
      .code = std::string(code::kPreloadBypassesPullSecrets),
      .severity = Severity::info,
      .subject = image.name(),
      .layer = {},
      .message = message_for(kubelet, credentials),
      .evidence = policy.empty() ? "" : "imagePullCredentialsVerificationPolicy: " + policy,
      .remedy =
          "where pods of several owners share this node, set the kubelet's "
          "imagePullCredentialsVerificationPolicy to AlwaysVerify"};
}

}  // namespace nodeproof::prepull

#include "agent/resolve/assemble.hpp"

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/resolve/choose.hpp"
#include "common/crypto.hpp"
#include "common/words.hpp"

namespace nodeproof::resolve {
namespace {

constexpr std::size_t kMaxDocument = 8U << 20U;

std::string name_of(const Platform& platform) { return excerpt(to_string(platform), 64); }

Finding entry_and_config_disagree(const Platform& entry, const Platform& config,
                                  ContainerdRules rules) {
  const Platform a = normalize(entry);
  const Platform b = normalize(config);
  const bool only_variant = a.os == b.os && a.architecture == b.architecture;
  const Severity severity = only_variant           ? Severity::info
                            : rules.config_decides ? Severity::fail
                                                   : Severity::warn;
  return {.code = std::string(code::kPlatformMismatch),
          .severity = severity,
          .subject = name_of(entry),
          .layer = "",
          .message =
              "the index says " + name_of(entry) + " but the image's config says " +
              name_of(config) +
              (severity == Severity::fail ? "; this containerd does not unpack such an image" : ""),
          .evidence = "config: os \"" + excerpt(config.os, 32) + "\", architecture \"" +
                      excerpt(config.architecture, 32) + "\", variant \"" +
                      excerpt(config.variant, 32) + "\"",
          .remedy = "Build the image for the platform its index entry names, and push it again."};
}

Finding single_manifest_for_another_host(const Platform& config, const Platform& host) {
  return {.code = std::string(code::kPlatformMismatch),
          .severity = Severity::warn,
          .subject = name_of(config),
          .layer = "",
          .message = "the image's config says " + name_of(config) + " and this host is " +
                     name_of(host) +
                     "; containerd takes a single manifest without looking at its platform",
          .evidence = "config: architecture \"" + excerpt(config.architecture, 32) + "\"",
          .remedy = "Push an index with an image for " + name_of(host) + "."};
}

Finding other_architecture(const ResolvedImage& image, const Platform& entry,
                           const Platform& host) {
  return {.code = std::string(code::kPlatformMissing),
          .severity = Severity::warn,
          .subject = name_of(entry),
          .layer = "",
          .message = "the index offers nothing for " + name_of(host) +
                     "; containerd falls back to " + name_of(entry) +
                     ", which not every processor and kernel runs",
          .evidence = "offered: " + list_platforms(image.available),
          .remedy = "Push the image for " + name_of(host) + " too."};
}

}  // namespace

Result<std::string> collect(const Descriptor& document, const Stream& stream) {
  const std::string name = document.digest.short_str();
  if (document.size > kMaxDocument) {
    return fail(Errc::too_large,
                name + " is larger than " + std::to_string(kMaxDocument) + " bytes");
  }
  std::string bytes;
  const ByteSink append = [&](Bytes piece) -> Result<> {
    if (piece.size() > document.size - bytes.size()) {
      return fail(Errc::invalid_document, name + " is longer than its descriptor says");
    }
    bytes += as_text(piece);
    return {};
  };
  TRY(stream(append));
  if (bytes.size() < document.size) {
    return fail(Errc::truncated, name + " is shorter than its descriptor says");
  }
  if (hash_of(as_bytes(bytes), document.digest.algorithm()) != document.digest) {
    return fail(Errc::digest_mismatch, "the bytes of " + name + " do not hash to it");
  }
  return bytes;
}

Result<ResolvedImage> assemble(Found found, std::string config_bytes) {
  auto config = parse_image_config(config_bytes);
  if (!config) {
    return std::unexpected(std::move(config).error().with_context(
        "the image's config " + found.document.config.digest.short_str()));
  }
  if (config->diff_ids.size() != found.document.layers.size()) {
    return fail(Errc::invalid_document,
                "the image's config lists " + std::to_string(config->diff_ids.size()) +
                    " diff IDs for " + std::to_string(found.document.layers.size()) + " layers",
                "Build and push the image again.");
  }
  return ResolvedImage{std::move(found.reference),
                       std::move(found.index),
                       std::move(found.index_bytes),
                       std::move(found.manifest),
                       std::move(found.manifest_bytes),
                       std::move(found.document),
                       std::move(config_bytes),
                       *std::move(config),
                       std::move(found.available),
                       std::move(found.choice),
                       {}};
}

std::vector<Finding> platform_findings(const ResolvedImage& image, const Platform& host,
                                       ContainerdRules rules) {
  std::vector<Finding> findings;
  const Platform& config = image.config.platform;
  const auto& entry = image.manifest.platform;
  if (entry && !config.architecture.empty() && !matches(*entry, config, rules)) {
    findings.push_back(entry_and_config_disagree(*entry, config, rules));
  }
  if (entry && normalize(*entry).architecture != normalize(host).architecture) {
    findings.push_back(other_architecture(image, *entry, host));
  }
  const auto takes = [&](const Platform& wanted) { return matches(wanted, config, rules); };
  if (!image.index && !config.architecture.empty() &&
      std::ranges::none_of(acceptable(host, rules), takes)) {
    findings.push_back(single_manifest_for_another_host(config, host));
  }
  return findings;
}

void add_pulled_otherwise(ResolvedImage& image, const Platform& host, const std::string& how) {
  const auto known = std::ranges::find(image.findings, code::kPlatformMissing, &Finding::code);
  if (known != image.findings.end()) {
    known->message += "; " + how;
    return;
  }
  const auto& entry = image.manifest.platform;
  image.findings.push_back({.code = std::string(code::kPlatformMissing),
                            .severity = Severity::warn,
                            .subject = entry ? name_of(*entry) : "",
                            .layer = "",
                            .message = "the ways to pull differ on this node: taken is " +
                                       (entry ? name_of(*entry) : "the entry without a platform") +
                                       "; " + how,
                            .evidence = "offered: " + list_platforms(image.available),
                            .remedy = "Push the image for " + name_of(host) + " too."});
}

void add_pull_fails(ResolvedImage& image, const Platform& host, const Descriptor& other) {
  const std::string name = other.platform ? name_of(*other.platform) : "an entry with a platform";
  image.findings.push_back(
      {.code = std::string(code::kPlatformMissing),
       .severity = Severity::warn,
       .subject = "",
       .layer = "",
       .message = "a kubelet's pull takes the entry without a platform and then fails: containerd "
                  "measures the image by the entry for " +
                  name + ", which it did not fetch",
       .evidence = "measured by: " + name + ", " + other.digest.short_str(),
       .remedy = "Give the entry its platform (" + name_of(host) + ") and push the index again."});
}

}  // namespace nodeproof::resolve

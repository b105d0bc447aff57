// What the two halves of an image's cycle, and the plan of a pull, share.
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/resolve/ledger.hpp"
#include "common/version.hpp"

namespace nodeproof {

// What a tag names: the index, or the one manifest.
template <class Image>
const Descriptor& top_of(const Image& image) {
  return image.index ? *image.index : image.manifest;
}

// The record names the image, and the root file system is there: the name may have been given to
// other, unproven bytes meanwhile.
inline Result<bool> is_here(const resolve::ProvenImage& proven, const Digest& rootfs,
                            ImageStore& store) {
  const auto record = TRY(store.image(proven.name));
  if (!record) return false;
  const Digest& named = record->target.digest;
  if (named != proven.manifest.digest && named != top_of(proven).digest) return false;
  return store.has_snapshot(rootfs, "");
}

inline bool has_fail(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity == Severity::fail; });
}

inline void append(std::vector<Finding>& to, std::vector<Finding> from) {
  std::ranges::move(from, std::back_inserter(to));
}

inline ImageReport blank_report(const RequiredImage& image) {
  ImageReport report;
  report.reference = image.reference;
  report.required = image.required;
  return report;
}

inline std::vector<SmokeResult> skipped(const std::vector<SmokeTest>& tests,
                                        const char* reason = "the inspection failed") {
  std::vector<SmokeResult> results;
  for (const SmokeTest& test : tests) {
    SmokeResult& result = results.emplace_back();
    result.name = test.name;
    result.source = test.source;
    result.reason = reason;
  }
  return results;
}

// Which nodeproof judges.
inline std::string agent_id() {
  return std::string(build_info().version) + ' ' + std::string(build_info().commit);
}

}  // namespace nodeproof

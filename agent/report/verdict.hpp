// From findings to verdicts: pure, and never "ready" for what is not known.
#pragma once

#include <string>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::report {

// What a program that gives a report ends with; the others are sysexits.h's.
enum class ExitCode : int {
  ready = 0,
  not_ready = 1,
  unknown = 2,
  containerd_unreachable = 69,  // and therefore no image judged
  interrupted = 130,
};

// Any fail: not ready. Any unknown, or no manifest that was looked at: unknown. With require_smoke
// an image of which nothing was executed is unknown too.
[[nodiscard]] Verdict image_verdict(const ImageReport& image, bool require_smoke = false);

// The worst finding's code; among equals the first. "" = there is nothing worse than info.
[[nodiscard]] std::string worst_code(const std::vector<Finding>& findings);

// Sets verdict, reason and message from the images' verdicts and the node's findings; images that
// are not required do not count. Nothing required: unknown, with its finding.
void conclude(NodeReport& report);

// `since` is when this verdict was first reached, `sequence` counts on; `before` is the last report
// of this node.
void continue_from(NodeReport& report, const NodeReport& before);

// Of the effective verdict: 0 while it is overridden, unless the check was interrupted.
[[nodiscard]] int exit_code(const NodeReport& report);

}  // namespace nodeproof::report

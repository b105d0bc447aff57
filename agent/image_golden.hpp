// A required image's tests beside those of the reference that its operator named.
#pragma once

#include <stop_token>
#include <string>

#include "agent/model.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof {

struct GoldenQuestion {
  Registry& registry;
  const RequiredImage& image;
  const std::vector<SmokeTest>& tests;  // of all its sources
  const ResolvedImage& resolved;
  std::string node;  // this one's name
};

// Notes what each test was, and adds what differs from the reference, if one is named. Whatever
// keeps it from being compared is a finding that never fails the image.
void compare_with_golden(const GoldenQuestion& question, SmokeReport& smoke,
                         const std::stop_token& stop);

// The registry could not be asked for the reference, and may answer the next time.
[[nodiscard]] bool is_golden_awaited(const SmokeReport& smoke);
void compare_with_golden_again(const GoldenQuestion& question, SmokeReport& smoke,
                               const std::stop_token& stop);

// What a proof depends on of it: the files it is in, as they are now. "" = none is named. A
// registry is not asked: its word counts when the image is proven.
[[nodiscard]] std::string golden_key(const Golden& golden);

}  // namespace nodeproof

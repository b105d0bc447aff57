// Private to this folder: which property of the nodes tells apart those that differ.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "agent/report/parity.hpp"

namespace nodeproof::report {

// A node and what was seen on it; equal values belong together.
struct Seen {
  std::size_t node;  // of the parity's
  std::string value;
};

struct Separation {
  std::string by;  // as Observation::by
  // The nodes with this value in the property's words: "on arm64", "with 16K pages", "on pi-17".
  [[nodiscard]] std::string where(std::span<const std::size_t> nodes) const;
  const std::vector<ParityNode>& all;
};

// The first of architecture, board, page size and kernel of which the value follows; else by node.
[[nodiscard]] Separation separate(const std::vector<ParityNode>& all, std::span<const Seen> seen);

[[nodiscard]] std::vector<std::string> names_of(const std::vector<ParityNode>& all,
                                                std::span<const std::size_t> nodes);
[[nodiscard]] std::string joined(const std::vector<std::string>& words);  // "a, b and c"

// What is in the report of one node about an image.
struct Held {
  std::size_t node;
  const ImageReport* image;
};

// Adds tests, observations and the number of agreeing tests to the image.
void compare_tests(const std::vector<ParityNode>& all, std::span<const Held> held,
                   ParityImage& image);
void compare_findings(const std::vector<ParityNode>& all, std::span<const Held> held,
                      ParityImage& image);

}  // namespace nodeproof::report

// What the two halves of an image's cycle share.
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof {

// What a tag names: the index, or the one manifest.
template <class Image>
const Descriptor& top_of(const Image& image) {
  return image.index ? *image.index : image.manifest;
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

}  // namespace nodeproof

// Progress reports as a pull makes them.
#pragma once

#include <string>

#include "agent/model.hpp"

namespace nodeproof::report {

inline Progress pull(std::string image, std::uint64_t done, std::uint64_t total, Pace pace = {}) {
  Progress progress{std::move(image), Phase::pull, done, total};
  progress.pace = pace;
  return progress;
}

inline Progress still(std::string image, std::uint64_t done, std::uint64_t total,
                      std::chrono::seconds time) {
  Progress progress = pull(std::move(image), done, total);
  progress.still = time;
  return progress;
}

// Of all images that are pulled.
inline Progress with_all(Progress progress, std::uint64_t done, std::uint64_t total, Pace pace) {
  progress.all_done = done;
  progress.all_total = total;
  progress.all_pace = pace;
  return progress;
}

}  // namespace nodeproof::report

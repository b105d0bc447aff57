// What the parts of a report's metrics share.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "agent/model.hpp"
#include "common/metrics.hpp"
#include "common/text.hpp"

namespace nodeproof::report {

// Puts the node's identity on every sample and makes strings inert.
class Sheet {
 public:
  Sheet(metrics::Collection& out, const metrics::Labels& identity)
      : out_(out), identity_(identity) {}

  void put(const metrics::Meta& meta, metrics::Labels labels, metrics::Number value) {
    for (auto& [name, word] : labels) word = printable(word);
    labels.insert(labels.begin(), identity_.begin(), identity_.end());
    out_.add(meta, std::move(labels), value);
  }

  void put_time(const metrics::Meta& meta, metrics::Labels labels,
                std::chrono::system_clock::time_point time) {
    const auto since = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch();
    put(meta, std::move(labels), std::int64_t{since.count()});
  }

 private:
  metrics::Collection& out_;
  const metrics::Labels& identity_;
};

void put_images(Sheet& sheet, const NodeReport& report, bool stale);
void put_problems(Sheet& sheet, const NodeReport& report);

}  // namespace nodeproof::report

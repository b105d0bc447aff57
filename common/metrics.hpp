// Measurements as a list, before they are written in a collector's format.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nodeproof::metrics {

enum class Kind { gauge, counter };

// What is measured, by the rules of Prometheus: the name ends in its unit ("_seconds", "_bytes"), a
// counter's in "_total".
struct Meta {
  std::string_view name;
  std::string_view help;
  Kind kind = Kind::gauge;
};

using Label = std::pair<std::string, std::string>;
using Labels = std::vector<Label>;
using Number = std::variant<std::int64_t, double>;

struct Sample {
  Labels labels;
  Number value;
};

struct Family {
  Meta meta;
  std::vector<Sample> samples;
};

// Label values are made valid UTF-8 without control characters (a line feed stays). Of samples with
// equal labels the first stays: two would make a collector refuse all of them.
class Collection {
 public:
  // `meta` views what outlives this; label names have to be valid ones, see label_name().
  void add(const Meta& meta, Labels labels, Number value);
  [[nodiscard]] const std::vector<Family>& families() const { return families_; }

 private:
  struct Seen {
    std::size_t family;
    std::set<Labels> labels;
  };
  std::vector<Family> families_;  // in the order of their first samples
  std::map<std::string_view, Seen> seen_;
};

// Clamped to what a signed number holds.
[[nodiscard]] Number number(std::uint64_t value);

// "a name/of.any kind" -> "a_name_of_any_kind"
[[nodiscard]] std::string label_name(std::string_view text);

// Prometheus' text format 0.0.4, without timestamps.
[[nodiscard]] std::string to_text(const Collection& collection);
inline constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace nodeproof::metrics

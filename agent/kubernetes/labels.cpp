#include "agent/kubernetes/labels.hpp"

#include <algorithm>
#include <array>

#include "common/json.hpp"

namespace nodeproof::kubernetes {
namespace {

constexpr std::size_t kLongest = 63;
constexpr std::string_view kPrefix = "nodeproof.dev/";
constexpr std::array<std::string_view, 6> kNames = {"page-size", "isa-lse", "x86-64-level",
                                                    "userland",  "board",   "l4t"};
constexpr std::string_view kLevel = "x86-64-v";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

class Collected {
 public:
  void add(std::string_view name, std::string_view value) {
    std::string legal = legal_label_value(value);
    if (!legal.empty()) labels_[std::string(kPrefix) + std::string(name)] = std::move(legal);
  }
  Labels labels() && { return std::move(labels_); }

 private:
  Labels labels_;
};

}  // namespace

std::string legal_label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool fits = is_word(c) || c == '-' || c == '_' || c == '.';
    if (fits || out.empty() || out.back() != '-') out += fits ? c : '-';
  }
  const auto begin = std::ranges::find_if(out, is_word);
  out.erase(out.begin(), begin);
  out.resize(std::min(out.size(), kLongest));
  while (!out.empty() && !is_word(out.back())) out.pop_back();
  return out;
}

std::optional<Labels> labels_of(const HostFacts& host) {
  if (host.platform.architecture.empty()) return std::nullopt;
  Collected out;
  if (host.page_size > 0) out.add("page-size", std::to_string(host.page_size));
  if (host.platform.architecture == "arm64" && !host.hwcaps.empty()) {
    const bool lse = std::ranges::find(host.hwcaps, "atomics") != host.hwcaps.end();
    out.add("isa-lse", lse ? "true" : "false");
  }
  // Numbers alone, so that a node affinity can say Gt.
  if (host.isa_level.starts_with(kLevel)) {
    out.add("x86-64-level", std::string_view(host.isa_level).substr(kLevel.size()));
  }
  if (host.userland_bits > 0) out.add("userland", std::to_string(host.userland_bits));
  out.add("board", host.board);
  out.add("l4t", host.l4t);
  return std::move(out).labels();
}

Labels ours_of(const Labels& all) {
  Labels out;
  for (const std::string_view name : kNames) {
    const auto found = all.find(std::string(kPrefix) + std::string(name));
    if (found != all.end()) out.insert(*found);
  }
  return out;
}

std::string labels_patch(const Labels& wanted, const Labels& actual) {
  if (wanted == actual) return {};
  json::Writer out;
  out.begin_object().key("metadata").begin_object().key("labels").begin_object();
  for (const auto& [key, value] : wanted) {
    const auto found = actual.find(key);
    if (found == actual.end() || found->second != value) out.member(key, value);
  }
  for (const auto& [key, value] : actual) {
    if (!wanted.contains(key)) out.key(key).null();
  }
  return out.end_object().end_object().end_object().str();
}

}  // namespace nodeproof::kubernetes

#include "agent/index/diverge.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <numeric>

#include "agent/codes.hpp"
#include "common/arch_words.hpp"
#include "common/text.hpp"

namespace nodeproof::index {

namespace {

constexpr std::size_t kMaxValue = 160;  // bytes of one value in the evidence
constexpr std::size_t kMaxVariables = 5;
constexpr std::chrono::days kFarApart{7};  // builders of rare architectures lag behind by days
constexpr std::uint64_t kSizeRatio = 4;
// Alone, these are met in honest images: NVIDIA's set other variables for each architecture.
constexpr int kEnoughWeakSigns = 2;

struct Difference {
  std::string name, first, second;
  bool strong = true;
};
using Differences = std::vector<Difference>;

std::string in_quotes(std::string_view value) { return "\"" + printable(value, kMaxValue) + "\""; }

bool same_text(std::string_view a, std::string_view b) {
  return a == b || without_architecture(a) == without_architecture(b);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void compare_text(Differences& out, const std::string& name, const std::string& a,
                  const std::string& b) {
  if (!same_text(a, b)) out.push_back({name, in_quotes(a), in_quotes(b)});
}

void compare_label(Differences& out, const ImageConfig& a, const ImageConfig& b,
                   const std::string& label) {
  const auto in_a = a.labels.find(label);
  const auto in_b = b.labels.find(label);
  const bool both = in_a != a.labels.end() && in_b != b.labels.end();
  if (both) return compare_text(out, "label " + label, in_a->second, in_b->second);
  if (in_a == a.labels.end() && in_b == b.labels.end()) return;
  const auto shown = [](auto found, const ImageConfig& config) {
    return found == config.labels.end() ? "none" : in_quotes(found->second);
  };
  out.push_back({"label " + label, shown(in_a, a), shown(in_b, b), false});
}

// root under all its names.
std::string user_of(const ImageConfig& config) {
  const bool root = config.user.empty() || config.user == "0" || config.user == "root" ||
                    config.user == "0:0" || config.user == "root:root";
  return root ? "root" : config.user;
}

using Environment = std::map<std::string, std::string>;

// GOARCH, TARGETPLATFORM, FOO_SHA256 ...: different wherever the architecture is.
bool is_about_architecture(const std::string& name) {
  static constexpr std::array<std::string_view, 9> kParts = {
      "ARCH", "PLATFORM", "TRIPLET", "GOARM", "GOAMD64", "SHA", "SUM", "DIGEST", "MD5"};
  return std::ranges::any_of(kParts, [&](std::string_view part) { return name.contains(part); });
}

Environment environment_of(const ImageConfig& config) {
  Environment variables;
  for (const std::string& entry : config.env) {
    const std::size_t equals = std::min(entry.find('='), entry.size());
    std::string name = entry.substr(0, equals);
    if (is_about_architecture(name)) continue;
    variables[std::move(name)] = entry.substr(std::min(equals + 1, entry.size()));
  }
  return variables;
}

void compare_environment(Differences& out, const ImageConfig& a, const ImageConfig& b) {
  const Environment in_a = environment_of(a);
  const Environment in_b = environment_of(b);
  Environment names = in_a;
  names.insert(in_b.begin(), in_b.end());
  std::size_t found = 0;
  for (const auto& [name, value] : names) {
    const auto first = in_a.find(name);
    const auto second = in_b.find(name);
    const bool both = first != in_a.end() && second != in_b.end();
    if ((both && same_text(first->second, second->second)) || ++found > kMaxVariables) continue;
    out.push_back({"env " + printable(name, 64),
                   first == in_a.end() ? "none" : in_quotes(first->second),
                   second == in_b.end() ? "none" : in_quotes(second->second), false});
  }
}

// The day of an RFC 3339 time. Nothing for the zero times of reproducible builds.
std::optional<std::chrono::sys_days> day_of(std::string_view created) {
  if (created.size() < 10) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    const std::string_view digits = created.substr(at, length);
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!date.ok() || date.year() < std::chrono::year(1990)) return std::nullopt;
  return std::chrono::sys_days(date);
}

void compare_created(Differences& out, const ImageConfig& a, const ImageConfig& b) {
  const auto first = day_of(a.created);
  const auto second = day_of(b.created);
  if (!first || !second) return;
  if (std::chrono::abs(*first - *second) <= kFarApart) return;
  out.push_back({"created", printable(a.created, 40), printable(b.created, 40), false});
}

std::uint64_t size_of(const Node& node) {
  std::uint64_t bytes = 0;
  for (const Descriptor& layer : node.manifest->layers) bytes += layer.size / kSizeRatio;
  return bytes;
}

void compare_size(Differences& out, const Node& a, const Node& b) {
  const std::uint64_t first = size_of(a);
  const std::uint64_t second = size_of(b);
  if (std::max(first, second) / kSizeRatio <= std::min(first, second)) return;
  out.push_back({"compressed size", human_bytes(first * kSizeRatio),
                 human_bytes(second * kSizeRatio), false});
}

// Strong signs first. The environment is one sign, however many variables differ.
Differences compare(const Node& a, const Node& b) {
  Differences out;
  const ImageConfig& first = *a.config;
  const ImageConfig& second = *b.config;
  for (const char* label :
       {"org.opencontainers.image.revision", "org.opencontainers.image.version"}) {
    compare_label(out, first, second, label);
  }
  compare_text(out, "entrypoint", joined(first.entrypoint), joined(second.entrypoint));
  compare_text(out, "cmd", joined(first.cmd), joined(second.cmd));
  compare_text(out, "user", user_of(first), user_of(second));
  compare_text(out, "exposed ports", joined(first.exposed_ports), joined(second.exposed_ports));
  compare_created(out, first, second);
  compare_size(out, a, b);
  const bool strong = std::ranges::any_of(out, &Difference::strong);
  const auto weak = static_cast<int>(out.size());
  const std::size_t before = out.size();
  compare_environment(out, first, second);
  const int signs = weak + (out.size() > before ? 1 : 0);
  if (!strong && signs < kEnoughWeakSigns) out.clear();
  return out;
}

std::string name_of(const Node& node) {
  return to_string(normalize(node.descriptor.platform.value_or(node.config->platform)));
}

Finding finding(const std::string& image, const Node& a, const Node& b, const Differences& found) {
  Finding finding;
  finding.code = code::kVariantsDiverge;
  finding.severity = Severity::warn;
  finding.subject = name_of(b);
  finding.message = image + ": " + name_of(b) + " " + b.descriptor.digest.str() + " and " +
                    name_of(a) + " " + a.descriptor.digest.str() +
                    " do not look like builds of the same thing: they differ in ";
  for (std::size_t i = 0; i < found.size(); ++i) {
    finding.message += (i == 0 ? "" : ", ") + found[i].name;
    finding.evidence += (i == 0 ? "" : "; ") + found[i].name + ": " + found[i].second + " in " +
                        name_of(b) + ", " + found[i].first + " in " + name_of(a);
  }
  finding.remedy = "build all platforms from one revision and push them as one index";
  return finding;
}

bool comparable(const Node& node) { return !node.companion && node.config && node.manifest; }

// Windows images of several releases stand in one index on purpose.
bool same_system(const Node& a, const Node& b) {
  const Platform first = normalize(a.descriptor.platform.value_or(a.config->platform));
  const Platform second = normalize(b.descriptor.platform.value_or(b.config->platform));
  return first.os == second.os && first.os_version == second.os_version;
}

}  // namespace

std::vector<Finding> divergences(const std::string& image, const std::vector<Node>& nodes) {
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!comparable(nodes[i])) continue;
    const auto* first = std::find_if(nodes.data(), nodes.data() + i, [&](const Node& node) {
      return comparable(node) && same_system(node, nodes[i]);
    });
    if (first == nodes.data() + i) continue;
    const Differences found = compare(*first, nodes[i]);
    if (!found.empty()) findings.push_back(finding(image, *first, nodes[i], found));
  }
  return findings;
}

}  // namespace nodeproof::index

#include "agent/report/parity_groups.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace nodeproof::report {
namespace {

struct Property {
  std::string_view name;
  std::string_view preposition;
  std::string (*value)(const ParityNode& node);  // "" = not known
};

std::string pages(const ParityNode& node) {
  return node.page_size == 0 ? "" : std::to_string(node.page_size / 1024) + "K pages";
}

constexpr auto kProperties = std::to_array<Property>({
    {"architecture", "on ", [](const ParityNode& node) { return node.architecture; }},
    {"board", "on ", [](const ParityNode& node) { return node.board; }},
    {"page size", "with ", pages},
    {"kernel", "with kernel ", [](const ParityNode& node) { return node.kernel; }},
});
constexpr Property kNode = {"node", "on ", [](const ParityNode& node) { return node.name; }};

const Property& property(std::string_view name) {
  const auto found = std::ranges::find(kProperties, name, &Property::name);
  return found == kProperties.end() ? kNode : *found;
}

bool tells_apart(const Property& property, const std::vector<ParityNode>& all,
                 std::span<const Seen> seen) {
  std::map<std::string, std::string> value_by;
  for (const auto& [node, value] : seen) {
    const std::string of_node = property.value(all[node]);
    if (of_node.empty() || value_by.try_emplace(of_node, value).first->second != value)
      return false;
  }
  return value_by.size() > 1;
}

}  // namespace

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " and " : ", ";
    out += words[i];
  }
  return out;
}

std::vector<std::string> names_of(const std::vector<ParityNode>& all,
                                  std::span<const std::size_t> nodes) {
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const std::size_t node : nodes) names.push_back(all[node].name);
  return names;
}

std::string Separation::where(std::span<const std::size_t> nodes) const {
  const Property& told = property(by);
  std::vector<std::string> values;
  for (const std::size_t node : nodes) {
    std::string value = told.value(all[node]);
    if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
  }
  return std::string(told.preposition) + joined(values);
}

Separation separate(const std::vector<ParityNode>& all, std::span<const Seen> seen) {
  const auto found = std::ranges::find_if(
      kProperties, [&](const Property& each) { return tells_apart(each, all, seen); });
  return {std::string(found == kProperties.end() ? kNode.name : found->name), all};
}

}  // namespace nodeproof::report

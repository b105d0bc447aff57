#include "agent/report/page/names.hpp"

#include <algorithm>
#include <span>

#include "agent/report/page/frame.hpp"

namespace nodeproof::report::page {
namespace {

constexpr std::size_t kSeen = 12;           // names that are not folded
constexpr std::size_t kMaxName = 128;       // bytes
constexpr std::size_t kNameBytes = 20'000;  // of the page, for one list

Html list(std::span<const std::string> nodes, Ration& ration) {
  Html items;
  for (const std::string& node : nodes) {
    const Html one = Html("<li>") + text(node, kMaxName) + "\n";
    if (ration.take(one)) items += one;
  }
  return element("ul", "names", items) + "\n";
}

}  // namespace

Html names(const std::vector<std::string>& nodes) {
  Ration ration(kNameBytes);
  const std::span all(nodes);
  Html out = list(all.first(std::min(kSeen, all.size())), ration);
  if (all.size() <= kSeen) return out;
  out += Html("<details><summary>and ") + number(all.size() - kSeen) + " more</summary>\n" +
         list(all.subspan(kSeen), ration) + left_out(ration, "names are", "-o json") +
         "</details>\n";
  return out;
}

}  // namespace nodeproof::report::page

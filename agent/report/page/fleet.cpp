#include <algorithm>
#include <set>
#include <span>

#include "agent/model_json.hpp"
#include "agent/report/page/findings.hpp"
#include "agent/report/page/names.hpp"
#include "agent/report/page/page.hpp"

namespace nodeproof::report {
namespace {

using page::Html;
using page::Literal;
using page::Ration;
using page::Tone;

// Bytes of the page for each section.
constexpr std::size_t kGroupBytes = 90'000;
constexpr std::size_t kSilentBytes = 24'000;
constexpr std::size_t kTwiceBytes = 12'000;
constexpr std::size_t kUnreadableBytes = 12'000;
constexpr std::size_t kSilentSeen = 12;  // rows that are not folded

Html place_of(const FleetGroup& group) {
  Html place = group.image.empty() ? Html("the node itself")
                                   : page::element("span", "name", page::text(group.image, 512));
  place += " on ";
  place += group.board.empty() ? Html("hosts without a known board") : page::text(group.board, 128);
  place += Html(" (") + page::text(group.architecture, 64) + ")";
  if (group.only.empty()) return place;
  return place + ": <span class=\"only\">fails on " + page::text(group.only, 64) + " only</span>";
}

Html card(const FleetGroup& group, bool explain) {
  Html out =
      Html("<article class=\"card ") + page::style_of(page::tone_of(group.severity)) + "\">\n";
  const Html count = page::counted(group.nodes.size(), "node", "nodes");
  out += page::element("div", "head",
                       page::badge(group.severity) +
                           page::element("h3", count + ": " + page::text(group.code, 128)) +
                           page::code_title(group.code));
  out += page::element("p", "where", place_of(group)) + "\n";
  if (!group.message.empty()) out += page::element("p", "message", page::text(group.message));
  out += page::remedy_box(group.remedy) + page::names(group.nodes);
  if (explain) out += page::code_meaning(group.code);
  return out + "</article>\n";
}

Html groups(const Fleet& fleet) {
  if (fleet.groups.empty()) return {};
  Html out;
  Ration ration(kGroupBytes);
  std::set<std::string> explained;
  for (const FleetGroup& group : fleet.groups) {
    const Html one = card(group, explained.insert(group.code).second);
    if (ration.take(one)) out += one;
  }
  return page::section("wrong", page::heading("What is wrong", fleet.groups.size()),
                       out + page::left_out(ration, "groups are", "nodeproof fleet -o json"));
}

Html silent_row(const SilentNode& node, const FleetQuestion& question) {
  const auto age = std::chrono::floor<std::chrono::seconds>(question.now - node.time);
  const Html heard =
      node.ahead ? Html("in the future: a clock is wrong") : page::age_text(age) + " ago";
  return Html("<tr><th scope=\"row\">") + page::text(node.name, 128) + "</th><td>" + heard +
         " <span class=\"brief\">" + page::time_text(node.time) + "</span></td><td>" +
         page::text(to_string(node.last)) + "</td></tr>\n";
}

Html silent_table(std::span<const SilentNode> nodes, const FleetQuestion& question,
                  Ration& ration) {
  Html rows;
  for (const SilentNode& node : nodes) {
    const Html one = silent_row(node, question);
    if (ration.take(one)) rows += one;
  }
  return Html("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Node</th>") +
         "<th scope=\"col\">Last heard</th><th scope=\"col\">Was</th></tr></thead>\n" +
         page::element("tbody", rows) + "</table></div>\n";
}

Html silent(const Fleet& fleet, const FleetQuestion& question) {
  if (fleet.silent.empty()) return {};
  Ration ration(kSilentBytes);
  const std::span all(fleet.silent);
  Html out = Html("<p class=\"calm\">No report for more than ") +
             page::age_text(question.silent_after) +
             ": what they said before counts for nothing. The longest silence comes first.</p>\n" +
             silent_table(all.first(std::min(kSilentSeen, all.size())), question, ration);
  if (all.size() > kSilentSeen) {
    out += Html("<details><summary>and ") + page::number(all.size() - kSilentSeen) +
           " more</summary>\n" + silent_table(all.subspan(kSilentSeen), question, ration) +
           "</details>\n";
  }
  out += page::left_out(ration, "silent nodes are", "nodeproof fleet -o json");
  return page::section("silent", page::heading("Silent", all.size()),
                       Html("<div class=\"card unknown\">\n") + out + "</div>\n");
}

struct List {
  Literal id, title, words;
  Tone tone = Tone::unknown;
};

Html listed(const List& list, const std::vector<std::string>& nodes) {
  if (nodes.empty()) return {};
  return page::section(list.id, page::heading(list.title, nodes.size()),
                       Html("<div class=\"card ") + page::style_of(list.tone) + "\">\n" +
                           page::element("p", "calm", Html(list.words)) + "\n" +
                           page::names(nodes) + "</div>\n");
}

Html twice(const Fleet& fleet) {
  if (fleet.twice.empty()) return {};
  Html items;
  Ration ration(kTwiceBytes);
  for (const TwiceNamed& one : fleet.twice) {
    Html files;
    for (const std::string& file : one.files) files += Html(" ") + page::code_text(file);
    const Html item =
        Html("<div><dt>") + page::text(one.name, 128) + "</dt><dd>" + files + "</dd></div>\n";
    if (ration.take(item)) items += item;
  }
  const Html words =
      "<p class=\"calm\">Reports of different boots carry the same name; only the newest is "
      "counted.</p>\n"
      "<p class=\"remedy\"><b>What to do:</b> hosts that share a name (a copied SD card) need "
      "names "
      "of their own, or node.name in the configuration; if it is one host that has booted, remove "
      "the older report</p>\n";
  return page::section("twice", page::heading("One name, several hosts", fleet.twice.size()),
                       Html("<div class=\"card unknown\">\n") + words + page::element("dl", items) +
                           "</div>\n" +
                           page::left_out(ration, "names are", "nodeproof fleet -o json"));
}

Html unreadable(const Fleet& fleet) {
  if (fleet.unreadable.empty()) return {};
  Html items;
  Ration ration(kUnreadableBytes);
  for (const Error& error : fleet.unreadable) {
    const Html item = page::element("li", page::text(error.message, 512)) + "\n";
    if (ration.take(item)) items += item;
  }
  return page::section(
      "unreadable", page::heading("Files that are no report", fleet.unreadable.size()),
      Html("<div class=\"card unknown\">\n") + page::element("ul", items) + "</div>\n" +
          page::left_out(ration, "files are", "nodeproof fleet -o json"));
}

std::size_t all_nodes(const Fleet& fleet) { return fleet.nodes + fleet.missing.size(); }

// "7 of 500 nodes are not ready"
Html sentence(const Fleet& fleet) {
  const Html all = page::number(all_nodes(fleet));
  if (all_nodes(fleet) == 0) return "Not known: no node has reported";
  if (fleet.not_ready > 0) {
    return page::number(fleet.not_ready) + " of " +
           page::counted(all_nodes(fleet), "node", "nodes") +
           (fleet.not_ready == 1 ? Html(" is not ready") : Html(" are not ready"));
  }
  if (verdict_of(fleet) == Verdict::ready) {
    return all_nodes(fleet) == 1 ? Html("The only node is ready")
                                 : Html("All ") + all + " nodes are ready";
  }
  const std::size_t open = fleet.unknown + fleet.silent.size() + fleet.missing.size();
  if (open == 0) return "Not known whether all nodes are ready";
  return Html("Not known of ") + page::number(open) + " of " +
         page::counted(all_nodes(fleet), "node", "nodes");
}

struct Share {
  std::size_t count = 0;
  Tone tone = Tone::unknown;
};

// A bar whose parts are as wide as their shares; the tiles below it say the same in words.
Html bar(const std::vector<Share>& shares) {
  constexpr std::size_t kWidth = 1000;
  constexpr std::size_t kSeen = 20;  // of what is rare
  std::size_t all = 0;
  for (const Share& share : shares) all += share.count;
  if (all == 0) return {};
  Html parts;
  std::size_t from = 0;
  for (const Share& share : shares) {
    if (share.count == 0) continue;
    const std::size_t width = std::max(share.count * kWidth / all, kSeen);
    parts += Html("<rect class=\"") + page::style_of(share.tone) + "\" x=\"" + page::number(from) +
             "\" width=\"" + page::number(width) + "\" height=\"10\"/>";
    from += width;
  }
  return Html("<svg class=\"bar\" viewBox=\"0 0 ") + page::number(from) +
         " 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">" + parts + "</svg>\n";
}

Html tiles(const Fleet& fleet) {
  return page::tiles({{fleet.not_ready, "not ready", Tone::fail, "wrong"},
                      {fleet.unknown, "unknown", Tone::unknown, "wrong"},
                      {fleet.silent.size(), "silent", Tone::unknown, "silent"},
                      {fleet.missing.size(), "never heard of", Tone::unknown, "missing"},
                      {fleet.twice.size(), "named twice", Tone::unknown, "twice"},
                      {fleet.unreadable.size(), "no report", Tone::unknown, "unreadable"},
                      {fleet.overridden.size(), "overridden", Tone::warn, "overridden"},
                      {fleet.unexpected.size(), "not expected", Tone::warn, "unexpected"},
                      {fleet.ready, "ready", Tone::ready}});
}

Html title(const Fleet& fleet) {
  const Verdict verdict = verdict_of(fleet);
  if (verdict == Verdict::ready)
    return Html("Ready: ") + page::counted(all_nodes(fleet), "node", "nodes");
  if (verdict == Verdict::unknown) return Html("Unknown: ") + sentence(fleet);
  return Html("NOT READY: ") + page::number(fleet.not_ready) + " of " +
         page::number(all_nodes(fleet)) + " nodes";
}

}  // namespace

std::string to_html(const Fleet& fleet, const FleetQuestion& question) {
  const Tone tone = page::tone_of(verdict_of(fleet));
  const std::size_t not_heard = fleet.unknown + fleet.silent.size() + fleet.missing.size();
  const Html head =
      Html("<p class=\"kind\">nodeproof: which nodes may work land on?</p>\n<h1>") +
      page::mark(tone) + "<span>" + sentence(fleet) + "</span></h1>\n<p class=\"when\">As of <b>" +
      page::time_text(question.now) +
      "</b>, from the reports collected by then; a node without one for " +
      page::age_text(question.silent_after) + " is silent, and counts as not known.</p>\n" +
      bar({{fleet.not_ready, Tone::fail}, {not_heard, Tone::unknown}, {fleet.ready, Tone::ready}}) +
      tiles(fleet);
  const Html calm = fleet.groups.empty() && verdict_of(fleet) == Verdict::ready
                        ? Html("<p class=\"calm\"><br>Nothing is wrong.</p>\n")
                        : Html();
  const Html main =
      calm + groups(fleet) + silent(fleet, question) +
      listed(
          {"missing", "Never heard of", "Expected, and there is no report of them.", Tone::unknown},
          fleet.missing) +
      twice(fleet) + unreadable(fleet) +
      listed({"overridden", "Overridden",
              "Ready only by an operator's override, whatever is proven.", Tone::warn},
             fleet.overridden) +
      listed(
          {"unexpected", "Not expected", "Have reported, and count for nothing here.", Tone::warn},
          fleet.unexpected);
  return page::whole_page({.title = title(fleet),
                           .head = head,
                           .tone = tone,
                           .main = main,
                           .foot = "The same as data, with every name: <code>nodeproof fleet -o "
                                   "json</code>."});
}

}  // namespace nodeproof::report

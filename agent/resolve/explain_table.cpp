#include <algorithm>

#include "agent/model_json.hpp"
#include "agent/resolve/choose.hpp"
#include "agent/resolve/explain.hpp"
#include "common/text.hpp"
#include "common/words.hpp"

namespace nodeproof::resolve {
namespace {

constexpr std::size_t kLabel = 12;  // columns before the text
constexpr std::size_t kMaxName = 40;

void line(std::string& out, std::string_view label, std::string_view text) {
  std::string left = "  " + std::string(label);
  left.resize(std::max(left.size() + 1, kLabel), ' ');
  out += left + printable(text, 2000) + "\n";
}

std::string name_of(const Descriptor& entry) {
  return entry.platform ? excerpt(to_string(*entry.platform), kMaxName) : "(no platform)";
}

std::string host_text(const HostFacts& host) {
  std::string text = to_string(host.platform);
  if (!host.name.empty()) text = host.name + ", " + text;
  if (!host.containerd) return text + ", containerd not known";
  return text + ", containerd " + host.containerd->version +
         (serves_kubelet(*host.containerd) ? " with a kubelet's interface (CRI)" : "");
}

std::string remark(const TreeEntry& entry, bool taken) {
  std::string text;
  if (is_attestation(entry.entry)) text = "attestation";
  if (media_type::is_index(entry.entry.media_type)) text = "nested index";
  if (text.empty() && !media_type::is_manifest(entry.entry.media_type)) text = "no image";
  if (!entry.unread.empty()) text += ", not read: " + entry.unread;
  if (taken) text += text.empty() ? "<- taken" : " <- taken";
  return text.empty() ? "" : "  " + text;
}

// One line per entry: platform, digest, the manifest's size.
void list_entries(std::string& out, const std::vector<TreeEntry>& entries, const TreeEntry* taken,
                  std::size_t depth) {
  for (const TreeEntry& each : entries) {
    std::string name = std::string(2 * depth, ' ') + name_of(each.entry);
    name.resize(std::max(name.size() + 1, std::size_t{18}), ' ');
    line(out, "",
         name + each.entry.digest.str() + "  " + human_bytes(each.entry.size) +
             remark(each, &each == taken));
    list_entries(out, each.children, taken, depth + 1);
  }
}

std::string other_text(const Other& other) {
  const std::string takes =
      other.entry ? name_of(*other.entry) + " " + other.entry->digest.short_str() : "nothing";
  return other.who + " takes " + takes + ": " + other.sentence;
}

std::string since_text(const std::optional<SinceLast>& since) {
  if (!since) return "not known: no earlier proof of this name is on record here";
  std::string text = "proven " + since->time + ": ";
  if (!since->moved) return text + "the tag has not moved, no platform is lost";
  text += "the tag has moved from " + since->top.short_str() + ", ";
  if (!since->lost) return text + "platforms lost: not known";
  if (since->lost->empty()) return text + "no platform is lost";
  text += "lost:";
  for (const std::string& each : *since->lost) text += " " + each;
  return text;
}

}  // namespace

std::string to_table(const Answer& answer) {
  const Explanation& found = answer.explanation;
  const TreeEntry* taken = entry_at(found.tree, found.pick.path);
  std::string out = answer.reference.name() + "\n";
  line(out, "host", host_text(answer.host));
  line(out, found.tree.is_index ? "index" : "manifest", found.tree.top.digest.str());
  if (found.tree.is_index) {
    line(out, "offers", list_platforms(offered_platforms(found.tree)));
    list_entries(out, found.tree.entries, taken, 0);
  }
  if (answer.image) {
    line(out, "takes",
         to_string(normalize(answer.image->config.platform)) + "  " +
             answer.image->manifest.digest.str());
  } else {
    line(out, "takes",
         taken != nullptr ? name_of(taken->entry) + ", which cannot be had" : "nothing");
  }
  line(out, "because", found.pick.sentence);
  line(out, "rule", found.rule);
  for (const Other& other : found.others) line(out, "but", other_text(other));
  line(out, "since", since_text(found.since));
  if (answer.rate_limit) line(out, "rate limit", text_of(*answer.rate_limit));
  if (!answer.image) return out;
  for (const Finding& finding : answer.image->findings) {
    out += "  " + finding.code + ": " + printable(finding.message, 2000) + "\n";
  }
  return out;
}

}  // namespace nodeproof::resolve

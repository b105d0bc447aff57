#include "agent/model_json.hpp"
#include "agent/resolve/choose.hpp"
#include "agent/resolve/explain.hpp"
#include "common/json.hpp"

namespace nodeproof::resolve {
namespace {

std::string platform_of(const Descriptor& entry) {
  return entry.platform ? to_string(*entry.platform) : "";
}

void write_host(json::Writer& out, const HostFacts& host) {
  out.key("host").begin_object();
  out.member("name", host.name).member("platform", to_string(host.platform));
  if (host.containerd) {
    out.member("containerd", host.containerd->version)
        .member("namespace", host.containerd->namespace_)
        .member("kubelet", serves_kubelet(*host.containerd));
  }
  out.end_object();
}

std::string_view kind_of(const Descriptor& entry) {
  if (is_attestation(entry)) return "attestation";
  if (media_type::is_index(entry.media_type)) return "index";
  return media_type::is_manifest(entry.media_type) ? "image" : "other";
}

void write_entries(json::Writer& out, const std::vector<TreeEntry>& entries, const TreeEntry* taken,
                   std::uint64_t depth) {
  for (const TreeEntry& each : entries) {
    out.begin_object();
    out.member("platform", platform_of(each.entry)).member("digest", each.entry.digest.str());
    out.member("size", each.entry.size).member("mediaType", each.entry.media_type);
    out.member("kind", kind_of(each.entry)).member("depth", depth);
    out.member("taken", &each == taken);
    if (!each.unread.empty()) out.member("unread", each.unread);
    out.end_object();
    write_entries(out, each.children, taken, depth + 1);
  }
}

void write_others(json::Writer& out, const std::vector<Other>& others) {
  out.key("others").begin_array();
  for (const Other& each : others) {
    out.begin_object().member("who", each.who).key("platform");
    if (each.entry) {
      out.string(platform_of(*each.entry)).member("digest", each.entry->digest.str());
    } else {
      out.null();
    }
    out.member("choice", each.sentence).end_object();
  }
  out.end_array();
}

// null where nothing is known of an earlier proof, or of its platforms.
void write_since(json::Writer& out, const std::optional<SinceLast>& since) {
  out.key("lastProven");
  if (!since) {
    out.null();
    return;
  }
  out.begin_object().member("time", since->time).member("digest", since->top.str());
  out.member("tagMoved", since->moved);
  if (since->lost) {
    out.member("platformsLost", *since->lost);
  } else {
    out.key("platformsLost").null();
  }
  out.end_object();
}

void write_image(json::Writer& out, const ResolvedImage& image) {
  out.member("manifestDigest", image.manifest.digest.str());
  out.member("configDigest", image.document.config.digest.str());
  out.member("platform", to_string(normalize(image.config.platform)));
}

}  // namespace

std::string to_json(const Answer& answer) {
  const Explanation& found = answer.explanation;
  json::Writer out(true);
  out.begin_object().member("apiVersion", "nodeproof.dev/v1").member("kind", "Resolution");
  out.member("reference", answer.reference.name());
  write_host(out, answer.host);
  if (found.tree.is_index) out.member("indexDigest", found.tree.top.digest.str());
  if (answer.image) write_image(out, *answer.image);
  out.member("choice", found.pick.sentence).member("rule", found.rule);
  if (!found.pick.otherwise.empty()) out.member("otherwise", found.pick.otherwise);
  out.key("available").begin_array();
  for (const Platform& platform : offered_platforms(found.tree)) out.string(to_string(platform));
  out.end_array().key("entries").begin_array();
  write_entries(out, found.tree.entries, entry_at(found.tree, found.pick.path), 0);
  out.end_array();
  write_others(out, found.others);
  write_since(out, found.since);
  out.key("findings");
  write_findings(out, answer.image ? answer.image->findings : std::vector<Finding>{});
  if (answer.rate_limit) {
    out.key("rateLimit");
    write_rate_limit(out, *answer.rate_limit);
  }
  return out.end_object().str();
}

}  // namespace nodeproof::resolve

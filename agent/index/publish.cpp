#include "agent/index/publish.hpp"

#include "agent/codes.hpp"
#include "agent/index/copy.hpp"
#include "common/text.hpp"

namespace nodeproof::index {
namespace {

std::string told(const CopyCount& count) {
  std::string text;
  const auto add = [&](unsigned number, const std::string& what) {
    if (number == 0) return;
    text += (text.empty() ? "" : ", ") + std::to_string(number) + " " + what;
  };
  add(count.mounted, "mounted");
  add(count.uploaded, "uploaded (" + human_bytes(count.uploaded_bytes) + ")");
  add(count.present, "there already");
  return text;
}

std::string shown(const std::optional<Digest>& digest) {
  return digest ? digest->short_str() : "nothing";
}

Finding tag_moved(const Reference& target, std::string message, std::string remedy) {
  return {.code = std::string(code::kTagMoved),
          .severity = Severity::fail,
          .subject = target.name(),
          .layer = {},
          .message = std::move(message),
          .evidence = {},
          .remedy = std::move(remedy)};
}

class Publisher {
 public:
  Publisher(const Ports& ports, const Publication& publication, ChangeReport& report)
      : ports_(ports), it_(publication), report_(report) {}

  Result<> run(const std::stop_token& stop) {
    for (const ComposedEntry& entry : it_.composition.entries) TRY(bring(entry, stop));
    TRY(push_index(stop));
    if (!TRY(is_whole(stop))) return {};
    TRY(keep_previous(stop));
    if (!TRY(still_there(stop))) return {};
    return move_tag(stop);
  }

 private:
  [[nodiscard]] const Digest& digest() const { return it_.composition.document.descriptor.digest; }

  Result<> bring(const ComposedEntry& entry, const std::stop_token& stop) {
    const Reference& origin = it_.origins[entry.document];
    if (origin.repository() == it_.target.repository()) return {};
    CopyCount count;
    auto copied = copy_manifest(ports_, {origin, it_.target, count}, entry.descriptor, stop);
    if (!copied) {
      return std::unexpected(std::move(copied).error().with_context(
          "copying " + entry.platform + " from " + origin.repository()));
    }
    const std::string what = entry.platform.empty() ? "an entry" : entry.platform;
    report_.steps.push_back("copied " + (entry.attestation ? "the attestation of " + what : what) +
                            " from " + origin.repository() + ": blobs " + told(count));
    note_referrers(origin, entry, stop);
    return {};
  }

  // distribution-spec, "Referrers Tag Schema", and the tags of cosign: what says nothing is none.
  void note_referrers(const Reference& origin, const ComposedEntry& entry,
                      const std::stop_token& stop) {
    const Digest& image = entry.descriptor.digest;
    const std::string base =
        image.str().substr(0, image.str().find(':')) + "-" + std::string(image.hex());
    std::string found;
    for (const char* suffix : {"", ".sig", ".att", ".sbom"}) {
      const auto tag = at_tag(origin, base + suffix);
      if (!tag || !ports_.registry.manifest(*tag, stop)) continue;
      found += (found.empty() ? "" : ", ") + tag->tag();
    }
    if (found.empty()) return;
    report_.findings.push_back({.code = std::string(code::kReferrersNotCopied),
                                .severity = Severity::info,
                                .subject = entry.platform,
                                .layer = {},
                                .message = origin.repository() + " has more that is attached to " +
                                           image.short_str() + ", which was not copied",
                                .evidence = found,
                                .remedy = "copy these tags too, or sign the merged image"});
  }

  Result<> push_index(const std::stop_token& stop) {
    TRY(ports_.writer.put_manifest(at_digest(it_.target, digest()), it_.composition.document, {},
                                   stop));
    report_.steps.push_back("pushed " + digest().short_str() + " by its digest");
    return {};
  }

  Result<bool> is_whole(const std::stop_token& stop) {
    const Reference pushed = at_digest(it_.target, digest());
    const IndexReport found = validate(ports_.registry, pushed, it_.validation, stop);
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    for (Finding& finding :
         damages(pushed.name(), found,
                 "check the registry: it has just taken what it does not give back")) {
      report_.findings.push_back(std::move(finding));
    }
    if (blocks(report_)) return false;
    report_.steps.emplace_back("found it whole there");
    return true;
  }

  Result<> keep_previous(const std::stop_token& stop) {
    if (!it_.keep_previous || !it_.replaces) return {};
    auto kept = tag_previous(stop);
    if (kept) return {};
    return std::unexpected(
        std::move(kept)
            .error()
            .with_context("keeping what " + it_.target.name() + " names now")
            .with_remedy("run it without --keep-previous if the old index may be lost"));
  }

  Result<> tag_previous(const std::stop_token& stop) {
    const std::string name =
        it_.target.tag() + "-prev-" + std::string(it_.replaces->hex().substr(0, 12));
    const Reference tag = TRY(at_tag(it_.target, name));
    if (TRY(ports_.writer.tag_digest(tag, stop)) == it_.replaces) return {};
    const FetchedManifest previous =
        TRY(ports_.registry.manifest(at_digest(it_.target, *it_.replaces), stop));
    TRY(ports_.writer.put_manifest(tag, previous, {}, stop));
    report_.steps.push_back("kept " + shown(it_.replaces) + " as " + tag.name());
    return {};
  }

  // The specification has no way to move a tag only if it is still what it was.
  Result<bool> still_there(const std::stop_token& stop) {
    auto asked = ports_.writer.tag_digest(it_.target, stop);
    if (it_.unreadable && !asked && is_rotten(asked.error().code)) return true;
    const auto now = TRY(std::move(asked));
    if (now == it_.replaces) return true;
    report_.findings.push_back(
        tag_moved(it_.target,
                  it_.target.name() + " has moved meanwhile, from " + shown(it_.replaces) + " to " +
                      shown(now),
                  "run it again: it will start from what the tag names now"));
    return !blocks(report_);
  }

  Result<> move_tag(const std::stop_token& stop) {
    TRY(ports_.writer.put_manifest(it_.target, it_.composition.document, it_.replaces, stop));
    report_.steps.push_back("moved the tag from " + shown(it_.replaces) + " to " +
                            digest().short_str());
    report_.moved = true;
    report_.outcome = Outcome::done;
    const auto now = ports_.writer.tag_digest(it_.target, stop);
    if (!now) {
      report_.findings.push_back(
          {.code = std::string(code::kRegistryError),
           .severity = Severity::unknown,
           .subject = it_.target.name(),
           .layer = {},
           .message = "the tag could not be read again: " + now.error().message,
           .evidence = {},
           .remedy = "check it: nodeproof inspect " + it_.target.name()});
      blocks(report_);
      return {};
    }
    if (*now == digest()) return {};
    report_.findings.push_back(tag_moved(it_.target,
                                         "somebody else has pushed " + it_.target.name() +
                                             " at the same moment: it names " + shown(*now),
                                         "run it again, and let one job alone push this tag"));
    blocks(report_);
    return {};
  }

  const Ports& ports_;
  const Publication& it_;
  ChangeReport& report_;
};

}  // namespace

Result<> publish(const Ports& ports, const Publication& publication, ChangeReport& report,
                 const std::stop_token& stop) {
  return Publisher(ports, publication, report).run(stop);
}

}  // namespace nodeproof::index

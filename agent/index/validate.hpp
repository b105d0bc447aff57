// A whole tag with all its platforms: is every byte that it promises there, and what it should be?
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::index {

// Of several causes the first in this order is told; `unknown` only when nothing is known to be
// wrong.
enum class PlatformVerdict {
  whole,
  missing,      // the registry has no such manifest or blob
  corrupt,      // bytes that do not hash to their digest, or that are no document
  truncated,    // a blob shorter than its descriptor says
  stale_cache,  // a blob that the registry announces and cannot deliver
  mismatch,     // index, manifest and config contradict each other
  unknown,      // could not be asked: no access, throttled, 5xx, time-out
};

enum class IndexVerdict { whole, damaged, unknown };

struct PlatformReport {
  std::string platform;  // "linux/arm64/v8", normalised; the config's when the entry names none
  std::string digest;    // of the manifest
  PlatformVerdict verdict = PlatformVerdict::unknown;
  bool attestation = false;  // provenance or SBOM: what is wrong with it is no more than a warning
  std::vector<Finding> findings;
  friend bool operator==(const PlatformReport&, const PlatformReport&) = default;
};

// What one host would take of the tag, and whether that is right for it.
struct HostReport {
  std::string host;        // its name
  std::string platform;    // "linux/arm64/v8"
  std::string containerd;  // the version whose rules decide; "" = not known
  std::string digest;      // of the manifest it takes; "" = none fits, or not known
  Verdict verdict = Verdict::unknown;
  std::string choice;  // why this entry, one sentence
  std::vector<Finding> findings;
  friend bool operator==(const HostReport&, const HostReport&) = default;
};

// A file that the tag can be rebuilt from.
struct KeptBackup {
  enum class State { written, unchanged, last_good };  // last_good: of when the tag was whole
  std::string file;
  State state = State::written;
  std::string remedy = {};  // the command that restores it, where that mends the tag
  friend bool operator==(const KeptBackup&, const KeptBackup&) = default;
};

struct IndexReport {
  std::string reference;
  std::string index_digest;  // the manifest's when the tag is a single manifest; "" = not known
  IndexVerdict verdict = IndexVerdict::unknown;
  std::vector<PlatformReport> platforms;  // in the index's order, nested ones in place
  std::vector<Finding> findings;          // about the tag and the index themselves
  std::vector<HostReport> hosts = {};     // those that were asked about
  std::optional<KeptBackup> backup = {};
  std::vector<std::string> only = {};  // the platforms that were looked at; empty = all
  friend bool operator==(const IndexReport&, const IndexReport&) = default;
};

// What the bytes of one platform's image say; `entry` is its manifest's.
using ImageJudge = std::function<std::vector<Finding>(const Descriptor& entry, const Manifest&,
                                                      const ImageConfig&)>;

struct ValidateOptions {
  bool deep = false;  // stream and hash every blob instead of probing its last byte
  unsigned parallel = 4;
  // Normalised; only these entries, what is attached to them, and entries without a platform are
  // looked at. Empty = all.
  std::vector<Platform> platforms = {};
  // The manifests, by digest, whose layers are read even if not `deep`; asked with the digest that
  // the tag names, again when it has moved meanwhile; may be empty.
  std::function<std::vector<std::string>(const Digest& top)> read_too = {};
  // Hangs on the stream of each layer that is read so, called from several threads at once; may be
  // empty.
  LayerObserverFactory observe = {};
  // With deep: called for each whole image when its layers have been read; may be empty.
  ImageJudge judge = {};
  bool layouts = false;  // no registry is asked but image layouts: findings speak of them
};

// Never fails: what cannot be asked is `unknown`, with the reason as a finding. All holes of the
// tag are found in one run. A tag that moves meanwhile is looked at once more.
[[nodiscard]] IndexReport validate(Registry& registry, const Reference& reference,
                                   const ValidateOptions& options, const std::stop_token& stop);

[[nodiscard]] std::string_view to_string(PlatformVerdict verdict);  // "stale-cache"
[[nodiscard]] std::string_view to_string(IndexVerdict verdict);

}  // namespace nodeproof::index

#include "agent/report/golden_registry.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "agent/report/golden.hpp"
#include "common/crypto.hpp"
#include "common/json.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

constexpr std::string_view kArtifactType = kStatementType;
constexpr std::string_view kEnvelopeType = "application/vnd.dsse.envelope.v1+json";
constexpr std::string_view kEmptyType = "application/vnd.oci.empty.v1+json";
constexpr std::string_view kEmpty = "{}";  // image-spec, "Guidance for an Empty Descriptor"
constexpr std::string_view kMark = "dev.nodeproof.golden";
constexpr std::string_view kCreated = "org.opencontainers.image.created";
constexpr std::size_t kMaxCandidates = 16;
constexpr std::size_t kMaxEnvelopeBytes = 1 << 20;
constexpr std::size_t kMaxListBytes = 4 << 20;
constexpr int kAttempts = 4;

struct Candidate {
  Descriptor descriptor;
  std::string created;
};

std::string annotation(const json::Value& object, std::string_view key) {
  const json::Value* notes = object.find("annotations");
  const json::Value* note = notes == nullptr ? nullptr : notes->find(key);
  return note == nullptr ? "" : note->string().value_or("");
}

Result<Descriptor> read_descriptor(const json::Value& value) {
  const std::string type = TRY(value.string_or("mediaType", ""));
  const std::string digest = TRY(value.string_or("digest", ""));
  const json::Value* size = TRY(value.at("size"));
  return Descriptor{type, TRY(Digest::parse(digest)), TRY(size->unsigned_integer()), {}, {}};
}

Result<json::Value> read_list(const std::string& bytes) {
  json::Value list = TRY(json::parse(bytes, {.max_bytes = kMaxListBytes}));
  const json::Value* entries = TRY(list.at("manifests"));
  if (entries->kind() != json::Value::Kind::array)
    return std::unexpected(entries->wrong("an array"));
  return list;
}

// What others attach is none of ours, well-formed or not.
std::vector<Candidate> candidates_in(const json::Value& list) {
  std::vector<Candidate> found;
  for (const json::Value& item : list.find("manifests")->items()) {
    if (item.string_or("artifactType", "").value_or("") != kArtifactType) continue;
    if (annotation(item, kMark).empty()) continue;
    auto descriptor = read_descriptor(item);
    if (descriptor) found.push_back({*std::move(descriptor), annotation(item, kCreated)});
  }
  std::ranges::sort(found, std::greater(), &Candidate::created);
  if (found.size() > kMaxCandidates) found.erase(found.begin() + kMaxCandidates, found.end());
  return found;
}

// The list of a registry with the API, else the one its clients keep; nothing = there is none.
Result<std::optional<FetchedManifest>> list_of(Registry& registry, const Reference& image,
                                               const Digest& subject, const std::stop_token& stop) {
  auto listed = TRY(registry.referrers(image, subject, std::string(kArtifactType), stop));
  if (listed) return listed;
  auto tagged = registry.manifest(TRY(referrers_tag(image, subject)), stop);
  if (tagged) return std::optional(*std::move(tagged));
  if (tagged.error().code == Errc::not_found) return std::optional<FetchedManifest>();
  return std::unexpected(std::move(tagged).error());
}

Result<Descriptor> envelope_in(const FetchedManifest& artifact, const Digest& subject) {
  const json::Value document = TRY(json::parse(artifact.bytes, {.max_bytes = kMaxListBytes}));
  const json::Value* about = TRY(document.at("subject"));
  const json::Value* layers = TRY(document.at("layers"));
  if (TRY(about->string_or("digest", "")) != subject.str() || layers->items().size() != 1) {
    return fail(Errc::invalid_document, "it is not what the list says");
  }
  Descriptor envelope = TRY(read_descriptor(layers->items().front()));
  if (envelope.size == 0 || envelope.size > kMaxEnvelopeBytes) {
    return fail(Errc::too_large, "the envelope has not between 1 byte and 1 MiB");
  }
  return envelope;
}

struct Place {
  Registry& registry;
  const Reference& image;
  const Digest& subject;
};

Result<std::string> fetch_one(const Place& from, const Descriptor& artifact,
                              const std::stop_token& stop) {
  const FetchedManifest manifest = TRY(from.registry.child(from.image, artifact, stop));
  const Descriptor envelope = TRY(envelope_in(manifest, from.subject));
  std::string bytes;
  const ByteSink take = [&](Bytes more) -> Result<> {
    bytes += as_text(more);
    return bytes.size() <= envelope.size ? Result<>() : fail(Errc::too_large, "it is longer");
  };
  TRY(from.registry.blob(from.image, envelope, 0, take, stop));
  if (hash_of(as_bytes(bytes), envelope.digest.algorithm()) == envelope.digest) return bytes;
  return fail(Errc::digest_mismatch, "its bytes do not hash to " + envelope.digest.short_str());
}

void write_descriptor(json::Writer& out, const Descriptor& descriptor) {
  out.member("mediaType", descriptor.media_type).member("digest", descriptor.digest.str());
  out.member("size", descriptor.size);
}

void write_notes(json::Writer& out, const std::string& time) {
  out.member("artifactType", kArtifactType).key("annotations").begin_object();
  out.member(kMark, "v1").member("in-toto.io/predicate-type", kTestResult);
  out.member(kCreated, time).end_object();
}

Descriptor descriptor_of(std::string_view bytes, std::string_view type) {
  return {std::string(type), hash_of(as_bytes(bytes)), bytes.size(), {}, {}};
}

FetchedManifest artifact_of(const Descriptor& envelope, const Descriptor& subject,
                            const std::string& time) {
  json::Writer out;
  out.begin_object().member("schemaVersion", std::uint64_t{2});
  out.member("mediaType", media_type::kOciManifest);
  write_descriptor(out.key("config").begin_object(), descriptor_of(kEmpty, kEmptyType));
  write_descriptor(out.end_object().key("layers").begin_array().begin_object(), envelope);
  write_descriptor(out.end_object().end_array().key("subject").begin_object(), subject);
  write_notes(out.end_object(), time);
  std::string bytes = out.end_object().str();
  Descriptor descriptor = descriptor_of(bytes, media_type::kOciManifest);
  return {std::move(descriptor), std::move(bytes)};
}

bool is_listed(const json::Value& list, const Digest& artifact) {
  return std::ranges::any_of(list.find("manifests")->items(), [&](const json::Value& item) {
    return item.string_or("digest", "").value_or("") == artifact.str();
  });
}

// One push on its way, with the artifact that is made for it.
struct Push {
  const GoldenPorts& ports;
  const GoldenPush& golden;
  FetchedManifest artifact;
  std::stop_token stop;
};

Result<> push_blob(const GoldenPorts& ports, const Reference& image, std::string_view bytes,
                   const std::stop_token& stop) {
  const BlobContent content = [bytes](const ByteSink& sink, const std::stop_token&) {
    return sink(as_bytes(bytes));
  };
  static_cast<void>(
      TRY(ports.writer.push_blob(image, descriptor_of(bytes, ""), {image, content}, stop)));
  return {};
}

// The list with the artifact behind what it holds; the entries of others stay byte for byte.
FetchedManifest grown(const Push& push, const std::optional<FetchedManifest>& before,
                      const json::Value* list) {
  json::Writer out;
  out.begin_object().member("schemaVersion", std::uint64_t{2});
  out.member("mediaType", media_type::kOciIndex).key("manifests").begin_array();
  if (list != nullptr) {
    for (const json::Value& item : list->find("manifests")->items()) {
      out.raw(item.source_in(before->bytes));
    }
  }
  write_descriptor(out.begin_object(), push.artifact.descriptor);
  write_notes(out, push.golden.time);
  out.end_object().end_array();
  const json::Value* notes = list == nullptr ? nullptr : list->find("annotations");
  if (notes != nullptr) out.key("annotations").raw(notes->source_in(before->bytes));
  std::string bytes = out.end_object().str();
  Descriptor descriptor = descriptor_of(bytes, media_type::kOciIndex);
  return {std::move(descriptor), std::move(bytes)};
}

struct Listing {
  bool listed = false;
  bool was_there = false;
};

// Reads the tag, and writes it anew where the artifact is not in it yet.
Result<Listing> list_once(const Push& push, const Reference& tag) {
  std::optional<FetchedManifest> before;
  auto found = push.ports.registry.manifest(tag, push.stop);
  if (found) {
    before = *std::move(found);
  } else if (found.error().code != Errc::not_found) {
    return std::unexpected(std::move(found).error());
  }
  std::optional<json::Value> list;
  if (before) list = TRY(read_list(before->bytes));
  if (list && is_listed(*list, push.artifact.descriptor.digest)) return Listing{true, true};
  const FetchedManifest after = grown(push, before, list ? &*list : nullptr);
  const auto replaces = before ? std::optional(before->descriptor.digest) : std::nullopt;
  auto put = push.ports.writer.put_manifest(tag, after, replaces, push.stop);
  if (!put && put.error().code != Errc::busy) return std::unexpected(std::move(put).error());
  return Listing{};
}

// No registry can compare and swap a tag: what somebody else has written meanwhile is kept by
// looking again.
Result<PushedGolden> list_by_tag(const Push& push) {
  const Reference tag = TRY(referrers_tag(push.golden.image, push.golden.subject));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Listing seen = TRY(list_once(push, tag));
    if (!seen.listed) continue;
    return PushedGolden{push.artifact.descriptor.digest, tag.tag(), seen.was_there && attempt == 0};
  }
  return fail(Errc::busy, "the tag " + tag.name() + " is changed by others all the time",
              "try again");
}

Result<PushedGolden> list(const Push& push) {
  const auto listed = TRY(push.ports.registry.referrers(push.golden.image, push.golden.subject,
                                                        std::string(kArtifactType), push.stop));
  if (!listed) return list_by_tag(push);
  const json::Value entries = TRY(read_list(listed->bytes));
  const Digest& digest = push.artifact.descriptor.digest;
  if (is_listed(entries, digest)) return PushedGolden{digest, "", false};
  return fail(Errc::server_error,
              "the registry has taken " + digest.short_str() + " and does not list it",
              "look whether it does later, and check its log");
}

Result<Reference> at_digest(const Reference& image, const Digest& digest) {
  return Reference::parse(image.name_with_digest(digest));
}

}  // namespace

Result<Reference> referrers_tag(const Reference& image, const Digest& subject) {
  std::string tag = subject.str();
  std::ranges::replace(tag, ':', '-');
  constexpr std::size_t kMaxTagBytes = 128;  // a sha512 is cut off, as the specification says
  return Reference::parse(image.repository() + ":" + tag.substr(0, kMaxTagBytes));
}

Result<FoundGoldens> fetch_goldens(Registry& registry, const Reference& image,
                                   const Digest& subject, const std::stop_token& stop) {
  FoundGoldens found;
  const auto listed = TRY(list_of(registry, image, subject, stop));
  if (!listed) return found;
  const json::Value list = TRY(read_list(listed->bytes));
  for (const Candidate& candidate : candidates_in(list)) {
    auto envelope = fetch_one({registry, image, subject}, candidate.descriptor, stop);
    if (envelope) {
      found.envelopes.push_back(*std::move(envelope));
    } else {
      found.failures.push_back(std::move(envelope).error().with_context(
          "the reference " + candidate.descriptor.digest.short_str()));
    }
  }
  return found;
}

Result<PushedGolden> push_golden(const GoldenPorts& ports, const GoldenPush& golden,
                                 const std::stop_token& stop) {
  const Reference about = TRY(at_digest(golden.image, golden.subject));
  const FetchedManifest subject = TRY(ports.registry.manifest(about, stop));
  TRY(push_blob(ports, golden.image, kEmpty, stop));
  TRY(push_blob(ports, golden.image, golden.envelope, stop));
  const Push push{
      ports, golden,
      artifact_of(descriptor_of(golden.envelope, kEnvelopeType), subject.descriptor, golden.time),
      stop};
  const Reference target = TRY(at_digest(golden.image, push.artifact.descriptor.digest));
  TRY(ports.writer.put_manifest(target, push.artifact, {}, stop));
  return list(push);
}

}  // namespace nodeproof::report

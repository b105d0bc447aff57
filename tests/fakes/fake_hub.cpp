#include "tests/fakes/fake_hub.hpp"

#include <cstdlib>

#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

Reference parsed(const std::string& text) {
  const auto reference = Reference::parse(text);
  if (!reference) std::abort();
  return *reference;
}

}  // namespace

Descriptor FakeHub::add(const std::string& repository, std::string bytes,
                        const std::string& media_type) {
  const Digest digest = hash_of(as_bytes(bytes));
  const std::uint64_t size = bytes.size();
  repositories_[repository].objects[digest.str()] = {std::move(bytes), media_type};
  return {media_type, digest, size, {}, {}};
}

Descriptor FakeHub::push_image(const std::string& repository, const FakeImage& image) {
  const std::lock_guard lock(mutex_);
  std::vector<Descriptor> layers;
  for (const FakeLayer& layer : image.layers) {
    layers.push_back(add(repository, layer.bytes, layer.media_type));
  }
  const Descriptor config =
      add(repository, config_json(image), "application/vnd.oci.image.config.v1+json");
  Descriptor manifest =
      add(repository, manifest_json(config, layers), std::string(media_type::kOciManifest));
  manifest.platform = image.platform;
  return manifest;
}

Descriptor FakeHub::push_index(const std::string& name, const std::vector<Descriptor>& entries) {
  const std::lock_guard lock(mutex_);
  Descriptor index =
      add(parsed(name).repository(), index_json(entries), std::string(media_type::kOciIndex));
  tag(name, index);
  return index;
}

void FakeHub::tag(const std::string& name, const Descriptor& manifest) {
  const std::lock_guard lock(mutex_);
  const Reference reference = parsed(name);
  repositories_[reference.repository()].tags.insert_or_assign(reference.tag(), manifest.digest);
}

void FakeHub::remove_object(const std::string& repository, const Digest& digest) {
  const std::lock_guard lock(mutex_);
  repositories_[repository].objects.erase(digest.str());
}

std::string FakeHub::bytes(const std::string& repository, const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  return repositories_.at(repository).objects.at(digest.str()).bytes;
}

std::string FakeHub::tagged(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const Reference reference = parsed(name);
  const auto repository = repositories_.find(reference.repository());
  if (repository == repositories_.end()) return "";
  const auto found = repository->second.tags.find(reference.tag());
  return found == repository->second.tags.end() ? "" : found->second.str();
}

std::vector<std::string> FakeHub::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

void FakeHub::write(const std::string& line) {
  if (before_write) before_write(line);
  writes_.push_back(line);
}

bool FakeHub::holds(const Reference& target, const Digest& digest) const {
  const auto repository = repositories_.find(target.repository());
  return repository != repositories_.end() && repository->second.objects.contains(digest.str());
}

Result<FetchedManifest> FakeHub::find(const Reference& reference, const Digest& digest) const {
  if (!holds(reference, digest)) {
    return fail(Errc::not_found, reference.name_with_digest(digest) + ": not found");
  }
  const Object& object = repositories_.at(reference.repository()).objects.at(digest.str());
  return FetchedManifest{{object.media_type, digest, object.bytes.size(), {}, {}}, object.bytes};
}

Result<FetchedManifest> FakeHub::manifest(const Reference& reference, std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
  if (reference.digest()) return find(reference, *reference.digest());
  const std::string digest = tagged(reference.name());
  if (digest.empty()) return fail(Errc::not_found, reference.name() + ": not found");
  return find(reference, *Digest::parse(digest));
}

Result<FetchedManifest> FakeHub::child(const Reference& reference, const Descriptor& child,
                                       std::stop_token) {
  const std::lock_guard lock(mutex_);
  return find(reference, child.digest);
}

// NOLINTNEXTLINE(readability-function-size): the port's signature
Result<> FakeHub::blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                       const ByteSink& sink, std::stop_token) {
  const std::lock_guard lock(mutex_);
  if (blob_fault) return std::unexpected(*blob_fault);
  const FetchedManifest found = TRY(find(reference, blob.digest));
  return sink(as_bytes(std::string_view(found.bytes).substr(offset)));
}

Result<BlobState> FakeHub::probe(const Reference& reference, const Descriptor& blob,
                                 std::stop_token) {
  const std::lock_guard lock(mutex_);
  if (blob_fault) return std::unexpected(*blob_fault);
  return holds(reference, blob.digest) ? BlobState::whole : BlobState::missing;
}

Result<std::optional<FetchedManifest>> FakeHub::referrers(const Reference& reference,
                                                          const Digest& subject,
                                                          const std::string& artifact_type,
                                                          std::stop_token) {
  const std::lock_guard lock(mutex_);
  if (!lists_referrers) return std::optional<FetchedManifest>();
  json::Writer out;
  out.begin_object().key("manifests").begin_array();
  for (const auto& [digest, object] : repositories_[reference.repository()].objects) {
    if (!media_type::is_manifest(object.media_type)) continue;
    const json::Value document = TRY(json::parse(object.bytes));
    const json::Value* of = document.find("subject");
    if (of == nullptr || TRY(of->string_or("digest", "")) != subject.str()) continue;
    if (TRY(document.string_or("artifactType", "")) != artifact_type) continue;
    out.begin_object().member("mediaType", object.media_type).member("digest", digest);
    out.member("size", std::uint64_t{object.bytes.size()}).member("artifactType", artifact_type);
    if (const json::Value* notes = document.find("annotations")) {
      out.key("annotations").raw(notes->source_in(object.bytes));
    }
    out.end_object();
  }
  std::string list = out.end_array().end_object().str();
  const Descriptor index{
      std::string(media_type::kOciIndex), hash_of(as_bytes(list)), list.size(), {}, {}};
  return FetchedManifest{index, std::move(list)};
}

Result<BlobPush> FakeHub::push_blob(const Reference& target, const Descriptor& blob,
                                    const BlobSource& source, std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  if (holds(target, blob.digest)) return BlobPush::present;
  const std::string what = " " + target.repository() + " " + blob.digest.short_str();
  const bool mounted = mounts && source.repository.domain() == target.domain() &&
                       holds(source.repository, blob.digest);
  std::string bytes;
  TRY(source.content(
      [&](Bytes piece) -> Result<> {
        bytes += as_text(piece);
        return {};
      },
      stop));
  if (hash_of(as_bytes(bytes)) != blob.digest) return fail(Errc::digest_mismatch, "wrong bytes");
  write((mounted ? "mount" : "upload") + what);
  add(target.repository(), std::move(bytes), blob.media_type);
  return mounted ? BlobPush::mounted : BlobPush::uploaded;
}

Result<> FakeHub::check_references(const Reference& target, const FetchedManifest& document) const {
  const auto parsed = TRY(parse_image_document(document.bytes, document.descriptor.media_type));
  std::vector<Descriptor> needed;
  if (const auto* index = std::get_if<Index>(&parsed)) {
    needed = index->manifests;
  } else {
    needed = std::get<Manifest>(parsed).layers;
    needed.push_back(std::get<Manifest>(parsed).config);
  }
  for (const Descriptor& each : needed) {
    if (!holds(target, each.digest)) {
      return fail(Errc::not_found, target.repository() + " lacks " + each.digest.short_str());
    }
  }
  return {};
}

Result<> FakeHub::put_manifest(const Reference& target, const FetchedManifest& document,
                               const std::optional<Digest>&, std::stop_token) {
  const std::lock_guard lock(mutex_);
  if (hash_of(as_bytes(document.bytes)) != document.descriptor.digest) std::abort();
  TRY(check_references(target, document));
  write("put " + target.name());
  add(target.repository(), document.bytes, document.descriptor.media_type);
  if (!target.digest()) tag(target.name(), document.descriptor);
  if (after_put) after_put("put " + target.name());
  return {};
}

Result<std::optional<Digest>> FakeHub::tag_digest(const Reference& tag, std::stop_token) {
  const std::lock_guard lock(mutex_);
  const std::string digest = tagged(tag.name());
  if (digest.empty()) return std::optional<Digest>();
  return std::optional(*Digest::parse(digest));
}

Result<> FakeHub::remove(const Reference& reference, std::stop_token) {
  const std::lock_guard lock(mutex_);
  Repository& repository = repositories_[reference.repository()];
  if (reference.digest()) {
    if (!holds(reference, *reference.digest())) return fail(Errc::not_found, "not found");
    write("delete " + reference.name());
    repository.objects.erase(reference.digest()->str());
    std::erase_if(repository.tags,
                  [&](const auto& tag) { return tag.second == *reference.digest(); });
    return {};
  }
  if (!deletes_tags) return fail(Errc::unsupported, "DIGEST_INVALID");
  const auto found = repository.tags.find(reference.tag());
  if (found == repository.tags.end()) return fail(Errc::not_found, "not found");
  write("delete " + reference.name());
  if (loses_untagged) repository.objects.erase(found->second.str());
  repository.tags.erase(found);
  return {};
}

}  // namespace nodeproof

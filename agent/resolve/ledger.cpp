#include "agent/resolve/ledger.hpp"

#include <array>

#include "agent/json_read.hpp"
#include "agent/model_json.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/generations.hpp"
#include "common/json.hpp"

namespace nodeproof::resolve {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxBytes = 1U << 20U;
constexpr std::string_view kRecord = ".json", kIndex = ".index", kManifest = ".manifest";
constexpr std::array kFreshness = {Freshness::current, Freshness::stale, Freshness::unreachable};

void write_platform(json::Writer& writer, const Platform& platform) {
  writer.begin_object();
  writer.member("os", platform.os).member("architecture", platform.architecture);
  writer.member("variant", platform.variant).member("os_version", platform.os_version);
  writer.member("os_features", platform.os_features).end_object();
}

void write_descriptor(json::Writer& writer, const Descriptor& descriptor) {
  writer.begin_object();
  writer.member("media_type", descriptor.media_type);
  writer.member("digest", descriptor.digest.str());
  writer.member("size", descriptor.size);
  if (descriptor.platform) {
    writer.key("platform");
    write_platform(writer, *descriptor.platform);
  }
  writer.end_object();
}

Result<std::string> text_at(const json::Value& value, std::string_view key) {
  const json::Value* member = TRY(value.at(key));
  return member->string();
}

Result<Platform> read_platform(const json::Value& value) {
  const json::Value* features = TRY(value.at("os_features"));
  return Platform{TRY(text_at(value, "os")), TRY(text_at(value, "architecture")),
                  TRY(text_at(value, "variant")), TRY(text_at(value, "os_version")),
                  TRY(features->strings())};
}

Result<std::vector<Platform>> read_platforms(const json::Value& list) {
  std::vector<Platform> platforms;
  for (const json::Value& each : list.items()) platforms.push_back(TRY(read_platform(each)));
  return platforms;
}

Result<Descriptor> read_descriptor(const json::Value& value) {
  const std::string digest = TRY(text_at(value, "digest"));
  const json::Value* size = TRY(value.at("size"));
  Descriptor descriptor{TRY(text_at(value, "media_type")),
                        TRY(Digest::parse(digest)),
                        TRY(size->unsigned_integer()),
                        {},
                        {}};
  if (const json::Value* platform = value.find("platform")) {
    descriptor.platform = TRY(read_platform(*platform));
  }
  return descriptor;
}

Result<RegistryWord> read_word(const json::Value& root) {
  RegistryWord word;
  if (const json::Value* said = root.find("registry")) {
    TRY(json::read_word<Freshness>(*said, "freshness", kFreshness, word.freshness));
    word.findings = TRY(read_findings(*said, "findings"));
  }
  return word;
}

void write_word(json::Writer& writer, const RegistryWord& word) {
  if (word == RegistryWord{}) return;
  writer.key("registry").begin_object().member("freshness", to_string(word.freshness));
  writer.key("findings");
  write_findings(writer, word.findings);
  writer.end_object();
}

Result<std::optional<ProvenShape>> read_shape(const json::Value& root) {
  const json::Value* value = root.find("shape");
  if (value == nullptr) return std::optional<ProvenShape>();
  const std::string rootfs = TRY(text_at(*value, "rootfs"));
  ProvenShape shape{TRY(text_at(*value, "platform")), TRY(Digest::parse(rootfs)), 0, 0};
  TRY(json::read(*value, "bytes", shape.bytes));
  TRY(json::read(*value, "layers", shape.layers));
  return std::optional(std::move(shape));
}

void write_shape(json::Writer& writer, const std::optional<ProvenShape>& shape) {
  if (!shape) return;
  writer.key("shape").begin_object().member("platform", shape->platform);
  writer.member("rootfs", shape->rootfs.str()).member("bytes", shape->bytes);
  writer.member("layers", std::uint64_t{shape->layers}).end_object();
}

// What is there already is not written again: a cycle without change writes nothing to disk.
Result<> write_if_changed(const std::filesystem::path& file, const std::string& text) {
  const auto known = read_file(file, kMaxBytes);
  if (known && *known == text) return {};
  return write_file_atomically(file, text);
}

std::optional<std::string> kept(const std::filesystem::path& file, const Digest& digest) {
  auto bytes = read_file(file, kMaxBytes);
  if (!bytes || hash_of(as_bytes(*bytes), digest.algorithm()) != digest) return {};
  return *std::move(bytes);
}

Result<ProvenImage> read_record(std::string_view text) {
  const json::Value root = TRY(json::parse(text));
  const json::Value* version = TRY(root.at("version"));
  if (TRY(version->unsigned_integer()) != kVersion) {
    return fail(Errc::unsupported, "the ledger has another version");
  }
  const json::Value* manifest = TRY(root.at("manifest"));
  ProvenImage proven{TRY(text_at(root, "name")),
                     {},
                     TRY(read_descriptor(*manifest)),
                     TRY(text_at(root, "proof_key")),
                     TRY(text_at(root, "time")),
                     {TRY(read_smoke_results(root, "smoke")), TRY(read_findings(root, "findings"))},
                     {}};
  if (const json::Value* offered = root.find("offered")) {
    proven.offered = TRY(read_platforms(*offered));
  }
  TRY(json::read(root, "choice", proven.choice));
  if (root.find("found") != nullptr) proven.found = TRY(read_findings(root, "found"));
  proven.word = TRY(read_word(root));
  proven.shape = TRY(read_shape(root));
  TRY(json::read(root, "credentials", proven.credentials));
  TRY(json::read(root, "boot", proven.boot));
  TRY(json::read(root, "agent", proven.agent));
  TRY(json::read(root, "confirmed", proven.confirmed));
  if (const json::Value* index = root.find("index")) proven.index = TRY(read_descriptor(*index));
  return proven;
}

// A record that is lost costs a proof, and with the registry out of reach the verdict.
Generations record_in(const std::filesystem::path& file) {
  return {file, kMaxBytes, [](std::string_view text) { return read_record(text).has_value(); }};
}

// A proof that no longer holds must not come back, whatever becomes of the storage.
Result<> write_record(const std::filesystem::path& file, const ProvenImage& proven,
                      const std::string& text) {
  const auto known = read_file(file, kMaxBytes);
  if (known && *known == text) return {};
  const Generations generations = record_in(file);
  if (!proven.proof_key.empty()) return generations.write(text);
  TRY(generations.forget_older());
  return write_file_atomically(file, text);
}

}  // namespace

std::optional<ProvenImage> Ledger::find(std::string_view name) const {
  auto found = look_up(name);
  return found ? *std::move(found) : std::nullopt;
}

Result<std::optional<ProvenImage>> Ledger::look_up(std::string_view name) const {
  const auto text = record_in(file_of(name, kRecord)).read();
  if (!text && text.error().code != Errc::corrupt) {
    std::error_code ignored;
    const bool absent = text.error().code == Errc::not_found;
    if (absent && std::filesystem::is_directory(directory_, ignored)) return std::nullopt;
    if (absent) return fail(Errc::not_found, "there is no such folder");
    return std::unexpected(text.error());
  }
  if (!text) return std::nullopt;
  auto proven = read_record(*text);
  if (!proven || proven->name != name) return std::nullopt;
  return *std::move(proven);
}

Result<> Ledger::record(const ProvenImage& proven) const {
  json::Writer writer(true);
  writer.begin_object().member("version", kVersion).member("name", proven.name);
  if (proven.index) {
    writer.key("index");
    write_descriptor(writer, *proven.index);
  }
  writer.key("manifest");
  write_descriptor(writer, proven.manifest);
  writer.member("proof_key", proven.proof_key).member("time", proven.time);
  writer.key("smoke");
  write_smoke_results(writer, proven.smoke.results);
  writer.key("findings");
  write_findings(writer, proven.smoke.findings);
  if (proven.offered) {
    writer.key("offered").begin_array();
    for (const Platform& each : *proven.offered) write_platform(writer, each);
    writer.end_array();
  }
  writer.member("choice", proven.choice);
  if (proven.found) {
    writer.key("found");
    write_findings(writer, *proven.found);
  }
  write_word(writer, proven.word);
  write_shape(writer, proven.shape);
  if (!proven.credentials.empty()) writer.member("credentials", proven.credentials);
  if (!proven.boot.empty()) writer.member("boot", proven.boot);
  if (!proven.agent.empty()) writer.member("agent", proven.agent);
  if (!proven.confirmed.empty()) writer.member("confirmed", proven.confirmed);
  writer.end_object();
  return write_record(file_of(proven.name, kRecord), proven, writer.str() + "\n");
}

Result<> Ledger::keep_documents(const ResolvedImage& image) const {
  const std::string name = image.reference.name();
  if (image.index && image.index_bytes.size() <= kMaxBytes) {
    TRY(write_if_changed(file_of(name, kIndex), image.index_bytes));
  }
  if (image.manifest_bytes.size() > kMaxBytes) return {};
  return write_if_changed(file_of(name, kManifest), image.manifest_bytes);
}

std::optional<std::string> Ledger::index_bytes(const ProvenImage& proven) const {
  if (!proven.index) return {};
  return kept(file_of(proven.name, kIndex), proven.index->digest);
}

std::optional<std::string> Ledger::manifest_bytes(const ProvenImage& proven) const {
  return kept(file_of(proven.name, kManifest), proven.manifest.digest);
}

std::filesystem::path Ledger::file_of(std::string_view name, std::string_view kind) const {
  return directory_ / (std::string(hash_of(as_bytes(name)).hex()) + std::string(kind));
}

}  // namespace nodeproof::resolve

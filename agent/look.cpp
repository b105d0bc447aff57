#include "agent/look.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/image_report.hpp"
#include "agent/json_read.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxBytes = 4U << 20U;

Result<std::string> text_at(const json::Value& object, std::string_view key) {
  const json::Value* value = TRY(object.at(key));
  return value->string();
}

Result<LookedFor> read_image(const json::Value& value) {
  const std::string rootfs = TRY(text_at(value, "rootfs"));
  const json::Value* named = TRY(value.at("named"));
  return LookedFor{TRY(text_at(value, "name")), TRY(named->strings()), TRY(Digest::parse(rootfs))};
}

Result<LookList> read_list(const std::filesystem::path& file) {
  const std::string text = TRY(read_file(file, kMaxBytes));
  const json::Value root = TRY(json::parse(text));
  std::uint64_t version = 0;
  TRY(json::read(root, "version", version));
  if (version != kVersion) return fail(Errc::unsupported, "another version");
  LookList list{TRY(text_at(root, "socket")),
                TRY(text_at(root, "namespace")),
                TRY(text_at(root, "snapshotter")),
                {},
                {}};
  TRY(json::read(root, "found", list.found));
  const json::Value* images = TRY(root.at("images"));
  for (const json::Value& image : images->items()) list.images.push_back(TRY(read_image(image)));
  return list;
}

std::string text_of(const LookList& list) {
  json::Writer out;
  out.begin_object().member("version", kVersion).member("socket", list.socket);
  out.member("namespace", list.namespace_).member("snapshotter", list.snapshotter);
  out.key("images").begin_array();
  for (const LookedFor& image : list.images) {
    out.begin_object().member("name", image.name).member("named", image.named);
    out.member("rootfs", image.rootfs.str()).end_object();
  }
  out.end_array().member("found", list.found).end_object();
  return out.str();
}

// The ledger knows the root file system; a record of other bytes than the report's is of no use.
std::optional<LookedFor> looked_for(const resolve::Ledger& ledger, const ImageReport& image) {
  const auto reference = Reference::parse(image.reference);
  if (!reference || image.verdict != Verdict::ready) return {};
  const auto proven = ledger.find(reference->name());
  if (!proven || !proven->shape || proven->manifest.digest.str() != image.manifest_digest) {
    return {};
  }
  LookedFor wanted{proven->name, {proven->manifest.digest.str()}, proven->shape->rootfs};
  if (proven->index) wanted.named.push_back(proven->index->digest.str());
  return wanted;
}

Result<std::string> change_of(const LookedFor& image, ImageStore& store) {
  const auto record = TRY(store.image(image.name));
  if (!record) return image.name + " is no longer in containerd";
  if (std::ranges::find(image.named, record->target.digest.str()) == image.named.end()) {
    return image.name + " names " + record->target.digest.short_str() + " in containerd now";
  }
  if (!TRY(store.has_snapshot(image.rootfs, ""))) {
    return image.name + " is no longer unpacked in containerd";
  }
  return std::string();
}

}  // namespace

LookList look_list(const CycleConfig& config, const NodeReport& report) {
  if (!report.host.containerd) return {{}, {}, {}, {}, config.fingerprint};
  const ContainerdFacts& facts = *report.host.containerd;
  LookList list{facts.socket, facts.namespace_, facts.snapshotter, {}, config.fingerprint};
  const resolve::Ledger ledger(config.state_dir / "ledger");
  for (const ImageReport& image : report.images) {
    if (auto wanted = looked_for(ledger, image)) list.images.push_back(*std::move(wanted));
  }
  return list;
}

std::filesystem::path look_file(const std::filesystem::path& run_dir) {
  return run_dir / "look.json";
}

Result<> save_look(const std::filesystem::path& run_dir, const LookList& list) {
  const std::filesystem::path file = look_file(run_dir);
  if (list.images.empty() && list.found.empty()) return remove_file(file);
  std::string text = text_of(list);
  if (read_file(file, kMaxBytes).value_or("") == text) return {};
  return write_file_atomically(file, text, 0600);
}

LookList load_look(const std::filesystem::path& run_dir) {
  return read_list(look_file(run_dir)).value_or(LookList{});
}

Result<std::string> changed_since(const LookList& list, ImageStore& store) {
  std::string first;
  std::size_t others = 0;
  for (const LookedFor& image : list.images) {
    std::string change = TRY(change_of(image, store));
    if (change.empty()) continue;
    if (first.empty()) {
      first = std::move(change);
    } else {
      ++others;
    }
  }
  return others == 0 ? first : first + " (+" + std::to_string(others) + ")";
}

}  // namespace nodeproof

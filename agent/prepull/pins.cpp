#include "agent/prepull/pins.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/clock.hpp"

namespace nodeproof::prepull {
namespace {

constexpr const char* kPinLabel = "io.cri-containerd.pinned";
constexpr const char* kPinned = "pinned";
// A board without a clock begins in 1970, or where it was switched off.
constexpr std::chrono::sys_days kClocksAreSet{std::chrono::year{2026} / 1 / 1};

std::string label_of(const ImageRecord& record, std::string_view name) {
  const auto found = record.labels.find(std::string(name));
  return found == record.labels.end() ? "" : found->second;
}

bool is_of(const ImageRecord& record, const Reference& image) {
  const std::string repository = image.repository();
  return record.name.starts_with(repository) && record.name.size() > repository.size() &&
         (record.name[repository.size()] == ':' || record.name[repository.size()] == '@');
}

using Records = std::vector<ImageRecord>;

bool is_required(const std::string& manifest, const Records& records,
                 const std::vector<RequiredPin>& required) {
  return std::ranges::any_of(required, [&](const RequiredPin& image) {
    if (!image.proven.empty()) return image.proven.front().str() == manifest;
    return std::ranges::any_of(
        records, [&](const ImageRecord& record) { return is_of(record, image.reference); });
  });
}

Result<> pin(ImageStore& store, const Records& records) {
  for (const ImageRecord& record : records) {
    if (label_of(record, kPinLabel) == kPinned && label_of(record, kUnneededLabel).empty()) {
      continue;
    }
    TRY(store.label_image(record, {{kPinLabel, kPinned}, {std::string(kUnneededLabel), ""}}));
  }
  return {};
}

Result<> unpin_record(ImageStore& store, const ImageRecord& record, const PinRules& rules) {
  const std::string unneeded(kUnneededLabel);
  const auto since = parse_rfc3339(label_of(record, unneeded));
  if (!since || *since > rules.now) {
    return store.label_image(record, {{unneeded, to_rfc3339(rules.now)}});
  }
  if (rules.now - *since < rules.grace) return {};
  return store.label_image(record, labels_to_clear(record));
}

Result<> unpin(ImageStore& store, const Records& records, const PinRules& rules) {
  if (rules.now < kClocksAreSet) return {};
  for (const ImageRecord& record : records) TRY(unpin_record(store, record, rules));
  return {};
}

// The tag after a kubelet's own pull: it names what was proven, and our labels are gone.
Result<> pin_tag(ImageStore& store, const RequiredPin& image) {
  if (image.proven.empty()) return {};
  const auto record = TRY(store.image(image.reference.name()));
  if (!record || std::ranges::find(image.proven, record->target.digest) == image.proven.end()) {
    return {};
  }
  Labels labels = pin_labels(image.proven.front());
  labels.merge(foreign_pin(*record));
  return store.label_image(*record, labels);
}

}  // namespace

Labels pin_labels(const Digest& manifest) {
  return {{std::string(kProvenLabel), manifest.str()}, {kPinLabel, kPinned}};
}

Labels foreign_pin(const ImageRecord& existing) {
  const bool pinned = label_of(existing, kPinLabel) == kPinned;
  if (!pinned || !label_of(existing, kProvenLabel).empty()) return {};
  return {{std::string(kForeignPinLabel), "1"}};
}

Labels labels_to_clear(const ImageRecord& record) {
  Labels labels{{std::string(kProvenLabel), ""}};
  if (!label_of(record, kUnneededLabel).empty()) labels.emplace(kUnneededLabel, "");
  if (!label_of(record, kForeignPinLabel).empty()) {
    labels.emplace(kForeignPinLabel, "");
  } else {
    labels.emplace(kPinLabel, "");
  }
  return labels;
}

Result<> keep_pins(ImageStore& store, const std::vector<RequiredPin>& required,
                   const PinRules& rules) {
  if (required.empty()) return {};
  std::map<std::string, Records> images;  // by their manifest
  std::set<std::string> names;
  for (ImageRecord& record : TRY(store.images(std::string(kProvenLabel)))) {
    names.insert(record.name);
    images[label_of(record, kProvenLabel)].push_back(std::move(record));
  }
  for (const auto& [manifest, records] : images) {
    const bool stays = is_required(manifest, records, required);
    TRY(stays ? pin(store, records) : unpin(store, records, rules));
  }
  for (const RequiredPin& image : required) {
    if (!names.contains(image.reference.name())) TRY(pin_tag(store, image));
  }
  return {};
}

}  // namespace nodeproof::prepull

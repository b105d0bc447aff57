#include "agent/kubernetes/pod.hpp"

#include <algorithm>

namespace nodeproof::kubernetes {
namespace {

using json::Value;

const Value* present(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  return value == nullptr || value->kind() == Value::Kind::null ? nullptr : value;
}

void add_once(std::vector<std::string>& texts, std::string text) {
  if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
}

Result<> take_containers(const Value& spec, std::string_view list, PodImages& into) {
  const json::Array* containers = TRY(list_of(spec, list));
  for (const Value& container : *containers) {
    std::string image = TRY(text_of(container, "image"));
    if (image.empty()) {
      return fail(Errc::invalid_document, container.path() + ": a container without an image");
    }
    add_once(into.images, std::move(image));
  }
  return {};
}

// Volumes whose files are those of an image.
Result<> take_image_volumes(const Value& spec, PodImages& into) {
  const json::Array* volumes = TRY(list_of(spec, "volumes"));
  for (const Value& volume : *volumes) {
    const Value* image = TRY(object_of(volume, "image"));
    if (image == nullptr) continue;
    std::string reference = TRY(text_of(*image, "reference"));
    if (!reference.empty()) add_once(into.images, std::move(reference));
  }
  return {};
}

// A gone pod's images are nobody's any more.
Result<bool> has_ended(const Value& pod) {
  const Value* status = TRY(object_of(pod, "status"));
  if (status == nullptr) return false;
  const std::string phase = TRY(text_of(*status, "phase"));
  return phase == "Succeeded" || phase == "Failed";
}

Result<bool> is_for_windows(const Value& spec) {
  const Value* system = TRY(object_of(spec, "os"));
  return system != nullptr && TRY(text_of(*system, "name")) == "windows";
}

}  // namespace

Result<std::string> text_of(const Value& object, std::string_view key) {
  const Value* value = present(object, key);
  if (value == nullptr) return std::string();
  return value->string();
}

Result<const json::Array*> list_of(const Value& object, std::string_view key) {
  static const json::Array kNone;
  const Value* value = present(object, key);
  if (value == nullptr) return &kNone;
  if (value->kind() != Value::Kind::array) return std::unexpected(value->wrong("a list"));
  return &value->items();
}

Result<const Value*> object_of(const Value& object, std::string_view key) {
  const Value* value = present(object, key);
  if (value == nullptr) return static_cast<const Value*>(nullptr);
  if (value->kind() != Value::Kind::object) return std::unexpected(value->wrong("an object"));
  return value;
}

Result<PodImages> read_pod_spec(const Value& spec) {
  PodImages pod;
  TRY(take_containers(spec, "initContainers", pod));
  TRY(take_containers(spec, "containers", pod));
  TRY(take_image_volumes(spec, pod));
  const json::Array* containers = TRY(list_of(spec, "containers"));
  if (containers->empty()) {
    return fail(Errc::invalid_document, spec.path() + ": a pod without containers");
  }
  const std::string account = TRY(text_of(spec, "serviceAccountName"));
  if (!account.empty()) pod.service_account = account;
  const json::Array* secrets = TRY(list_of(spec, "imagePullSecrets"));
  for (const Value& secret : *secrets) {
    std::string name = TRY(text_of(secret, "name"));
    if (!name.empty()) add_once(pod.pull_secrets, std::move(name));
  }
  return pod;
}

Result<std::optional<PodImages>> read_pod(const Value& pod) {
  const Value* metadata = TRY(object_of(pod, "metadata"));
  const Value* spec = TRY(object_of(pod, "spec"));
  if (metadata == nullptr || spec == nullptr) {
    return fail(Errc::invalid_document, pod.path() + ": a pod has metadata and a spec");
  }
  if (TRY(has_ended(pod)) || TRY(is_for_windows(*spec))) {
    return std::optional<PodImages>();
  }
  PodImages images = TRY(read_pod_spec(*spec));
  images.name = TRY(text_of(*metadata, "name"));
  const std::string space = TRY(text_of(*metadata, "namespace"));
  if (!space.empty()) images.namespace_ = space;
  return std::optional(std::move(images));
}

}  // namespace nodeproof::kubernetes

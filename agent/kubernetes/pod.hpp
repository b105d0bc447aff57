// The images of a Pod (core/v1), from the API or from a kubelet's static manifest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/json.hpp"

namespace nodeproof::kubernetes {

// Of a Pod, or of the template that a controller makes Pods from.
struct PodImages {
  std::string namespace_ = "default", name;  // the name may be "": a template's
  std::vector<std::string> images;  // init containers first, volumes last, as written, each once
  std::string service_account = "default";
  std::vector<std::string> pull_secrets;  // names of Secrets of its namespace
  friend bool operator==(const PodImages&, const PodImages&) = default;
};

// `spec` is a PodSpec. Ephemeral containers are a debugger's, and no image of theirs is required.
// Errors name the path of what is missing or wrong.
Result<PodImages> read_pod_spec(const json::Value& spec);

// Nothing for one that runs no more (Succeeded, Failed) or is for Windows.
Result<std::optional<PodImages>> read_pod(const json::Value& pod);

// A string member; absent, or null as some writers put it, is "".
Result<std::string> text_of(const json::Value& object, std::string_view key);

// A member's elements; absent or null: none. Anything but a list is an error.
Result<const json::Array*> list_of(const json::Value& object, std::string_view key);

// A member that is an object; absent or null: nullptr.
Result<const json::Value*> object_of(const json::Value& object, std::string_view key);

}  // namespace nodeproof::kubernetes

#include "agent/kubernetes/static_pods.hpp"

#include <algorithm>

#include "agent/kubernetes/pod.hpp"
#include "common/file.hpp"
#include "common/yaml.hpp"

namespace nodeproof::kubernetes {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = 1 << 20;  // of a manifest
constexpr std::size_t kMaxFiles = 1000;

Error of_folder(const fs::path& folder, std::string what) {
  return {Errc::invalid_config, "static pods of " + folder.string() + ": " + std::move(what),
          "name the kubelet's staticPodPath in images_from.static_pods"};
}

Result<std::vector<fs::path>> manifests(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& file = entries->path();
    std::error_code unseen;
    if (file.filename().string().starts_with('.') || fs::is_directory(file, unseen)) continue;
    files.push_back(file);
    if (files.size() > kMaxFiles) {
      return std::unexpected(
          of_folder(folder, "more than " + std::to_string(kMaxFiles) + " files"));
    }
  }
  if (error) return std::unexpected(of_folder(folder, error.message()));
  std::ranges::sort(files);
  return files;
}

Result<std::vector<StaticImage>> read_manifest(const fs::path& file) {
  std::error_code unseen;  // then it cannot be read either
  if (fs::is_other(fs::status(file, unseen))) {
    return fail(Errc::invalid_document, "it is no regular file");
  }
  const std::string text = TRY(read_file(file, kMaxBytes));
  const json::Value root = TRY(yaml::parse(text, {.max_bytes = kMaxBytes}));  // JSON is YAML
  const std::string kind = TRY(text_of(root, "kind"));
  const std::string version = TRY(text_of(root, "apiVersion"));
  if (kind != "Pod" || version != "v1") {
    return fail(Errc::invalid_document, "it holds no Pod of v1");
  }
  const auto pod = TRY(read_pod(root));
  std::vector<StaticImage> images;
  if (!pod) return images;
  const std::string origin = "static pod " + pod->name + " of " + file.string();
  for (const std::string& reference : pod->images) images.push_back({reference, origin});
  return images;
}

}  // namespace

StaticPods read_static_pods(const fs::path& folder) {
  StaticPods found;
  const auto files = manifests(folder);
  if (!files) {
    found.problems.push_back(files.error());
    return found;
  }
  for (const fs::path& file : *files) {
    auto images = read_manifest(file);
    if (images) {
      std::ranges::move(*images, std::back_inserter(found.images));
      continue;
    }
    Error error = std::move(images).error();
    // Its name stands in the message of a file that cannot be opened.
    if (!error.message.starts_with(file.string())) {
      error = std::move(error).with_context(file.string());
    }
    found.problems.push_back(std::move(error).with_remedy(
        "mend or remove it; the kubelet does not start what it cannot read either"));
  }
  return found;
}

}  // namespace nodeproof::kubernetes

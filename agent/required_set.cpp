#include "agent/required_set.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "agent/codes.hpp"
#include "agent/kubernetes/static_pods.hpp"
#include "agent/pull_options.hpp"
#include "agent/report/codes.hpp"
#include "common/crypto.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxImages = 1000;  // found ones

Result<std::vector<fs::path>> files_of(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return fail(Errc::not_found, folder.string() + " is no folder that can be read",
                "make it, or take it out of images_from.directories");
  }
  return config::fragments(folder);
}

void add_directory(const std::string& folder, Found& into) {
  const auto files = files_of(folder);
  if (!files) return into.findings.push_back(images_not_known(files.error(), Severity::unknown));
  for (const fs::path& file : *files) {
    auto images = config::load_images(file);
    if (!images) {
      into.findings.push_back(images_not_known(images.error(), Severity::unknown));
      continue;
    }
    for (RequiredImage& image : *images) {
      into.images.push_back({std::move(image), "the file " + file.string()});
    }
  }
}

void add_static_pods(const std::string& folder, Found& into) {
  kubernetes::StaticPods pods = kubernetes::read_static_pods(folder);
  for (kubernetes::StaticImage& found : pods.images) {
    RequiredImage image;
    image.reference = std::move(found.reference);
    into.images.push_back({std::move(image), std::move(found.origin)});
  }
  for (const Error& problem : pods.problems) {
    into.findings.push_back(images_not_known(problem, Severity::unknown));
  }
}

bool is_conditional(const RequiredImage& image) { return image.when != HostCondition{}; }

// Puts a found one beside those of the same name. One without a condition is needed here, whatever
// hosts an entry was meant for; one with another condition may be the one that applies.
void add_known(std::vector<RequiredImage>& images, const std::string& name,
               const RequiredImage& found) {
  const auto same = [&](const RequiredImage& image) {
    return config::identity(image.reference) == name;
  };
  const auto first = std::ranges::find_if(images, same);
  if (!is_conditional(found)) {
    images.erase(std::remove_if(first + 1, images.end(), same), images.end());
    first->when = {};
    return;
  }
  const bool covered = std::ranges::any_of(images, [&](const RequiredImage& image) {
    return same(image) && (!is_conditional(image) || image.when == found.when);
  });
  if (covered) return;
  const std::string reference = first->reference;
  images.push_back(found);
  images.back().reference = reference;  // what its origin is kept by
}

}  // namespace

Finding images_not_known(const Error& error, Severity severity) {
  Finding finding;
  finding.code = code::kImagesNotKnown;
  finding.severity = severity;
  finding.message = error.message;
  finding.remedy = error.remedy;
  if (finding.remedy.empty()) {
    if (const auto* text = report::find_code(finding.code)) finding.remedy = text->remedy;
  }
  return finding;
}

Found look_at_folders(const config::ImagesFrom& from) {
  Found found;
  for (const std::string& folder : from.directories) add_directory(folder, found);
  for (const std::string& folder : from.static_pods) add_static_pods(folder, found);
  return found;
}

RequiredSet required_set(std::vector<RequiredImage> configured, const Found& found) {
  RequiredSet set{std::move(configured), {}, found.findings};
  std::map<std::string, std::string> known;  // identity -> reference in the set
  for (const RequiredImage& image : set.images) {
    known.emplace(config::identity(image.reference), image.reference);
  }
  const std::size_t most = set.images.size() + kMaxImages;
  for (const FoundImage& each : found.images) {
    const std::string name = config::identity(each.image.reference);
    const auto [reference, fresh] = known.emplace(name, each.image.reference);
    if (fresh && set.images.size() == most) {
      const Error more{Errc::too_large, "more than 1000 images were found", "name fewer places"};
      set.findings.push_back(images_not_known(more, Severity::unknown));
      break;
    }
    if (fresh) {
      set.images.push_back(each.image);
    } else {
      add_known(set.images, name, each.image);
    }
    const auto [origin, first] = set.origins.emplace(reference->second, each.origin);
    if (!first && !origin->second.contains(each.origin)) {
      if (!origin->second.ends_with(" and others")) origin->second += " and others";
    }
  }
  return set;
}

std::string fingerprint(const config::ImagesFrom& from, const Found& found) {
  if (from == config::ImagesFrom{}) return {};
  // As a cycle takes them: who else needs one, and in which order they are told, is no news.
  std::multimap<std::string, RequiredImage> by_name;
  RequiredSet set = required_set({}, {found.images, {}});
  for (RequiredImage& image : set.images) {
    image.reference = config::identity(image.reference);
    by_name.emplace(image.reference, image);
  }
  config::Config all;
  for (auto& [name, image] : by_name) all.images.push_back(std::move(image));
  std::string text = config::config_digest(all);
  for (const Finding& finding : found.findings) {
    if (finding.severity == Severity::unknown) text += "\n" + finding.message;
  }
  return hash_of(as_bytes(text)).str();
}

std::vector<const RequiredImage*> required_here(const std::vector<RequiredImage>& images,
                                                const HostFacts& host) {
  std::vector<const RequiredImage*> here;
  std::set<std::string> names;
  for (const RequiredImage& image : images) {
    if (!applies(image.when, host)) continue;
    const bool fresh = names.insert(config::identity(image.reference)).second;
    if (fresh || !is_conditional(image)) here.push_back(&image);
  }
  return here;
}

std::vector<Finding> required_by(const std::map<std::string, std::string>& origins,
                                 const std::string& reference) {
  const auto origin = origins.find(reference);
  if (origin == origins.end()) return {};
  Finding finding;
  finding.code = code::kRequiredBy;
  finding.subject = origin->second;
  finding.message = "required by " + origin->second;
  return {finding};
}

}  // namespace nodeproof

#include "agent/cli/image_source.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <utility>

namespace nodeproof::cli {

Result<std::unique_ptr<ImageSource>> ImageSource::open(const config::Config& config,
                                                       const std::vector<std::string>& from,
                                                       std::vector<Reference> asked,
                                                       const registry::PodLogins& pods) {
  std::unique_ptr<ImageSource> source(new ImageSource);
  for (const std::string& path : from) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
      return fail(Errc::usage, "--from " + path + ": it is not there");
    }
  }
  if (from.empty()) source->remote_ = RegistryAccess::open(config, pods);
  const auto& paths = from.empty() ? config.sources : from;
  if (paths.empty()) return source;
  source->layouts_ = std::make_unique<registry::LayoutRegistry>(
      std::vector<std::filesystem::path>(paths.begin(), paths.end()), std::move(asked));
  if (source->remote_) {
    source->both_ =
        std::make_unique<registry::LayeredRegistry>(*source->layouts_, source->remote_->registry());
  }
  return source;
}

Result<> ImageSource::usable() {
  if (remote_ || !layouts_) return {};
  auto usable = layouts_->usable();
  if (usable) return {};
  Error error = std::move(usable).error();
  if (error.code == Errc::corrupt || error.code == Errc::truncated) return {};
  const bool denied = error.code == Errc::permission_denied;
  if (denied && error.remedy.empty()) error.remedy = "make it readable for who runs this";
  if (!denied) error.code = Errc::usage;
  return std::unexpected(std::move(error).with_context("--from"));
}

Registry& ImageSource::registry() {
  if (both_) return *both_;
  if (layouts_) return *layouts_;
  return remote_->registry();
}

Registry& ImageSource::origin() {
  if (remote_) return remote_->origin();
  return *layouts_;
}

void add_from_option(CLI::App& app, std::vector<std::string>& from) {
  app.add_option("--from", from,
                 "an image layout (folder or tar), or a folder of them: the images are taken from "
                 "there and no registry is asked; may be repeated")
      ->allow_extra_args(false);
}

std::vector<Reference> references_in(const std::vector<RequiredImage>& images) {
  std::vector<Reference> references;
  for (const RequiredImage& image : images) {
    if (auto reference = Reference::parse(image.reference)) {
      references.push_back(*std::move(reference));
    }
  }
  return references;
}

}  // namespace nodeproof::cli

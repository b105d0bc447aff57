// Where a command's images come from: registries, image layouts on a stick, or both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/cli/wiring.hpp"
#include "agent/registry/layered_registry.hpp"
#include "agent/registry/layout_registry.hpp"

namespace nodeproof::cli {

class ImageSource {
 public:
  // With `from`: these layouts, whose word on tags holds, and no registry is asked. Else the
  // registries, and before them the configuration's sources, as LayeredRegistry does. `asked`: all
  // images that will be asked for. Errc::usage when one of `from` is not there.
  static Result<std::unique_ptr<ImageSource>> open(const config::Config& config,
                                                   const std::vector<std::string>& from,
                                                   std::vector<Reference> asked,
                                                   const registry::PodLogins& pods = {});
  // With `from`: Errc::usage when none of it is an image layout, permission_denied when none can
  // be read. A damaged one is the images' to tell.
  Result<> usable();
  [[nodiscard]] Registry& registry();
  // What registry() has on this host; nullptr = nothing.
  [[nodiscard]] Registry* near() { return layouts_.get(); }
  // To judge what is held: the layouts of `from`, or the registries themselves without mirrors and
  // sources.
  [[nodiscard]] Registry& origin();

 private:
  ImageSource() = default;
  std::unique_ptr<RegistryAccess> remote_;
  std::unique_ptr<registry::LayoutRegistry> layouts_;
  std::unique_ptr<registry::LayeredRegistry> both_;
};

// Declares --from.
void add_from_option(CLI::App& app, std::vector<std::string>& from);

// Those that are references.
[[nodiscard]] std::vector<Reference> references_in(const std::vector<RequiredImage>& images);

}  // namespace nodeproof::cli

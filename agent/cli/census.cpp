#include "agent/cli/census.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "agent/cli/side_file.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/observer.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

// Any host of that platform, without an emulator.
HostFacts host_of(const Platform& platform) {
  HostFacts host;
  host.platform = platform;
  host.kernel_bits = host.userland_bits = 64;
  return host;
}

std::vector<Finding> judge(const inspect::InventoryCache& inventories, const ResolvedImage& image) {
  const Platform platform = image.manifest.platform.value_or(image.config.platform);
  if (normalize(platform).os != "linux") return {};
  const auto layers = inspect::load_inventories(inventories, image.document);
  const HostFacts host = host_of(platform);
  const std::vector<SmokeTest> no_tests;
  return inspect::inspect({image, layers, host, Emulation::refuse, no_tests}).findings;
}

}  // namespace

Census::Census(std::filesystem::path folder) : folder_(std::move(folder)), inventories_(folder_) {}

Result<std::unique_ptr<Census>> Census::open() {
  std::string name = (temporary_folder() / "nodeproof-inspect-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return std::unexpected(not_usable({"TMPDIR", temporary_folder()},
                                      fail_errno(errno, "making a folder there").error()));
  }
  return std::unique_ptr<Census>(new Census(std::move(name)));
}

Census::~Census() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Census::observe(index::ValidateOptions& options) {
  options.observe = inspect::make_observer_factory(inventories_);
}

void Census::join(index::ValidateOptions& options, const Reference& reference) {
  options.judge = [this, reference](const Descriptor& entry, const Manifest& manifest,
                                    const ImageConfig& config) {
    return judge(inventories_, {.reference = reference,
                                .index = {},
                                .index_bytes = {},
                                .manifest = entry,
                                .manifest_bytes = {},
                                .document = manifest,
                                .config_bytes = {},
                                .config = config,
                                .available = {},
                                .choice = {},
                                .findings = {}});
  };
}

}  // namespace nodeproof::cli

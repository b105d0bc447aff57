#include "agent/host/jetson.hpp"

#include <algorithm>

#include "agent/host/dpkg.hpp"
#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

// The digits and dots that `text` begins with.
std::string_view number_at(std::string_view text) {
  return text.substr(0, std::min(text.find_first_not_of("0123456789."), text.size()));
}

}  // namespace

std::string parse_tegra_release(std::string_view text) {
  constexpr std::string_view kRelease = "# R";
  constexpr std::string_view kRevision = "REVISION: ";
  const std::size_t revision = text.find(kRevision);
  if (!text.starts_with(kRelease) || revision == std::string_view::npos) return {};
  const std::string_view major = number_at(text.substr(kRelease.size()));
  const std::string_view minor = number_at(text.substr(revision + kRevision.size()));
  if (major.empty() || minor.empty()) return {};
  return std::string(major) + "." + std::string(minor);
}

Jetson read_jetson(const std::filesystem::path& root) {
  Jetson jetson;
  jetson.l4t = parse_tegra_release(read_text(root / "etc/nv_tegra_release"));
  if (!jetson.l4t.empty()) {
    const std::string version = InstalledPackages(root).version("nvidia-jetpack");
    jetson.jetpack = number_at(version);
  }
  return jetson;
}

}  // namespace nodeproof::host

#include "agent/host/dpkg.hpp"

#include <algorithm>

#include "agent/host/text_files.hpp"
#include "common/file.hpp"

namespace nodeproof::host {
namespace {

constexpr std::size_t kMaxStatus = 32U << 20U;

std::string_view field(std::string_view paragraph, std::string_view name) {
  for (const std::string_view line : lines_of(paragraph)) {
    if (line.starts_with(name)) return line.substr(name.size());
  }
  return {};
}

}  // namespace

InstalledPackages::InstalledPackages(const std::filesystem::path& root)
    : status_(read_file(root / "var/lib/dpkg/status", kMaxStatus).value_or("")) {}

std::string InstalledPackages::version(std::string_view package) const {
  const std::string head = "Package: " + std::string(package) + "\n";
  std::size_t at = std::string_view(status_).starts_with(head) ? 0 : status_.find("\n" + head);
  if (at == std::string::npos) return {};
  if (at != 0) ++at;
  const std::size_t end = std::min(status_.find("\n\n", at), status_.size());
  const std::string_view paragraph = std::string_view(status_).substr(at, end - at);
  if (!field(paragraph, "Status: ").ends_with(" installed")) return {};
  return std::string(field(paragraph, "Version: "));
}

}  // namespace nodeproof::host

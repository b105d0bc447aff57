// What dpkg has installed (deb822 paragraphs of /var/lib/dpkg/status).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace nodeproof::host {

class InstalledPackages {
 public:
  explicit InstalledPackages(const std::filesystem::path& root);
  // There is a dpkg here that could be read.
  [[nodiscard]] bool known() const { return !status_.empty(); }
  // Debian's version with epoch and revision; "" = not installed.
  [[nodiscard]] std::string version(std::string_view package) const;

 private:
  std::string status_;
};

}  // namespace nodeproof::host

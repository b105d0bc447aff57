#include "agent/host/cgroup.hpp"

#include <algorithm>

#include "agent/host/text_files.hpp"

namespace nodeproof::host {

Cgroups read_cgroups(const std::filesystem::path& root) {
  Cgroups cgroups;
  const std::filesystem::path unified = root / "sys/fs/cgroup/cgroup.controllers";
  std::error_code error;
  cgroups.v2 = std::filesystem::exists(unified, error);
  if (cgroups.v2) {
    const std::string text = read_text(unified);
    for (const std::string_view name : words_of(text)) cgroups.controllers.emplace_back(name);
  } else {
    const std::string text = read_text(root / "proc/cgroups");
    for (const std::string_view line : lines_of(text)) {
      const auto columns = words_of(line);  // subsys_name hierarchy num_cgroups enabled
      if (columns.size() == 4 && columns[3] == "1") cgroups.controllers.emplace_back(columns[0]);
    }
  }
  std::ranges::sort(cgroups.controllers);
  return cgroups;
}

}  // namespace nodeproof::host

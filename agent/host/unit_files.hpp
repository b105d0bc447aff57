// systemd's unit files below a root directory: what is written, not what a manager has loaded.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::host {

struct UnitSetting {
  std::string key, value;
  std::string file;  // as the node sees it
};

// By the unit's name: its file and its drop-ins, those that count (systemd.unit(5), "Unit File Load
// Path"); a unit that is masked has none. [Install] is left out, what it comes to are the links:
// Wants= and Requires= of the folders NAME.wants and NAME.requires are among the settings.
using UnitFiles = std::map<std::string, std::vector<UnitSetting>>;

[[nodiscard]] UnitFiles read_unit_files(const std::filesystem::path& root);

// The settings of one file: continued lines joined, comments and [Install] left out.
[[nodiscard]] std::vector<UnitSetting> parse_unit(std::string_view text, const std::string& file);

}  // namespace nodeproof::host

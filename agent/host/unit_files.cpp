#include "agent/host/unit_files.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>

#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

// The first that has a file of a name is the one that counts.
constexpr std::array kFolders = {"/etc/systemd/system", "/run/systemd/system",
                                 "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                 "/lib/systemd/system"};

struct Folder {
  fs::path path;      // below the root directory
  std::string shown;  // as the node sees it
};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// "a-b.service" also takes a-.service.d and service.d.
bool takes_drop_ins_of(std::string_view unit, std::string_view folder) {
  if (!folder.ends_with(".d")) return false;
  folder.remove_suffix(2);
  if (folder == unit) return true;
  const std::size_t dot = unit.rfind('.');
  if (dot == std::string_view::npos) return false;
  if (folder == unit.substr(dot + 1)) return true;
  const std::size_t dash = folder.rfind("-.");
  return dash != std::string_view::npos && folder.substr(dash + 1) == unit.substr(dot) &&
         unit.starts_with(folder.substr(0, dash + 1));
}

bool is_unit(std::string_view name) {
  constexpr std::array<std::string_view, 7> kKinds{".service", ".target", ".socket", ".mount",
                                                   ".path",    ".timer",  ".slice"};
  return std::ranges::any_of(kKinds, [&](std::string_view kind) { return name.ends_with(kind); });
}

class Reader {
 public:
  explicit Reader(const fs::path& root) {
    for (const char* folder : kFolders) {
      folders_.push_back({root / fs::path(folder).relative_path(), folder});
    }
  }

  UnitFiles read() {
    for (const Folder& folder : folders_) {
      for (const std::string& name : names_in(folder.path)) take(folder, name);
    }
    for (auto& [unit, settings] : units_) {
      if (!masked_.contains(unit)) add_more(unit, settings);
    }
    return std::move(units_);
  }

 private:
  void take(const Folder& folder, const std::string& name) {
    const std::string file = folder.shown + "/" + name;
    if (!is_unit(name)) {
      if (name.contains('.')) beside_.emplace_back(folder.path / name, file);
      return;
    }
    if (units_.contains(name)) return;
    std::error_code ignored;
    const fs::path path = folder.path / name;
    if (fs::read_symlink(path, ignored) == "/dev/null") masked_.insert(name);
    units_[name] = parse_unit(read_text(path), file);
  }

  // Drop-ins in the order of their names; of two with one name the first folder's counts.
  void add_more(const std::string& unit, std::vector<UnitSetting>& settings) const {
    std::map<std::string, std::string> drop_ins;  // text by name
    std::map<std::string, std::string> places;
    for (const auto& [path, shown] : beside_) {
      const std::string folder = path.filename().string();
      if (folder == unit + ".wants") add_links("Wants", {path, shown}, settings);
      if (folder == unit + ".requires") add_links("Requires", {path, shown}, settings);
      if (!takes_drop_ins_of(unit, folder)) continue;
      for (const std::string& name : names_in(path)) {
        if (!name.ends_with(".conf") || drop_ins.contains(name)) continue;
        drop_ins[name] = read_text(path / name);
        places[name] = shown + "/" + name;
      }
    }
    for (const auto& [name, text] : drop_ins) {
      std::ranges::move(parse_unit(text, places[name]), std::back_inserter(settings));
    }
  }

  static void add_links(const char* key, const Folder& folder, std::vector<UnitSetting>& settings) {
    for (const std::string& name : names_in(folder.path)) {
      settings.push_back({key, name, folder.shown});
    }
  }

  std::vector<Folder> folders_;
  std::vector<std::pair<fs::path, std::string>> beside_;  // NAME.d, NAME.wants, NAME.requires
  std::set<std::string> masked_;
  UnitFiles units_;
};

// Joins lines that end in a backslash; a comment between them is left out (systemd.syntax(7)).
std::vector<std::string> logical_lines(std::string_view text) {
  std::vector<std::string> lines;
  bool goes_on = false;
  for (const std::string_view raw : lines_of(text)) {
    const std::size_t first = raw.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || raw[first] == '#' || raw[first] == ';') continue;
    std::string_view line = raw.substr(first, raw.find_last_not_of(" \t\r") + 1 - first);
    const bool more = line.ends_with('\\');
    if (more) line.remove_suffix(1);
    if (goes_on) {
      lines.back().append(" ").append(line);
    } else {
      lines.emplace_back(line);
    }
    goes_on = more;
  }
  return lines;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") + 1 - first));
}

}  // namespace

std::vector<UnitSetting> parse_unit(std::string_view text, const std::string& file) {
  std::vector<UnitSetting> settings;
  bool install = false;
  for (const std::string& line : logical_lines(text)) {
    if (line.starts_with('[')) install = line == "[Install]";
    const std::size_t equals = line.find('=');
    if (install || line.starts_with('[') || equals == std::string::npos) continue;
    settings.push_back({trimmed(std::string_view(line).substr(0, equals)),
                        trimmed(std::string_view(line).substr(equals + 1)), file});
  }
  return settings;
}

UnitFiles read_unit_files(const fs::path& root) { return Reader(root).read(); }

}  // namespace nodeproof::host

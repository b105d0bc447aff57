#include <algorithm>
#include <array>
#include <optional>

#include "agent/codes.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/text_files.hpp"
#include "common/file.hpp"
#include "common/yaml.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCsvFolder = "etc/nvidia-container-runtime/host-files-for-container.d";
constexpr std::size_t kMaxNamed = 5;  // files of one finding that are named

enum class State { good, absent, empty, unknown };

struct Listed {
  std::string by;    // the file that lists it
  std::string path;  // on the host
};

// Our own unit sees folders of its own in their place (PrivateDevices, ProtectHome, PrivateTmp).
constexpr std::array<std::string_view, 6> kOthersView = {"/dev/",      "/home/", "/root/",
                                                         "/run/user/", "/tmp/",  "/var/tmp/"};

bool is_the_same_for_us(std::string_view path) {
  return path.starts_with('/') && std::ranges::none_of(kOthersView, [&](std::string_view folder) {
           return path.starts_with(folder);
         });
}

std::vector<fs::path> files_in(const fs::path& folder, std::initializer_list<const char*> kinds) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (std::ranges::find(kinds, it->path().extension().string()) != kinds.end()) {
      found.push_back(it->path());
    }
  }
  std::ranges::sort(found);
  return found;
}

std::string_view trimmed(std::string_view text) {
  const auto words = words_of(text);
  return words.size() == 1 ? words.front() : std::string_view();
}

// "lib, /usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1.1". Devices, folders and links differ from
// board to board: a healthy Jetson lists many that it has not.
void add_csv(const fs::path& file, std::vector<Listed>& listed) {
  const std::string text = read_text(file);
  for (const std::string_view line : lines_of(text)) {
    const std::size_t comma = line.find(',');
    if (comma == std::string_view::npos || trimmed(line.substr(0, comma)) != "lib") continue;
    const std::string_view path = trimmed(line.substr(comma + 1));
    if (is_the_same_for_us(path) && path.find('*') == std::string_view::npos) {
      listed.push_back({file.filename().string(), std::string(path)});
    }
  }
}

void add_edits(const json::Value& holder, const std::string& by, std::vector<Listed>& listed) {
  const json::Value* edits = holder.find("containerEdits");
  const json::Value* mounts = edits == nullptr ? nullptr : edits->find("mounts");
  if (mounts == nullptr) return;
  for (const json::Value& mount : mounts->items()) {
    const json::Value* path = mount.find("hostPath");
    const auto text = path == nullptr ? std::string() : path->string().value_or("");
    if (is_the_same_for_us(text)) listed.push_back({by, text});
  }
}

// CDI specification: containerEdits' mounts, of the whole file and of each device. A file that
// cannot be read is one that the runtime cannot read either, and complains of.
void add_cdi(const fs::path& file, std::vector<Listed>& listed) {
  const auto text = read_file(file);
  if (!text) return;
  const auto document = yaml::parse(*text);
  if (!document) return;
  const std::string by = file.filename().string();
  add_edits(*document, by, listed);
  if (const json::Value* devices = document->find("devices")) {
    for (const json::Value& device : devices->items()) add_edits(device, by, listed);
  }
}

State state_of(const fs::path& root, const Listed& file) {
  const fs::path path = root / fs::path(file.path).relative_path();
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    // A link's target is named as the host sees it.
    if (root != "/" && fs::is_symlink(fs::symlink_status(path, error))) return State::unknown;
    return State::absent;
  }
  if (error) return State::unknown;
  if (status.type() != fs::file_type::regular) return State::good;
  const std::uintmax_t size = fs::file_size(path, error);
  return !error && size == 0 ? State::empty : State::good;
}

std::string named(const std::vector<Listed>& files) {
  std::string out;
  for (std::size_t i = 0; i < std::min(files.size(), kMaxNamed); ++i) {
    out.append(out.empty() ? "" : ", ").append(files[i].path + " (" + files[i].by + ")");
  }
  if (files.size() > kMaxNamed) out += ", " + std::to_string(files.size() - kMaxNamed) + " more";
  return out;
}

Finding absent_files(Severity severity, const std::vector<Listed>& files, const char* remedy) {
  return {std::string(code::kDeviceFileMissing),
          severity,
          files.front().path,
          "",
          "files that containers with a device get from this host are not there: " +
              std::to_string(files.size()),
          named(files),
          remedy};
}

Finding empty_files(const std::vector<Listed>& files) {
  return {std::string(code::kDeviceFileEmpty),
          Severity::warn,
          files.front().path,
          "",
          "files that containers with a device get from this host are empty: " +
              std::to_string(files.size()) +
              "; a program that loads one fails with \"file too short\"",
          named(files),
          "install the package that brings each again (dpkg -S FILE, then apt-get install "
          "--reinstall PACKAGE), or make the CDI specification anew"};
}

void examine_files(const fs::path& root, std::vector<Listed> listed, Severity absence,
                   Findings& findings) {
  std::ranges::sort(listed, {}, &Listed::path);
  const auto again = std::ranges::unique(listed, {}, &Listed::path);
  listed.erase(again.begin(), again.end());
  std::vector<Listed> absent;
  std::vector<Listed> empty;
  for (const Listed& file : listed) {
    const State state = state_of(root, file);
    if (state == State::absent) absent.push_back(file);
    if (state == State::empty) empty.push_back(file);
  }
  if (!empty.empty()) findings.push_back(empty_files(empty));
  if (absent.empty()) return;
  findings.push_back(absent_files(
      absence, absent,
      absence == Severity::info
          ? "install the JetPack component that brings them if images here need it (apt-get "
            "install nvidia-jetpack); the runtime leaves out what is not there"
          : "make the specification anew (nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml), "
            "or load the driver: a container that asks for the device does not start"));
}

}  // namespace

Findings device_files(const fs::path& root, const HostFacts& facts) {
  Findings findings;
  std::vector<Listed> csv;
  if (!facts.l4t.empty()) {
    for (const fs::path& file : files_in(root / kCsvFolder, {".csv"})) add_csv(file, csv);
  }
  examine_files(root, std::move(csv), Severity::info, findings);
  std::vector<Listed> cdi;
  for (const char* folder : {"etc/cdi", "var/run/cdi"}) {
    for (const fs::path& file : files_in(root / folder, {".yaml", ".yml", ".json"})) {
      add_cdi(file, cdi);
    }
  }
  examine_files(root, std::move(cdi), Severity::warn, findings);
  return findings;
}

}  // namespace nodeproof::host

#include "agent/state_room.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/resolve/ledger.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/log.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kLeftBehind{24};

struct Kept {
  fs::path path;
  std::uint64_t size = 0;
  std::int64_t written = 0;  // seconds since 1970
  bool required = false;
};

std::vector<Kept> files_in(const fs::path& folder) {
  std::vector<Kept> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    struct stat facts{};
    if (::lstat(it->path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    files.push_back(
        {it->path(), static_cast<std::uint64_t>(facts.st_size), facts.st_mtim.tv_sec, false});
  }
  return files;
}

// Should it stay, the next cycle tries again.
void drop(const Kept& file) {
  if (auto done = remove_file(file.path); !done) log::debug(done.error().message);
}

// Temporary files have a dot in front; nobody writes at one for a day. After a clock that was set
// back they are in the future.
void remove_left_behind(const fs::path& folder, std::int64_t now) {
  for (const Kept& file : files_in(folder)) {
    const std::int64_t age = std::abs(now - file.written);
    const bool old = age > std::chrono::seconds(kLeftBehind).count();
    if (old && file.path.filename().string().starts_with('.')) drop(file);
  }
}

void shrink(std::vector<Kept> files, std::uint64_t room) {
  std::uint64_t size = 0;
  for (const Kept& file : files) size += file.size;
  std::ranges::sort(files, [](const Kept& a, const Kept& b) {
    return std::pair(a.required, a.written) < std::pair(b.required, b.written);
  });
  for (const Kept& file : files) {
    if (size <= room || file.required) return;
    drop(file);
    size -= file.size;
  }
}

std::uint64_t size_of(const std::vector<Kept>& files) {
  std::uint64_t size = 0;
  for (const Kept& file : files) size += file.size;
  return size;
}

std::vector<std::string> required_names(const CycleConfig& config) {
  std::vector<std::string> names;
  for (const RequiredImage& image : config.settings.images) {
    if (const auto reference = Reference::parse(image.reference)) {
      names.push_back(reference->name());
    }
  }
  return names;
}

// "sha256-...", as the files of inventories begin.
std::set<std::string> required_layers(const CycleConfig& config) {
  const resolve::Ledger ledger(config.state_dir / "ledger");
  std::set<std::string> layers;
  for (const std::string& name : required_names(config)) {
    const auto proven = ledger.find(name);
    const auto bytes = proven ? ledger.manifest_bytes(*proven) : std::nullopt;
    if (!bytes) continue;
    const auto document = parse_image_document(*bytes, proven->manifest.media_type);
    if (!document || !std::holds_alternative<Manifest>(*document)) continue;
    for (const Descriptor& layer : std::get<Manifest>(*document).layers) {
      std::string begin = layer.digest.str();
      begin.replace(begin.find(':'), 1, "-");
      layers.insert(std::move(begin));
    }
  }
  return layers;
}

void shrink_inventories(std::uint64_t room, const CycleConfig& config) {
  std::vector<Kept> files = files_in(config.state_dir / "scan");
  if (size_of(files) <= room) return;
  const auto layers = required_layers(config);
  for (Kept& file : files) file.required = layers.contains(file.path.stem().string());
  shrink(std::move(files), room);
}

void shrink_ledger(std::uint64_t room, const CycleConfig& config) {
  std::vector<Kept> files = files_in(config.state_dir / "ledger");
  if (size_of(files) <= room) return;
  std::set<std::string> names;
  for (const std::string& name : required_names(config)) {
    names.emplace(hash_of(as_bytes(name)).hex());
  }
  for (Kept& file : files) {
    const std::string name = file.path.filename().string();
    file.required = names.contains(name.substr(0, name.find('.')));
  }
  shrink(std::move(files), room);
}

}  // namespace

void keep_within(const StateRoom& room, const CycleConfig& config, const Clock& clock) {
  if (config.ad_hoc) return;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count();
  for (const char* folder : {"", "scan", "ledger"}) {
    remove_left_behind(config.state_dir / folder, now);
  }
  shrink_inventories(room.inventories, config);
  shrink_ledger(room.ledger, config);
}

}  // namespace nodeproof

#include "agent/smoke/file_check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>

namespace nodeproof::smoke {
namespace {

// fdinfo of proc(5): which mount the descriptor's file lies on. "" = not known.
std::string mount_of(const UniqueFd& fd) {
  const auto text = read_file("/proc/self/fdinfo/" + std::to_string(fd.get()));
  if (!text) return {};
  constexpr std::string_view kKey = "mnt_id:";
  const std::size_t at = text->find(kKey);
  if (at == text->npos) return {};
  return text->substr(at, text->find('\n', at) - at);
}

// Of the file, or where there is none of the nearest folder that is there.
std::string mount_near(const Root& root, std::string path) {
  while (true) {
    const Root::Opened opened = root.open_file(path, O_PATH);
    if (opened.error == 0) return mount_of(opened.fd);
    const std::size_t slash = path.find_last_of('/');
    if (path.size() <= 1 || slash == path.npos) return {};
    path.resize(slash == 0 ? 1 : slash);
  }
}

std::string link_of(const Root& root, const std::string& path) {
  const Root::Opened opened = root.open_file(path, O_PATH | O_NOFOLLOW);
  std::array<char, 4096> target{};
  if (opened.error != 0) return {};
  const ssize_t length = readlinkat(opened.fd.get(), "", target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

}  // namespace

FileFacts look_at(const Root& root, const PlannedFile& file) {
  FileFacts facts;
  facts.link = link_of(root, file.path);
  facts.foreign = mount_near(root, file.path) != mount_near(root, "/");
  const Root::Status found = root.status(file.path);
  facts.error = found.error;
  if (found.error != 0) return facts;
  facts.mode = found.stat.st_mode;
  facts.uid = found.stat.st_uid;
  facts.gid = found.stat.st_gid;
  facts.size = static_cast<std::uint64_t>(found.stat.st_size);
  if (!file.content) return facts;
  if (auto content = root.read(file.path, kMaxContentBytes)) facts.content = *std::move(content);
  return facts;
}

}  // namespace nodeproof::smoke

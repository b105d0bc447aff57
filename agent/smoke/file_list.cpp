#include "agent/smoke/file_list.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "common/content_hash.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::size_t kPiece = 64 << 10;
constexpr std::size_t kMaxRecord = 16 << 10;  // PATH_MAX is 4096

bool is_hidden(std::string_view path) {
  constexpr std::array<std::string_view, 3> kMounted = {"/proc/", "/sys/", "/dev/"};
  return std::ranges::any_of(kMounted, [&](std::string_view at) { return path.starts_with(at); });
}

std::unexpected<Error> no_list() {
  return fail(Errc::invalid_document, "the list of files to compare is damaged");
}

// The text before the next space; what is behind it stays in `rest`.
std::string_view next_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Result<FileExpectation> parse(std::string_view record) {
  FileExpectation file;
  const std::string_view layer = next_word(record), size = next_word(record),
                         hash = next_word(record);
  if (!read_number(layer, file.layer) || !read_number(size, file.size)) return no_list();
  if (hash != "-" && hash.size() != kContentHashDigits) return no_list();
  if (!record.starts_with('/')) return no_list();
  if (hash != "-") file.hash = hash;
  file.path = record;
  return file;
}

// Hands over the whole records that are pending, and forgets them.
Result<> drain(std::string& pending, const FileSink& sink) {
  std::size_t at = 0;
  for (std::size_t end = pending.find('\0'); end != pending.npos; end = pending.find('\0', at)) {
    const FileExpectation file = TRY(parse(std::string_view(pending).substr(at, end - at)));
    TRY(sink(file));
    at = end + 1;
  }
  pending.erase(0, at);
  if (pending.size() > kMaxRecord) return no_list();
  return {};
}

}  // namespace

Result<FileListWriter> FileListWriter::create(const std::filesystem::path& path) {
  TRY(make_directories(path.parent_path(), 0700));
  TRY(remove_file(path));
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno(errno, "creating " + path.string());
  return FileListWriter(std::move(fd));
}

Result<> FileListWriter::add(const FileExpectation& file) {
  if (is_hidden(file.path) || file.path.find('\0') != file.path.npos) return {};
  pending_ += std::to_string(file.layer) + ' ' + std::to_string(file.size) + ' ';
  pending_ += (file.hash.empty() ? "-" : file.hash) + ' ' + file.path;
  pending_ += '\0';
  ++count_;
  if (!file.hash.empty()) bytes_ += file.size;
  return pending_.size() < kPiece ? Result<>{} : flush();
}

Result<> FileListWriter::flush() {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const ssize_t written = write(fd_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "writing the list of files to compare");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  pending_.clear();
  return {};
}

Result<> FileListWriter::finish() { return flush(); }

Result<> read_list(const std::filesystem::path& path, const FileSink& sink) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "opening " + path.string());
  std::array<char, kPiece> piece{};
  std::string pending;
  for (;;) {
    const ssize_t got = read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "reading " + path.string());
    if (got == 0) break;
    pending.append(piece.data(), static_cast<std::size_t>(got));
    TRY(drain(pending, sink));
  }
  return pending.empty() ? Result<>{} : no_list();
}

}  // namespace nodeproof::smoke

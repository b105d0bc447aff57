// Tar archives and compressed streams made by hand, byte by byte, so that tests can also make wrong
// ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nodeproof::fakes {

class TarWriter {
 public:
  TarWriter& directory(std::string_view path, unsigned mode = 0755);
  TarWriter& file(std::string_view path, std::string_view content, unsigned mode = 0644);
  TarWriter& symlink(std::string_view path, std::string_view target);
  TarWriter& hard_link(std::string_view path, std::string_view target);
  // Any other type flag, '3' = character device ...
  TarWriter& special(std::string_view path, char type);
  TarWriter& device(std::string_view path, char type, unsigned major, unsigned minor);
  // POSIX pax records for the next entry.
  TarWriter& pax(const std::vector<std::pair<std::string, std::string>>& records);
  // GNU long name (type L) or long link (type K) for the next entry.
  TarWriter& gnu_long(char type, std::string_view text);
  TarWriter& owner(unsigned uid, unsigned gid);  // of all entries from here on

  [[nodiscard]] std::string str() const;                          // with the end-of-archive mark
  [[nodiscard]] const std::string& body() const { return out_; }  // without

 private:
  struct Header {
    char type;
    unsigned mode;
    std::uint64_t size;
    std::string_view link;
    unsigned major = 0, minor = 0;
  };
  void header(std::string_view path, const Header& header);
  void content(std::string_view bytes);

  std::string out_;
  unsigned uid_ = 0, gid_ = 0;
};

std::string gzip(std::string_view bytes);  // one member of stored blocks
// One frame of raw blocks; a window of 2^window_log bytes is declared.
std::string zstd(std::string_view bytes, unsigned window_log = 20);
std::string zstd_skippable(std::string_view bytes);

}  // namespace nodeproof::fakes

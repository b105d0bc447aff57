// Zip archives member by member, with all that an ordinary tool would never write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nodeproof::fakes {

class ZipWriter {
 public:
  // Offsets do not count it: a launcher script before the archive.
  explicit ZipWriter(std::string before = {}) : before_(std::move(before)) {}
  ZipWriter& stored(std::string_view name, std::string_view content);
  ZipWriter& deflated(std::string_view name, std::string_view content);
  ZipWriter& encrypted(std::string_view name, std::string_view content);
  [[nodiscard]] std::string str(std::string_view comment = {}) const;
  // The same with its end in zip64's records.
  [[nodiscard]] std::string str64() const;

 private:
  struct Member {
    std::uint16_t flags = 0, method = 0;
    std::string_view packed;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
  };
  ZipWriter& add(std::string_view name, const Member& member);

  std::string before_, bodies_, directory_;
  std::uint16_t count_ = 0;
};

// An asar archive of one program in a folder, and of a file beside it.
std::string make_asar(std::string_view program);

}  // namespace nodeproof::fakes

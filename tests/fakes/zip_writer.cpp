#include "tests/fakes/zip_writer.hpp"

#include "tests/fakes/tar_writer.hpp"

namespace nodeproof::fakes {
namespace {

constexpr std::size_t kGzipHead = 10, kGzipEnd = 8;

void little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += i < 8 ? static_cast<char>(value >> (8 * i)) : '\0';
}

std::uint32_t crc_of(const std::string& gzipped) {
  std::uint32_t crc = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto byte = static_cast<unsigned char>(gzipped[gzipped.size() - kGzipEnd + i]);
    crc |= static_cast<std::uint32_t>(byte) << (8 * i);
  }
  return crc;
}

}  // namespace

ZipWriter& ZipWriter::stored(std::string_view name, std::string_view content) {
  return add(name, {.packed = content, .size = content.size(), .crc = crc_of(gzip(content))});
}

ZipWriter& ZipWriter::deflated(std::string_view name, std::string_view content) {
  const std::string gzipped = gzip(content);
  const std::string_view all = gzipped;
  return add(name, {.method = 8,
                    .packed = all.substr(kGzipHead, all.size() - kGzipHead - kGzipEnd),
                    .size = content.size(),
                    .crc = crc_of(gzipped)});
}

ZipWriter& ZipWriter::encrypted(std::string_view name, std::string_view content) {
  return add(name, {.flags = 1, .packed = content, .size = content.size(), .crc = 0});
}

ZipWriter& ZipWriter::add(std::string_view name, const Member& member) {
  const std::size_t header = bodies_.size();
  std::string fields;
  little(fields, 20, 2);
  little(fields, member.flags, 2);
  little(fields, member.method, 2);
  little(fields, 0, 4);  // time and date
  little(fields, member.crc, 4);
  little(fields, member.packed.size(), 4);
  little(fields, member.size, 4);
  little(fields, name.size(), 2);
  little(fields, 0, 2);
  bodies_.append("PK\3\4").append(fields).append(name).append(member.packed);
  directory_.append("PK\1\2\x14").append(1, '\0').append(fields);
  little(directory_, 0, 2 + 2 + 2 + 4);
  little(directory_, header, 4);
  directory_.append(name);
  ++count_;
  return *this;
}

std::string ZipWriter::str(std::string_view comment) const {
  std::string end = "PK\5\6";
  little(end, 0, 4);
  little(end, count_, 2);
  little(end, count_, 2);
  little(end, directory_.size(), 4);
  little(end, bodies_.size(), 4);
  little(end, comment.size(), 2);
  return before_ + bodies_ + directory_ + end + std::string(comment);
}

std::string ZipWriter::str64() const {
  std::string end = "PK\6\6";
  little(end, 44, 8);
  little(end, 45, 2);
  little(end, 45, 2);
  little(end, 0, 8);
  little(end, count_, 8);
  little(end, count_, 8);
  little(end, directory_.size(), 8);
  little(end, bodies_.size(), 8);
  end += "PK\6\7";
  little(end, 0, 4);
  little(end, before_.size() + bodies_.size() + directory_.size(), 8);
  little(end, 1, 4);
  end += "PK\5\6";
  little(end, 0, 4);
  little(end, 0xffffffff, 4);
  little(end, 0xffffffff, 4);
  little(end, 0xffffffff, 4);
  little(end, 0, 2);
  return before_ + bodies_ + directory_ + end;
}

std::string make_asar(std::string_view program) {
  const std::string json = R"({"files":{"main.js":{"size":2,"offset":"0"},"native":{"files":{)"
                           R"("addon.node":{"size":)" +
                           std::to_string(program.size()) +
                           R"(,"offset":"2"}}},"beside.node":{"size":99,"unpacked":true}}})";
  const std::size_t padded = (json.size() + 3) / 4 * 4;
  std::string out;
  little(out, 4, 4);
  little(out, padded + 8, 4);
  little(out, padded + 4, 4);
  little(out, json.size(), 4);
  out += json;
  out.append(padded - json.size(), '\0');
  return out.append("1;").append(program);
}

}  // namespace nodeproof::fakes

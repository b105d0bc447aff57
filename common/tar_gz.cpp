#include "common/tar_gz.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace nodeproof {
namespace {

using Archive = std::unique_ptr<archive, decltype(&::archive_write_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&::archive_entry_free)>;

la_ssize_t append(archive*, void* out, const void* data, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

std::unexpected<Error> wrong(archive* handle) {
  const char* reason = ::archive_error_string(handle);
  return fail(Errc::internal, std::string("tar: ") + (reason == nullptr ? "?" : reason));
}

Result<> add(archive* handle, const PackedFile& file, long seconds) {
  const Entry entry(::archive_entry_new(), ::archive_entry_free);
  ::archive_entry_set_pathname(entry.get(), file.path.c_str());
  ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.content.size()));
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), 0600);
  ::archive_entry_set_mtime(entry.get(), seconds, 0);
  if (::archive_write_header(handle, entry.get()) != ARCHIVE_OK) return wrong(handle);
  if (::archive_write_data(handle, file.content.data(), file.content.size()) < 0) {
    return wrong(handle);
  }
  return {};
}

}  // namespace

Result<std::string> make_tar_gz(std::span<const PackedFile> files, long seconds) {
  std::string out;
  const Archive handle(::archive_write_new(), ::archive_write_free);
  if (!handle) return fail(Errc::internal, "tar: libarchive cannot start");
  ::archive_write_set_format_ustar(handle.get());
  ::archive_write_add_filter_gzip(handle.get());
  ::archive_write_set_options(handle.get(), "hdrcharset=BINARY,gzip:!timestamp");
  if (::archive_write_open(handle.get(), &out, nullptr, append, nullptr) != ARCHIVE_OK) {
    return wrong(handle.get());
  }
  for (const PackedFile& file : files) TRY(add(handle.get(), file, seconds));
  if (::archive_write_close(handle.get()) != ARCHIVE_OK) return wrong(handle.get());
  return out;
}

}  // namespace nodeproof

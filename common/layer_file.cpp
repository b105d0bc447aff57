#include "common/layer_file.hpp"

#include <archive.h>
#include <archive_entry.h>

#include "common/layer_root.hpp"
#include "common/text.hpp"

// Replaces libarchive's own, which would bring libacl with it. Access control lists are never
// written: containerd does not know them.
// NOLINTBEGIN(readability-function-size): the signature is libarchive's
extern "C" int archive_write_disk_set_acls(archive*, int, const char*, void*, unsigned);
extern "C" int archive_write_disk_set_acls(archive*, int, const char*, void*, unsigned) {
  return ARCHIVE_OK;
}
// NOLINTEND(readability-function-size)

namespace nodeproof {

void LayerFiles::FreeDisk::operator()(archive* handle) const { ::archive_write_free(handle); }
void LayerFiles::FreeEntry::operator()(archive_entry* entry) const { ::archive_entry_free(entry); }

LayerFiles::LayerFiles() : disk_(::archive_write_disk_new()), entry_(::archive_entry_new()) {}

Result<LayerFiles> LayerFiles::open() {
  LayerFiles made;
  if (made.disk_ == nullptr || made.entry_ == nullptr) {
    return fail(Errc::internal, "layer: libarchive cannot start");
  }
  ::archive_write_disk_set_options(
      made.disk_.get(), ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                            ARCHIVE_EXTRACT_NO_AUTODIR | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                            ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                            ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
  return made;
}

// An entry of its own: of what the tar's has, nothing else can get to the disk.
Result<> LayerFiles::begin(const std::string& name, const LayerItem& item) {
  archive_entry* entry = entry_.get();
  ::archive_entry_clear(entry);
  ::archive_entry_copy_pathname(entry, name.c_str());
  ::archive_entry_set_filetype(entry, AE_IFREG);
  ::archive_entry_set_perm(entry, item.mode);
  ::archive_entry_set_uid(entry, item.uid);
  ::archive_entry_set_gid(entry, item.gid);
  ::archive_entry_set_size(entry, static_cast<la_int64_t>(item.size));
  ::archive_entry_set_atime(entry, item.times[0].tv_sec, item.times[0].tv_nsec);
  ::archive_entry_set_mtime(entry, item.times[1].tv_sec, item.times[1].tv_nsec);
  return checked(::archive_write_header(disk_.get(), entry));
}

Result<> LayerFiles::write(const TarStream::Block& block) {
  return checked(::archive_write_data_block(disk_.get(), block.bytes.data(), block.bytes.size(),
                                            block.offset));
}

Result<> LayerFiles::finish() { return checked(::archive_write_finish_entry(disk_.get())); }

// A warning, too, means that something was not done.
Result<> LayerFiles::checked(long status) const {
  if (status >= ARCHIVE_OK) return {};
  const int error = ::archive_errno(disk_.get());
  if (error > 0) return layer_failure(error, "writing the file");
  const char* why = ::archive_error_string(disk_.get());
  return fail(Errc::io, "writing the file: " + printable(why == nullptr ? "no reason" : why));
}

}  // namespace nodeproof

#include "agent/report/sink/file_sink.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "common/file.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxFile = 64U << 20U;

// The service sees the system read-only but for its own folders, and has no right to what is not
// root's own.
std::string remedy_of(const Error& error, const std::filesystem::path& folder) {
  const bool read_only = error.message.find(std::strerror(EROFS)) != std::string::npos;
  if (read_only) {
    return "let the service write there, in a drop-in of nodeproof.service: ReadWritePaths=-" +
           folder.string();
  }
  if (error.code == Errc::permission_denied) {
    return "give the folder to root: the service has no capability to write into others'";
  }
  if (error.code == Errc::not_found) {
    return "make it, for whom is to read it: install -d -m 755 " + folder.string();
  }
  return "free space on its file system, or name another file";
}

// A folder that the service made would be closed to whoever is to read the file.
Result<> write_into(const std::filesystem::path& path, const std::string& content) {
  std::error_code problem;
  if (!std::filesystem::is_directory(path.parent_path(), problem)) {
    return fail(Errc::not_found, "there is no folder " + path.parent_path().string());
  }
  return write_file_atomically(path, content, 0644);
}

}  // namespace

Result<> FileSink::deliver(const Delivery& delivery, SinkState& state,
                           const std::stop_token& /*stop*/) {
  const std::string content = render_(delivery);
  const auto there = read_file(path_, kMaxFile);
  if (!there || *there != content) {
    if (const auto written = write_into(path_, content); !written) {
      ++state.counters.failures;
      state.problem = written.error().message;
      return std::unexpected(
          Error(written.error()).with_remedy(remedy_of(written.error(), path_.parent_path())));
    }
    ++state.counters.delivered;
  }
  state.counters.last_success = delivery.now;
  return {};
}

}  // namespace nodeproof::report

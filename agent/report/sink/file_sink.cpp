#include "agent/report/sink/file_sink.hpp"

#include "common/file.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxFile = 64U << 20U;

// The service sees the system read-only, but for its own folders.
Error explained(const Error& error, const std::filesystem::path& path) {
  Error told = error;
  told.remedy = "let the service write there, in a drop-in of nodeproof.service: ReadWritePaths=" +
                path.parent_path().string();
  return told;
}

}  // namespace

Result<> FileSink::deliver(const Delivery& delivery, SinkState& state,
                           const std::stop_token& /*stop*/) {
  const std::string content = render_(delivery);
  const auto there = read_file(path_, kMaxFile);
  if (!there || *there != content) {
    if (const auto written = write_file_atomically(path_, content, 0644); !written) {
      ++state.counters.failures;
      state.problem = written.error().message;
      return std::unexpected(explained(written.error(), path_));
    }
    ++state.counters.delivered;
  }
  state.counters.last_success = delivery.now;
  state.problem.clear();
  return {};
}

}  // namespace nodeproof::report

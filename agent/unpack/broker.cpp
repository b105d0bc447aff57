#include "agent/unpack/broker.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "agent/unpack/broker_loop.hpp"
#include "agent/unpack/rights.hpp"
#include "agent/unpack/sanitized.hpp"
#include "agent/unpack/unpacker.hpp"
#include "common/file.hpp"
#include "common/layer_writer.hpp"
#include "common/subprocess.hpp"

namespace nodeproof::unpack {
namespace {

constexpr int kRequests = 3;  // the broker's only descriptor, behind the standard ones

// Threads of this process; a fork would take their locks along.
bool has_threads() {
  if constexpr (kThreadSanitizer) return false;  // its runtime has one of its own
  const std::string status = read_file("/proc/self/status").value_or("");
  constexpr std::string_view kThreads = "\nThreads:\t";
  const std::size_t at = status.find(kThreads);
  return at != std::string::npos && !status.substr(at + kThreads.size()).starts_with("1\n");
}

// Standard descriptors that lead nowhere, the requests, and nothing else of the main process.
bool arrange_files(int requests) {
  // Not below what is put in its place: descriptor 3 is free in a process that was started well.
  const int opened = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int nowhere = opened < 0 ? -1 : ::fcntl(opened, F_DUPFD_CLOEXEC, kRequests + 1);
  if (nowhere < 0) return false;
  if (::dup2(requests, kRequests) != kRequests) return false;
  for (const int standard : {0, 1, 2}) {
    if (kSanitizer && standard == 2) continue;  // for its report
    if (::dup2(nowhere, standard) != standard) return false;
  }
  close_descriptors_from(kRequests + 1);
  return ::fcntl(kRequests, F_SETFD, FD_CLOEXEC) == 0;
}

// What ends a command in a terminal is for the main process to act on: its end is the broker's.
void ignore_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
}

[[noreturn]] void be_broker(int requests, WriteLayer write, Parent parent) {
  ignore_signals();
  ::prctl(PR_SET_NAME, "nodeproof-layer");
  ::prctl(PR_SET_DUMPABLE, 0);
  const bool ready = die_with(parent) && arrange_files(requests) &&
                     keep_only(kToWrite | kToMount | kToConfine | bit(CAP_MKNOD));
  if (ready) serve_requests(kRequests, write);
  ::_exit(ready ? 0 : 1);
}

}  // namespace

Result<UnpackedLayer> write_layer_here(ByteReader& plain_tar, Whiteouts whiteouts) {
  LayerWriteOptions options;
  options.overlay_whiteouts = whiteouts != Whiteouts::remove;
  options.opaque_marks = whiteouts == Whiteouts::overlay;
  WrittenLayer written = TRY(write_layer(plain_tar, options));
  return UnpackedLayer{written.entries, written.bytes, std::move(written.implied),
                       std::move(written.opaque)};
}

Result<std::unique_ptr<LayerUnpacker>> start_unpack_broker(WriteLayer write) {
  if (has_threads()) return fail(Errc::internal, "the writer of layers is started too late");
  const Capabilities held = TRY(capabilities());
  const std::string lacking = missing(kToWrite | bit(CAP_SYS_CHROOT), held);
  if (!lacking.empty()) {
    return fail(Errc::unsupported, "no right to write the files of layers: " + lacking);
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "a socket");
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const Parent parent{::getpid()};
  std::fflush(nullptr);  // what is not written yet is the main process' to write
  const pid_t broker = ::fork();
  if (broker < 0) return fail_errno(errno, "starting the process that writes layers");
  if (broker == 0) {
    ours.reset();
    be_broker(theirs.get(), write, parent);
  }
  return make_unpacker(std::move(ours), broker);
}

Result<> drop_rights() { return keep_only(0); }

}  // namespace nodeproof::unpack

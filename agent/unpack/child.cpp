#include "agent/unpack/child.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <new>

#include "agent/unpack/adopt.hpp"
#include "agent/unpack/confine.hpp"
#include "agent/unpack/documents.hpp"
#include "agent/unpack/rights.hpp"
#include "agent/unpack/stream.hpp"
#include "common/subprocess.hpp"

namespace nodeproof::unpack {
namespace {

constexpr int kInput = 0, kResult = 1, kFirstOfOthers = 3;

// The broker has 0 to 2 taken, so that none of these is among what it was sent.
bool arrange_files(const Request& request) {
  return ::dup2(request.input.get(), kInput) == kInput &&
         ::dup2(request.result.get(), kResult) == kResult;
}

void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<UnpackedLayer> write_layer(const Request& request, WriteLayer write) {
  const bool marks = (TRY(capabilities()) & kToMount) != 0;  // whoever adopts it has no more
  TRY(confine(request.directory, request.task == Task::write_overlay));
  TRY(send_all(kResult, std::string_view(&kBegun, 1)));
  FdReader input(kInput);
  const Whiteouts whiteouts = request.task == Task::write_remove ? Whiteouts::remove
                              : marks                            ? Whiteouts::overlay
                                                                 : Whiteouts::overlay_unmarked;
  Result<UnpackedLayer> layer = fail(Errc::internal, "not written");
  try {
    layer = write(input, whiteouts);
  } catch (const std::bad_alloc&) {
    layer = fail(Errc::too_large, "the layer takes too much memory to write");
  }
  if (layer) TRY(input.drain());  // what follows a tar's end, so that nobody writes in vain
  return layer;
}

Result<UnpackedLayer> adopt_layer() {
  const std::string text = TRY(read_all(kInput, kMaxDocument));
  const Adoption adoption = TRY(decode_adoption(text));
  TRY(adopt(adoption));
  return UnpackedLayer{};
}

}  // namespace

Result<> die_with(Parent parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail_errno(errno, "following the parent");
  if (::getppid() != parent.pid) return fail(Errc::cancelled, "the parent has ended");
  return {};
}

void serve(Request request, WriteLayer write, Parent parent) {
  if (!die_with(parent) || !arrange_files(request)) ::_exit(1);
  for (UniqueFd* fd : {&request.input, &request.result, &request.life}) fd->reset();
  close_descriptors_from(kFirstOfOthers);
  unblock_signals();
  const Result<UnpackedLayer> outcome =
      request.task == Task::adopt ? adopt_layer() : write_layer(request, write);
  ::close(kInput);  // who still sends is told so, and reads the outcome
  ::_exit(send_all(kResult, encode(outcome)) ? 0 : 1);
}

}  // namespace nodeproof::unpack

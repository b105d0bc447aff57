#include "agent/prepull/limits.hpp"

#include <algorithm>

namespace nodeproof::prepull {
namespace {

// A Pi Zero 2 with a 64 MB cgroup pulls with what remains beside the program itself: a blob has two
// chunks of 256 KiB on their way and one being filled, gRPC's and the connection's buffers, and the
// inspection's decompressor with a window of up to 8 MiB and a member of 1 MiB.
constexpr std::uint64_t kProgram = 24 << 20;
constexpr std::uint64_t kBlob = 16 << 20;

std::uint64_t blobs_in(std::uint64_t memory) {
  return memory <= kProgram + kBlob ? 1 : (memory - kProgram) / kBlob;
}

}  // namespace

// Under a cap one blob at a time: more would be no faster, and each open ref is one that a kubelet
// may have to wait for. One core is left to the downloads and what runs on the node, but of two: a
// kubelet's own pull takes both, and with one a set takes half as long again.
Limits limits_for(const SetOptions& options, bool capped, unsigned cores) {
  Limits limits;
  limits.fetches = std::max(options.parallel, 1U);
  if (capped) limits.fetches = 1;
  if (options.memory > 0) {
    limits.fetches =
        static_cast<unsigned>(std::min<std::uint64_t>(limits.fetches, blobs_in(options.memory)));
  }
  limits.unpacks =
      options.unpacks > 0 ? options.unpacks : (cores > 2 ? cores - 1 : std::max(cores, 1U));
  return limits;
}

}  // namespace nodeproof::prepull

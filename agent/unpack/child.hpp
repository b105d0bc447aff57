// The processes that the broker starts, one for each request. They end by _exit, and say over the
// result pipe what came of it.
#pragma once

#include <sys/types.h>

#include "agent/unpack/layer_unpacker.hpp"
#include "agent/unpack/message.hpp"

namespace nodeproof::unpack {

// Writes a plain tar into the working directory, which is its root.
using WriteLayer = Result<UnpackedLayer> (*)(ByteReader& plain_tar, Whiteouts whiteouts);

// What a writer says when it is confined and reads: the outcome follows. A failure before that is
// an outcome without it.
inline constexpr char kBegun = '+';

// Dies with its parent.
struct Parent {
  pid_t pid = -1;
};
[[noreturn]] void serve(Request request, WriteLayer write, Parent parent);

// SIGKILL when this process' parent ends; Errc::cancelled when it has ended already.
Result<> die_with(Parent parent);

}  // namespace nodeproof::unpack

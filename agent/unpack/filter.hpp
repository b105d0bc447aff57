// The system calls that a layer's writer has left: files by name, the two pipes it was given, and
// memory. The only includer of libseccomp.
#pragma once

#include "common/error.hpp"

namespace nodeproof::unpack {

// Any other call ends the process with SIGSYS from here on. Errc::unsupported where the kernel has
// no filters. no_new_privs must be set.
Result<> allow_only_files();

}  // namespace nodeproof::unpack

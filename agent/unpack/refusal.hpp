// Which failed system calls mean that containerd should unpack the layer.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "common/error.hpp"

namespace nodeproof::unpack {

// Errc::unsupported for what these rights, this kernel or this file system do not allow; else as
// fail_errno: a full or broken disk is an error whoever writes to it.
[[nodiscard]] inline std::unexpected<Error> refuse_errno(int error, const std::string& what) {
  const bool refused =
      error == EPERM || error == EACCES || error == ENOTSUP || error == ENOSYS || error == EXDEV;
  if (!refused) return fail_errno(error, what);
  return fail(Errc::unsupported, what + ": " + std::strerror(error));
}

}  // namespace nodeproof::unpack

// Landlock: the kernel's own fence around one directory, for processes without rights.
#pragma once

#include "common/error.hpp"

namespace nodeproof::unpack {

// From here on this process opens and makes files below the open directory only, executes none, and
// reaches no TCP port. `devices`: block devices may be made too (not opened to any use on a nodev
// mount). False: this kernel has none, or one that cannot link across directories (Linux before
// 5.19). no_new_privs must be set.
Result<bool> fence(int directory, bool devices);

}  // namespace nodeproof::unpack

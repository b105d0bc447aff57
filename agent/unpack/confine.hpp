// What is taken from a layer's writer before it reads the first byte of a layer.
#pragma once

#include <string>

#include "common/error.hpp"

namespace nodeproof::unpack {

// In the forked writer: the snapshot's directory becomes its root and its working directory,
// without devices, setuid and programs where a mount of its own can be had; no namespace of the
// host's network, no capability but those that write files, no open file but descriptors 0 to 2, no
// system call but those of files. Required: chroot and the filter of system calls.
// Errc::unsupported: this host or these rights do not allow it.
// empty: and it must be so, for no layer is written over another one.
Result<> confine(const std::string& directory, bool empty);

}  // namespace nodeproof::unpack

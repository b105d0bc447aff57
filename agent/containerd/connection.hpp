// How to reach a containerd, and what of it is ours to use.
#pragma once

#include <string>

namespace nodeproof::containerd {

struct ConnectionOptions {
  std::string socket;       // absolute path; "unix://" in front is fine
  std::string namespace_;   // sent with every call
  std::string snapshotter;  // where layers are unpacked
  friend bool operator==(const ConnectionOptions&, const ConnectionOptions&) = default;
};

}  // namespace nodeproof::containerd

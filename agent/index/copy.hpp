// A manifest with all it refers to, from one repository into another.
#pragma once

#include "agent/index/tag_state.hpp"

namespace nodeproof::index {

struct CopyCount {
  unsigned mounted = 0, uploaded = 0, present = 0;  // blobs
  std::uint64_t uploaded_bytes = 0;
};

struct CopyJob {
  const Reference& from;
  const Reference& to;
  CopyCount& count;
};

// Exact bytes, blobs first, the manifest by its digest last; a nested index with its children.
// Layers that may not be distributed stay where their urls say.
Result<> copy_manifest(const Ports& ports, const CopyJob& job, const Descriptor& manifest,
                       const std::stop_token& stop);

}  // namespace nodeproof::index

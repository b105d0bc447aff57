// One blob: is it there, and is it what its digest says?
#pragma once

#include <string>

#include "agent/index/flaw.hpp"
#include "agent/index/questions.hpp"

namespace nodeproof::index {

struct BlobTask {
  const Descriptor& blob;
  std::string what;                 // as in Flaw
  const Digest* diff_id = nullptr;  // of a layer that may be observed
  bool read = false;                // whole, and shown to the observer
};

// Reads it whole and hashes it; into `text`, if there is one.
[[nodiscard]] std::optional<Flaw> read_blob(Questions& questions, const BlobTask& task,
                                            std::string* text);

// Reads it whole only when it is small or is to be read, or when nothing less proves anything.
[[nodiscard]] std::optional<Flaw> check_blob(Questions& questions, const BlobTask& task);

}  // namespace nodeproof::index

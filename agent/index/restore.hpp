// `nodeproof index restore`: a tag names again what it named when it was backed up.
#pragma once

#include "agent/index/backup.hpp"

namespace nodeproof::index {

struct RestoreRequest {
  Reference target;  // a tag, also in another repository or registry than the backup's
  Backup backup;
  std::vector<Platform> drop;  // may be left out, or lost
  // One line feed more: the same index where a registry keeps a broken copy of it.
  bool new_digest = false;
  bool dry_run = false;
  bool keep_previous = false;  // see Publication
  ValidateOptions validation;
};

// Without `drop` and `new_digest` the tag gets the exact bytes of the backup. Refused, with all
// reasons at once, while a manifest of it does not pull whole by its digest, or while the tag would
// lose a platform.
Result<ChangeReport> restore(const Ports& ports, const RestoreRequest& request,
                             const std::stop_token& stop);

}  // namespace nodeproof::index

// Which runc starts the containers here?
#pragma once

#include <filesystem>
#include <string>

namespace nodeproof::host {

// Its package's name and version; of one that no package brought the path, size and time of its
// last change (seconds since 1970), for nothing is executed to be asked. "" = found nowhere.
[[nodiscard]] std::string read_runc(const std::filesystem::path& root);

}  // namespace nodeproof::host

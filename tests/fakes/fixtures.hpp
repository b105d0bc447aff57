// Where tests/fixtures is. Only this file's twin knows: what else is compiled is the same in every
// checkout, and comes from the compiler cache.
#pragma once

#include <filesystem>

namespace nodeproof::fakes {

std::filesystem::path fixtures();

}  // namespace nodeproof::fakes

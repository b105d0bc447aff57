#include "tests/fakes/fixtures.hpp"

namespace nodeproof::fakes {

std::filesystem::path fixtures() { return NODEPROOF_FIXTURES; }

}  // namespace nodeproof::fakes

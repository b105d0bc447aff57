#include "common/version.hpp"

namespace nodeproof {
namespace {

// Defines kVersion, kCommit, kTarget and kLibraries.
#include "generated/build_info.inc"

constexpr BuildInfo kBuildInfo{kVersion, kCommit, kTarget, kLibraries};

}  // namespace

const BuildInfo& build_info() { return kBuildInfo; }

}  // namespace nodeproof

#include "agent/index/validate.hpp"

namespace nodeproof::index {

std::string_view to_string(PlatformVerdict verdict) {
  switch (verdict) {
    case PlatformVerdict::whole:
      return "whole";
    case PlatformVerdict::missing:
      return "missing";
    case PlatformVerdict::corrupt:
      return "corrupt";
    case PlatformVerdict::truncated:
      return "truncated";
    case PlatformVerdict::stale_cache:
      return "stale-cache";
    case PlatformVerdict::mismatch:
      return "mismatch";
    case PlatformVerdict::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_string(IndexVerdict verdict) {
  switch (verdict) {
    case IndexVerdict::whole:
      return "whole";
    case IndexVerdict::damaged:
      return "damaged";
    case IndexVerdict::unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace nodeproof::index

// Whether a sanitizer's runtime is in this process: it needs more than our own code does.
#pragma once

namespace nodeproof::unpack {

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define NODEPROOF_HAS_TSAN true
#elif __has_feature(address_sanitizer)
#define NODEPROOF_HAS_ASAN true
#endif
#endif

#ifdef NODEPROOF_HAS_TSAN
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

#ifdef NODEPROOF_HAS_ASAN
inline constexpr bool kSanitizer = true;
#else
inline constexpr bool kSanitizer = kThreadSanitizer;
#endif

}  // namespace nodeproof::unpack

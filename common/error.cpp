#include "common/error.hpp"

#include <cerrno>
#include <cstring>

namespace nodeproof {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::usage:
      return "usage";
    case Errc::invalid_config:
      return "invalid_config";
    case Errc::invalid_reference:
      return "invalid_reference";
    case Errc::invalid_document:
      return "invalid_document";
    case Errc::not_found:
      return "not_found";
    case Errc::unauthorized:
      return "unauthorized";
    case Errc::throttled:
      return "throttled";
    case Errc::unreachable:
      return "unreachable";
    case Errc::untrusted:
      return "untrusted";
    case Errc::server_error:
      return "server_error";
    case Errc::not_a_registry:
      return "not_a_registry";
    case Errc::timeout:
      return "timeout";
    case Errc::truncated:
      return "truncated";
    case Errc::digest_mismatch:
      return "digest_mismatch";
    case Errc::too_large:
      return "too_large";
    case Errc::corrupt:
      return "corrupt";
    case Errc::unsupported:
      return "unsupported";
    case Errc::no_matching_platform:
      return "no_matching_platform";
    case Errc::runtime_unavailable:
      return "runtime_unavailable";
    case Errc::permission_denied:
      return "permission_denied";
    case Errc::no_space:
      return "no_space";
    case Errc::busy:
      return "busy";
    case Errc::deferred:
      return "deferred";
    case Errc::cancelled:
      return "cancelled";
    case Errc::io:
      return "io";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

Error Error::with_context(std::string_view context) && {
  message.insert(0, ": ").insert(0, context);
  return std::move(*this);
}

Error Error::with_remedy(std::string text) && {
  remedy = std::move(text);
  return std::move(*this);
}

static Errc errc_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
      return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::permission_denied;
    case ENOSPC:
    case EDQUOT:
      return Errc::no_space;
    case ETIMEDOUT:
      return Errc::timeout;
    case EBUSY:
      return Errc::busy;
    default:
      return Errc::io;
  }
}

std::unexpected<Error> fail_errno(int errno_value, std::string_view what) {
  return fail(errc_of(errno_value), std::string(what) + ": " + std::strerror(errno_value));
}

}  // namespace nodeproof

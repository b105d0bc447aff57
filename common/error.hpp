// One error type for the whole program. A Result is either a value or an Error that says what went
// wrong and what to do.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace nodeproof {

// The stable categories callers decide by; the message is for people.
enum class Errc {
  usage,                 // the command line
  invalid_config,        // a configuration file: syntax, unknown key, wrong type
  invalid_reference,     // an image reference that does not parse
  invalid_document,      // JSON, OCI document, digest or header that breaks its specification
  not_found,             // the registry, containerd or file system says there is no such thing
  unauthorized,          // credentials missing or refused
  throttled,             // 429 or a rate limit
  unreachable,           // no connection: name, route, refused, reset, TLS handshake
  untrusted,             // TLS certificate not valid for this host
  server_error,          // 5xx, or an answer that breaks the protocol
  not_a_registry,        // whatever answers there (a web page, a captive portal) is no registry
  timeout,               // a deadline passed
  truncated,             // fewer bytes than promised
  digest_mismatch,       // bytes that do not hash to their digest
  too_large,             // beyond a limit of ours
  corrupt,               // compressed or archive data that cannot be read
  unsupported,           // a format or version we do not take
  no_matching_platform,  // the index holds nothing for this host
  runtime_unavailable,   // containerd cannot be reached
  permission_denied,     // EACCES, EPERM
  no_space,              // ENOSPC, EDQUOT
  busy,                  // somebody else holds it
  deferred,              // at another time: a time window, this node's turn
  cancelled,             // asked to stop
  io,                    // any other failing system call
  internal,              // a bug
};

std::string_view to_string(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;  // one line, no secrets, grows context to the left
  std::string remedy;   // what to do about it, one sentence; may be empty

  // "resolving docker.io/library/x:1: <message>"
  [[nodiscard]] Error with_context(std::string_view context) &&;
  [[nodiscard]] Error with_remedy(std::string text) &&;
  friend bool operator==(const Error&, const Error&) = default;
};

// libstdc++ 12's std::expected is not nodiscard; this one is.
template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message,
                                                 std::string remedy = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(remedy)});
}

// The error of a failed system call: category from errno, text "<what>: <strerror>".
[[nodiscard]] std::unexpected<Error> fail_errno(int errno_value, std::string_view what);

}  // namespace nodeproof

// Yields the value or returns the error from the enclosing function. Never nested.
#define TRY(expr)                                                           \
  __extension__({                                                           \
    auto try_result = (expr);                                               \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
    *std::move(try_result);                                                 \
  })

// The HTTP that is needed to ask a service whether it is up: one GET, one answer, closed. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nodeproof::smoke {

// RFC 9112; the server is asked to close the connection after its answer.
[[nodiscard]] std::string http_request(std::string_view path);

struct HttpAnswer {
  enum class Kind { incomplete, garbage, answer } kind = Kind::incomplete;
  int status = 0;
  std::string body = {};
};

// bytes: received so far; closed: nothing follows. Informational answers (1xx) are skipped. An
// answer that the server broke off before its announced length counts with what came.
[[nodiscard]] HttpAnswer read_answer(std::string_view bytes, bool closed);

}  // namespace nodeproof::smoke

// What is asked of the broker: one datagram with a path and three descriptors. It is all that the
// broker itself reads.
#pragma once

#include <optional>
#include <string>

#include "common/file.hpp"

namespace nodeproof::unpack {

enum class Task : char { write_overlay = 'o', write_remove = 'r', adopt = 'a' };

struct Request {
  Task task = Task::adopt;
  std::string directory;  // to write in
  UniqueFd input;         // a tar, or an Adoption
  UniqueFd result;        // where the outcome goes
  UniqueFd life;          // its other end closed: nobody waits any more
};

// Never raises SIGPIPE.
Result<> send_request(int socket, const Request& request);

// Waits for one. What is not of this form is dropped: not `request`, and not `ended`.
struct Received {
  std::optional<Request> request;
  bool ended = false;
};
[[nodiscard]] Received receive_request(int socket);

}  // namespace nodeproof::unpack

// What the broker does all its life.
#pragma once

#include "agent/unpack/child.hpp"

namespace nodeproof::unpack {

// How a child ended, to who waits for it: wait(2)'s status, or -errno where it could not be
// started.
using EndStatus = int;

// Starts a child for each request, tells its end over `life`, ends it when `life` is closed. When
// nobody can ask any more: ends and reaps all of them, and returns.
void serve_requests(int requests, WriteLayer write);

}  // namespace nodeproof::unpack

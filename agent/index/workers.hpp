// A few threads that share numbered jobs.
#pragma once

#include <cstddef>
#include <functional>

namespace nodeproof::index {

// Returns when all jobs have. A job that is to end early looks at its own stop token.
void in_parallel(unsigned threads, std::size_t jobs, const std::function<void(std::size_t)>& job);

}  // namespace nodeproof::index

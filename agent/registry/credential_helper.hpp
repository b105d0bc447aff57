// docker-credential-NAME get (docker/docker-credential-helpers): a program that knows logins.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "agent/registry/docker_config.hpp"
#include "agent/registry/surroundings.hpp"

namespace nodeproof::registry {

// Nothing = it has no credentials for that server. Errors name the program and, inert and short,
// what it said on stderr.
Result<std::optional<WrittenLogin>> ask_helper(const Helper& helper, const Surroundings& around,
                                               const std::stop_token& stop);

// What a program said when it failed, for a message: ": its first words", or "".
[[nodiscard]] std::string last_words(const std::string& errors);

}  // namespace nodeproof::registry

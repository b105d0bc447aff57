// The signal that killed a process, in words: what its siginfo and its instruction prove. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/model.hpp"
#include "agent/smoke/record.hpp"

namespace nodeproof::smoke {

struct FaultWords {
  std::string_view code;  // of the finding
  std::string reason;     // "died of SIGBUS: memory that is not aligned"
  std::string evidence;
  std::string remedy;  // "" = no better one than to look at the program
};

// fault.code > 0: the kernel sent it.
[[nodiscard]] FaultWords explain_fault(const Fault& fault, const HostFacts& host);

[[nodiscard]] std::string signal_name(int signal);  // "SIGILL"

}  // namespace nodeproof::smoke

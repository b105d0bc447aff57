// Between the cycles the supervisor needs next to nothing.
#pragma once

namespace nodeproof {

// Gives free heap back to the kernel, and the program's own pages that it can read again from its
// file. Costs some microseconds, and page faults later.
void give_memory_back();

}  // namespace nodeproof

// Program output without what differs from run to run, or from architecture to architecture, by
// nature. A digest of it is compared between nodes, so every rule is narrow: a difference that
// means something must stay. Pure.
#pragma once

#include <string>
#include <string_view>

namespace nodeproof::smoke {

// The lines:
// - escape sequences of terminals (ECMA-48: CSI, OSC, two-character ones) go: colour says nothing
// - CR LF becomes LF; blanks at the end of a line and empty lines at the end of the text go; a text
//   that is not empty ends with one LF
// In a line, each beginning at the start of a word:
// - UUIDs -> <uuid>: random by design
// - points in time -> <time>: RFC 3339 and its relatives (a date with a time), HTTP's, date(1)'s,
//   ctime(3)'s and log files' forms, and a bare hh:mm:ss with or without a fraction. A date without
//   a time stays: that is more often a version
// - durations -> <duration>: a number with a fraction and s, sec or seconds; any number of ns, us,
//   ms. Whole seconds stay: those are settings
// - addresses -> <address>: 0x and up to 16 digits with a value of 2^32 to 2^48 - 1, where 64-bit
//   programs have their code, heap and stack. Smaller values are flags and checksums, larger ones
//   hashes
// - process ids -> pid <pid>: behind the word "pid" alone
// - names made by mkstemp(3)'s callers below /tmp: /tmp/tmp.XXXXXXXXXX (mktemp), /tmp/tmpxxxxxxxx
//   (Python) -> /tmp/<temporary>
// - the architecture's own name -> <architecture>: x86_64, x86-64, amd64, aarch64, arm64 and
//   arm64/v8, alone or in a triplet; AArch64 too
[[nodiscard]] std::string normalise_output(std::string_view text);

}  // namespace nodeproof::smoke

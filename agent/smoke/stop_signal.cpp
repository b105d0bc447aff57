#include "agent/smoke/stop_signal.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

namespace nodeproof::smoke {
namespace {

// What programs may use, behind the two that the C library keeps to itself.
constexpr int kFirstRealTime = 34, kLastRealTime = 64;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Behind "RTMIN" or "RTMAX": "", "+3", "-2".
std::optional<int> distance(std::string_view text) {
  if (text.empty()) return 0;
  if (text.starts_with('+')) return number(text.substr(1));
  return text.starts_with('-') ? number(text) : std::nullopt;
}

std::optional<int> real_time(std::string_view name) {
  const bool low = name.starts_with("RTMIN"), high = name.starts_with("RTMAX");
  if (!low && !high) return std::nullopt;
  const auto steps = distance(name.substr(5));
  if (!steps || *steps < -kLastRealTime || *steps > kLastRealTime) return std::nullopt;
  const int signal = (low ? kFirstRealTime : kLastRealTime) + *steps;
  return signal < kFirstRealTime || signal > kLastRealTime ? std::nullopt : std::optional(signal);
}

std::optional<int> named(std::string_view name) {
  for (int signal = 1; signal < kFirstRealTime; ++signal) {
    const char* known = sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  return std::nullopt;
}

}  // namespace

int stop_signal(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (const auto value = number(name)) {
    return *value >= 1 && *value <= kLastRealTime ? *value : SIGTERM;
  }
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (const auto signal = real_time(name)) return *signal;
  return named(name).value_or(SIGTERM);
}

}  // namespace nodeproof::smoke

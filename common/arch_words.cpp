#include "common/arch_words.hpp"

#include <algorithm>
#include <array>

namespace nodeproof {

namespace {

// Go's, Debian's, GNU's, the kernel's and Docker Hub's names; lower case. Longer ones stand before
// their own beginnings.
constexpr std::array<std::string_view, 45> kWords = {
    "x86_64",      "x86-64",  "amd64",   "x64",     "x86_32",   "x86",         "i386",
    "i486",        "i586",    "i686",    "ia32",    "386",      "aarch64",     "aarch_64",
    "arm64v8",     "arm64",   "arm32v5", "arm32v6", "arm32v7",  "armv8l",      "armv8",
    "armv7hf",     "armv7hl", "armv7l",  "armv7",   "armv6l",   "armv6hf",     "armv6",
    "armv5",       "armhf",   "armel",   "arm",     "sbsa",     "powerpc64le", "ppc64le",
    "ppc64el",     "s390x",   "riscv64", "rv64gc",  "mips64le", "mips64el",    "mipsle",
    "loongarch64", "loong64", "64le"};

// Behind the architecture in a GNU triplet.
constexpr std::array<std::string_view, 4> kAbis = {"gnueabihf", "gnueabi", "musleabihf",
                                                   "musleabi"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool starts_word(std::string_view text, std::size_t at) {
  return at == 0 || !is_letter_or_digit(text[at - 1]);
}

// The word of the list that stands here as a whole; "" = none.
template <std::size_t N>
std::string_view word_at(std::string_view text, const std::array<std::string_view, N>& words) {
  for (const std::string_view word : words) {
    if (text.size() < word.size()) continue;
    const bool same = std::ranges::equal(text.substr(0, word.size()), word,
                                         [](char a, char b) { return lower(a) == b; });
    const bool ends = text.size() == word.size() || !is_letter_or_digit(text[word.size()]);
    if (same && ends) return word;
  }
  return "";
}

}  // namespace

std::string without_architecture(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const bool begins = starts_word(text, at);
    const std::string_view word = begins ? word_at(rest, kWords) : "";
    const std::string_view abi = begins && word.empty() ? word_at(rest, kAbis) : "";
    if (!word.empty()) {
      out += "ARCH";
      at += word.size();
    } else if (!abi.empty()) {
      out += abi.starts_with("gnu") ? "gnu" : "musl";
      at += abi.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace nodeproof

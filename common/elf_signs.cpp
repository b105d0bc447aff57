// Texts that only one library's code holds. A message counts where it stands as C's compilers
// write it, a NUL on both sides, so that programs which merely speak of it are none.
#include <algorithm>
#include <array>
#include <string_view>

#include "common/elf_scan.hpp"
#include "common/needles.hpp"

namespace nodeproof::elf {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kContext = 64;  // more than the longest text with what stands around it
constexpr std::size_t kMaxMessages = 8;
constexpr std::uint64_t kUpxHeader = 4096;  // within which "UPX!" follows the program headers

// The first character stands apart: this program's own table must not look like the real thing.
struct Sign {
  Mark mark;
  char first;
  std::string_view rest;
  bool literal;  // a NUL stands before it
};

constexpr std::array kSigns = {
    Sign{Mark::jemalloc, '<', "jemalloc>: Unsupported system page size\n\0"sv, true},
    Sign{Mark::aligned_loader, 'E', "LF load command alignment not page-aligned\0"sv, true},
    Sign{Mark::kernel_check, 'F', "ATAL: kernel too old\n\0"sv, true},
    Sign{Mark::fixed_space_alloc, 'M', "mapAligned() failed"sv, true},
    Sign{Mark::luajit, 'b', "ad light userdata pointer\0"sv, true},
    Sign{Mark::go, '\xff', " Go buildinf:"sv, false},
    Sign{Mark::v8, 'F', "atal JavaScript invalid size error %d\0"sv, true},
    Sign{Mark::packed, '$', "Info: This file is packed with the UPX executable packer"sv, false},
    Sign{Mark::box64, 'T', "his is Box64, the Linux "sv, true},
    Sign{Mark::box64, 'T', "his is Box86, the Linux "sv, true},
    Sign{Mark::wine, 'w', "ine: could not load "sv, true},
};

// How programs ask what the processor can do.
constexpr std::array kQuestions = {"getauxval"sv, "/proc/cpuinfo"sv, "/proc/self/auxv"sv,
                                   "OPENSSL_armcap"sv, "_rtld_global_ro"sv};

constexpr std::size_t kTexts = kSigns.size() + kQuestions.size();

constexpr std::array<std::string_view, kTexts> texts() {
  std::array<std::string_view, kTexts> all;
  for (std::size_t i = 0; i < kSigns.size(); ++i) all[i] = kSigns[i].rest;
  for (std::size_t i = 0; i < kQuestions.size(); ++i) all[kSigns.size() + i] = kQuestions[i];
  return all;
}

constexpr std::array<std::string_view, kTexts> kAll = texts();

bool stands_right(const Sign& sign, std::string_view text, std::size_t rest) {
  if (rest == 0 || text[rest - 1] != sign.first) return false;
  return !sign.literal || rest == 1 || text[rest - 2] == '\0';
}

// cmd/link's buildinfo: aligned to 16; size of a pointer and flags follow.
bool is_build_info(std::string_view text, std::size_t rest, std::uint64_t offset) {
  const std::size_t behind = rest + " Go buildinf:"sv.size();
  if (offset % 16 != 0 || behind + 2 > text.size()) return false;
  const bool pointer = text[behind] == 4 || text[behind] == 8;
  return pointer && static_cast<unsigned char>(text[behind + 1]) <= 3;
}

class Finder {
 public:
  void look_at(const Window& window) {
    const std::string_view text = as_text(window.bytes);
    needles_.find(text, [&](std::size_t index, std::size_t at) {
      if (at >= window.first && at < window.last) take(index, text, at, window.offset);
    });
  }
  [[nodiscard]] bool has(Mark mark) const {
    return (marks_ >> static_cast<unsigned>(mark) & 1) != 0;
  }
  [[nodiscard]] Signs result(bool upx_header) {
    for (unsigned i = 0; i <= static_cast<unsigned>(Mark::wine); ++i) {
      const auto mark = static_cast<Mark>(i);
      if (has(mark) && (mark != Mark::packed || upx_header)) signs_.marks.push_back(mark);
    }
    return std::move(signs_);
  }

 private:
  void take(std::size_t index, std::string_view text, std::size_t at, std::uint64_t window) {
    if (index >= kSigns.size()) {
      signs_.asks_processor = true;
      return;
    }
    const Sign& sign = kSigns[index];
    if (!stands_right(sign, text, at)) return;
    const std::uint64_t offset = window + at - 1;
    if (sign.mark == Mark::go && !is_build_info(text, at, offset)) return;
    marks_ |= 1U << static_cast<unsigned>(sign.mark);
    const bool message = sign.mark == Mark::jemalloc;
    if (message && signs_.jemalloc_messages.size() < kMaxMessages) {
      signs_.jemalloc_messages.push_back(offset);
    }
  }

  Needles needles_{kAll};
  unsigned marks_ = 0;
  Signs signs_;
};

// UPX's l_info structure, which its own unpacker looks for.
Result<bool> has_upx_header(const ByteSource& source) {
  std::string start(static_cast<std::size_t>(std::min(source.size(), kUpxHeader)), '\0');
  TRY(read_exactly(source, 0, std::as_writable_bytes(std::span(start))));
  constexpr std::array kMagic = {'U', 'P', 'X', '!'};
  for (std::size_t at = 0; at + kMagic.size() <= start.size(); at += 4) {
    if (std::ranges::equal(std::string_view(start).substr(at, 4), kMagic)) return true;
  }
  return false;
}

}  // namespace

Result<Signs> find_signs(const ByteSource& source) {
  Finder finder;
  TRY(for_each_window(source, {.offset = 0, .size = source.size()}, kContext,
                      [&](const Window& window) { finder.look_at(window); }));
  const bool upx_header = finder.has(Mark::packed) && TRY(has_upx_header(source));
  return finder.result(upx_header);
}

}  // namespace nodeproof::elf

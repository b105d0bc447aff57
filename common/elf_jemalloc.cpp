// jemalloc's compiled-in page size. pages_boot() compares what the kernel says with a constant and
// on the way to its message forms the message's address; so the comparison stands shortly before
// the code that does, or before the branch that leads there.
#include <algorithm>
#include <set>

#include "common/elf_scan.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::size_t kContext = 4 * 32;
constexpr std::size_t kBack = 12;     // words from the branch back to the comparison
constexpr std::size_t kAddAfter = 8;  // words from adrp to its add
constexpr std::uint64_t kBlock = 32;  // bytes from the start of the message's block to the address
constexpr std::size_t kMaxPlaces = 64;

using Words = std::span<const std::uint32_t>;

std::int64_t sign_extended(std::uint64_t value, unsigned bits) {
  const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
  return static_cast<std::int64_t>((value ^ sign) - sign);
}

// ADR and ADRP: immhi:immlo.
std::int64_t adr_immediate(std::uint32_t word) {
  return sign_extended((word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3), 21);
}

bool is_adr(std::uint32_t word) { return (word & 0x9f000000) == 0x10000000; }
bool is_adrp(std::uint32_t word) { return (word & 0x9f000000) == 0x90000000; }
bool is_conditional(std::uint32_t word) { return (word & 0xff000010) == 0x54000000; }  // b.cond

// b, br, ret: what follows is not reached from here.
bool ends_block(std::uint32_t word) {
  return (word & 0xfc000000) == 0x14000000 || (word & 0xff9ffc1f) == 0xd61f0000;
}

// The page of CMP Xn, #imm, LSL #12; 0 = another instruction.
std::uint64_t compared_page(std::uint32_t word) {
  if ((word & 0xffc0001f) != 0xf140001f) return 0;
  const std::uint64_t pages = word >> 10 & 0xfff;
  const bool plausible = pages == 1 || pages == 2 || pages == 4 || pages == 8 || pages == 16;
  return plausible ? pages << 12 : 0;
}

std::uint64_t compared_before(Words words, std::size_t at) {
  for (std::size_t back = 1; back <= std::min(kBack, at); ++back) {
    const std::uint32_t word = words[at - back];
    if (const std::uint64_t page = compared_page(word); page != 0) return page;
    if (ends_block(word)) return 0;
  }
  return 0;
}

class Search {
 public:
  explicit Search(const std::vector<std::uint64_t>& messages) : messages_(messages) {}

  // First over all code: where one of the messages' addresses is formed.
  void look_for_places(const Window& window, std::uint64_t address) {
    const Words words = window.words;
    for (std::size_t i = window.first / 4; i < window.last / 4; ++i) {
      const std::uint64_t pc = address + 4 * i;
      if (is_adr(words[i]) &&
          is_message(pc + static_cast<std::uint64_t>(adr_immediate(words[i])))) {
        add_place(words, i, pc);
      }
      if (is_adrp(words[i])) follow_page(words, i, pc);
    }
  }

  // Then: the branches that lead there.
  void look_for_branches(const Window& window, std::uint64_t address) {
    for (std::size_t i = window.first / 4; i < window.last / 4; ++i) {
      const std::uint32_t word = window.words[i];
      if (!is_conditional(word)) continue;
      const auto distance = static_cast<std::uint64_t>(sign_extended(word >> 5 & 0x7ffff, 19) * 4);
      const std::uint64_t target = address + 4 * i + distance;
      if (leads_to_place(target)) pages_.insert(compared_before(window.words, i));
    }
  }

  // Nothing where the code does not tell, or tells two sizes.
  [[nodiscard]] std::optional<std::uint64_t> result() {
    pages_.erase(0);
    if (pages_.size() != 1) return std::nullopt;
    return *pages_.begin();
  }

 private:
  [[nodiscard]] bool is_message(std::uint64_t address) const {
    return std::ranges::find(messages_, address) != messages_.end();
  }

  void follow_page(Words words, std::size_t at, std::uint64_t pc) {
    const auto pages = static_cast<std::uint64_t>(adr_immediate(words[at])) << 12;
    const std::uint64_t page = (pc & ~0xfffULL) + pages;
    for (std::size_t i = at + 1; i <= at + kAddAfter && i < words.size(); ++i) {
      const bool add = (words[i] & 0xffc00000) == 0x91000000;
      if (!add || (words[i] >> 5 & 31) != (words[at] & 31)) continue;
      if (is_message(page + (words[i] >> 10 & 0xfff))) add_place(words, at, pc);
      return;
    }
  }

  void add_place(Words words, std::size_t at, std::uint64_t pc) {
    if (places_.size() < kMaxPlaces) places_.push_back(pc);
    pages_.insert(compared_before(words, at));
  }

  [[nodiscard]] bool leads_to_place(std::uint64_t target) const {
    return std::ranges::any_of(
        places_, [&](std::uint64_t place) { return target <= place && place - target <= kBlock; });
  }

  const std::vector<std::uint64_t>& messages_;
  std::vector<std::uint64_t> places_;
  std::set<std::uint64_t> pages_;
};

using Look = void (Search::*)(const Window& window, std::uint64_t address);

Result<> look_over(const ByteSource& source, const std::vector<CodeRange>& code, Search& search,
                   Look look) {
  for (const CodeRange& range : code) {
    const auto take = [&](const Window& window) {
      (search.*look)(window, range.address + (window.offset - range.region.offset));
    };
    TRY(for_each_window(source, range.region, kContext, take));
  }
  return {};
}

}  // namespace

Result<std::optional<std::uint64_t>> find_jemalloc_page(
    const ByteSource& source, const std::vector<CodeRange>& code,
    const std::vector<std::uint64_t>& message_addresses) {
  if (message_addresses.empty()) return std::nullopt;
  Search search(message_addresses);
  TRY(look_over(source, code, search, &Search::look_for_places));
  TRY(look_over(source, code, search, &Search::look_for_branches));
  return search.result();
}

}  // namespace nodeproof::elf

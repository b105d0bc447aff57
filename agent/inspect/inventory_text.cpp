#include "agent/inspect/inventory_text.hpp"

#include <array>
#include <charconv>
#include <concepts>
#include <utility>

#include "common/crypto.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::string_view kMagic = "nodeproof-inventory";
constexpr std::string_view kTypes = "fdlhcbp";  // in EntryType's order

// The problems a second reading would find again.
constexpr auto kLastingProblems =
    std::to_array<std::pair<std::string_view, Errc>>({{"corrupt", Errc::corrupt},
                                                      {"truncated", Errc::truncated},
                                                      {"too_large", Errc::too_large},
                                                      {"unsupported", Errc::unsupported}});

class LineWriter {
 public:
  LineWriter& text(std::string_view field) {
    separate();
    for (const char c : field) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte != 0x7f && c != '%') {
        out_ += c;
        continue;
      }
      constexpr std::string_view kHex = "0123456789abcdef";
      out_ += '%';
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 15];
    }
    return *this;
  }
  LineWriter& number(std::uint64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
  }
  void end() {
    out_ += '\n';
    fresh_ = true;
  }
  [[nodiscard]] std::string& out() { return out_; }

 private:
  void separate() {
    if (!fresh_) out_ += '\t';
    fresh_ = false;
  }
  std::string out_;
  bool fresh_ = true;
};

void write_elf(LineWriter& out, const elf::Facts& facts) {
  const elf::Header& header = facts.header;
  out.text("E").number(header.bits).number(header.big_endian ? 1 : 0).number(header.os_abi);
  out.number(header.type).number(header.machine).number(header.flags);
  out.number(facts.dynamic ? 1 : 0).number(facts.pie ? 1 : 0).text(facts.interpreter);
  out.text(facts.soname).text(facts.rpath).text(facts.runpath).end();
  for (const std::string& name : facts.needed) out.text("N").text(name).end();
}

void write_facts(LineWriter& out, const FileFacts& facts) {
  if (!facts.script.empty()) out.text("S").text(facts.script).end();
  if (!facts.content.empty()) out.text("C").text(facts.content).end();
  if (facts.elf) write_elf(out, *facts.elf);
  if (!facts.problem.empty()) out.text("P").text(facts.problem).end();
}

void write_entry(LineWriter& out, const InventoryEntry& made) {
  const LayerEntry& entry = made.entry;
  out.text(kTypes.substr(static_cast<std::size_t>(entry.type), 1)).number(entry.mode);
  out.number(entry.uid).number(entry.gid).number(entry.size);
  out.text(made.sha256).text(entry.path).text(entry.link_target).end();
  if (made.facts) write_facts(out, *made.facts);
}

// One line's fields, taken from the left; a wrong one is remembered.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  std::string_view raw() {
    if (done_) ok_ = false;
    const std::size_t tab = std::min(rest_.find('\t'), rest_.size());
    const std::string_view field = rest_.substr(0, tab);
    done_ = tab == rest_.size();
    rest_.remove_prefix(std::min(tab + 1, rest_.size()));
    return field;
  }
  std::string text() {
    const std::string_view field = raw();
    std::string out;
    out.reserve(field.size());
    for (std::size_t i = 0; i < field.size(); ++i) {
      if (field[i] != '%') {
        out += field[i];
        continue;
      }
      unsigned value = 0;
      const char* const digits = field.data() + i + 1;
      if (field.size() - i < 3 ||
          std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) {
        ok_ = false;
        return out;
      }
      out += static_cast<char>(value);
      i += 2;
    }
    return out;
  }
  template <std::unsigned_integral T>
  void number(T& value) {
    const std::string_view field = raw();
    const char* const start = field.data();  // bounded by end, not by a NUL
    const char* const end = start + field.size();
    const auto [stop, error] = std::from_chars(start, end, value);
    if (field.empty() || stop != end || error != std::errc{}) ok_ = false;
  }
  void flag(bool& value) {
    unsigned number_read = 0;
    number(number_read);
    value = number_read != 0;
  }
  [[nodiscard]] bool ended_well() const { return ok_ && done_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
  bool done_ = false;
};

class Parser {
 public:
  explicit Parser(std::string_view body) : rest_(body) {}

  Result<LayerInventory> run() {
    if (next_line() != std::string(kMagic) + "\t" + std::to_string(kAnalyserVersion)) {
      return wrong("its first line");
    }
    auto inventory = TRY(head());
    FileFacts facts;
    while (!rest_.empty()) {
      const std::string_view line = next_line();
      if (line.empty()) return wrong("an empty line");
      const std::size_t type = kTypes.find(line[0]);
      if (type == std::string_view::npos) {
        if (inventory.entries.empty() || !take_fact(line, facts)) return wrong("a fact");
        continue;
      }
      attach(inventory, facts);
      if (!take_entry(line, static_cast<EntryType>(type), inventory)) return wrong("an entry");
    }
    attach(inventory, facts);
    inventory.entries.shrink_to_fit();
    return inventory;
  }

 private:
  static std::unexpected<Error> wrong(std::string_view what) {
    return fail(Errc::corrupt, "inventory: " + std::string(what) + " cannot be read");
  }

  std::string_view next_line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

  Result<LayerInventory> head() {
    LineReader line(next_line());
    LayerInventory inventory{.layer = TRY(Digest::parse(line.raw())),
                             .diff_id = std::nullopt,
                             .entries = {},
                             .refused = 0,
                             .first_refused = {},
                             .problem = std::nullopt};
    const std::string_view diff_id = line.raw();
    if (!diff_id.empty()) inventory.diff_id = TRY(Digest::parse(diff_id));
    line.number(inventory.refused);
    inventory.first_refused = line.text();
    const std::string code = line.text();
    const std::string message = line.text();
    if (!line.ended_well()) return wrong("its head");
    for (const auto& [name, errc] : kLastingProblems) {
      if (name == code) inventory.problem = Error{errc, message, {}};
    }
    if (!code.empty() && !inventory.problem) return wrong("its problem");
    return inventory;
  }

  static bool take_entry(std::string_view text, EntryType type, LayerInventory& inventory) {
    LineReader line(text);
    if (line.raw().size() != 1) return false;
    InventoryEntry made;
    made.entry.type = type;
    line.number(made.entry.mode);
    line.number(made.entry.uid);
    line.number(made.entry.gid);
    line.number(made.entry.size);
    made.sha256 = line.text();
    made.entry.path = line.text();
    made.entry.link_target = line.text();
    inventory.entries.push_back(std::move(made));
    return line.ended_well();
  }

  static bool take_fact(std::string_view text, FileFacts& facts) {
    LineReader line(text);
    const std::string_view kind = line.raw();
    if (kind == "S")
      facts.script = line.text();
    else if (kind == "C")
      facts.content = line.text();
    else if (kind == "P")
      facts.problem = line.text();
    else if (kind == "N" && facts.elf)
      facts.elf->needed.push_back(line.text());
    else if (kind == "E")
      take_elf(line, facts.elf.emplace());
    else
      return false;
    return line.ended_well();
  }

  static void take_elf(LineReader& line, elf::Facts& facts) {
    line.number(facts.header.bits);
    line.flag(facts.header.big_endian);
    line.number(facts.header.os_abi);
    line.number(facts.header.type);
    line.number(facts.header.machine);
    line.number(facts.header.flags);
    line.flag(facts.dynamic);
    line.flag(facts.pie);
    facts.interpreter = line.text();
    facts.soname = line.text();
    facts.rpath = line.text();
    facts.runpath = line.text();
  }

  static void attach(LayerInventory& inventory, FileFacts& facts) {
    if (facts == FileFacts{}) return;
    inventory.entries.back().facts =
        std::make_shared<const FileFacts>(std::exchange(facts, FileFacts{}));
  }

  std::string_view rest_;
};

std::string seal_of(std::string_view body) {
  return "end\t" + std::string(hash_of(as_bytes(body)).hex()) + "\n";
}

}  // namespace

std::string to_text(const LayerInventory& inventory) {
  LineWriter out;
  out.text(kMagic).number(kAnalyserVersion).end();
  out.text(inventory.layer.str()).text(inventory.diff_id ? inventory.diff_id->str() : "");
  out.number(inventory.refused).text(inventory.first_refused);
  out.text(inventory.problem ? to_string(inventory.problem->code) : "");
  out.text(inventory.problem ? inventory.problem->message : "").end();
  for (const InventoryEntry& entry : inventory.entries) write_entry(out, entry);
  out.out() += seal_of(out.out());
  return std::move(out.out());
}

Result<LayerInventory> parse_inventory(std::string_view text) {
  constexpr std::size_t kSealBytes = 4 + 64 + 1;
  if (text.size() < kSealBytes) return fail(Errc::corrupt, "inventory: too short");
  const std::string_view body = text.substr(0, text.size() - kSealBytes);
  if (text.substr(body.size()) != seal_of(body)) {
    return fail(Errc::corrupt, "inventory: its checksum is wrong");
  }
  return Parser(body).run();
}

}  // namespace nodeproof::inspect

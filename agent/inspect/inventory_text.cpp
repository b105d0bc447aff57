#include "agent/inspect/inventory_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/inspect/inventory_lines.hpp"
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

void write_packed(LineWriter& out, const PackedProgram& packed) {
  const elf::Header& header = packed.header;
  out.text("Z").number(header.bits).number(header.big_endian ? 1 : 0).number(header.os_abi);
  out.number(header.type).number(header.machine).number(header.flags).text(packed.path).end();
}

void take_packed(LineReader& line, PackedProgram& packed) {
  elf::Header& header = packed.header;
  line.number(header.bits);
  line.flag(header.big_endian);
  line.number(header.os_abi);
  line.number(header.type);
  line.number(header.machine);
  line.number(header.flags);
  packed.path = line.text();
}

void write_facts(LineWriter& out, const FileFacts& facts) {
  if (!facts.script.empty()) out.text("S").text(facts.script).end();
  if (!facts.content.empty()) out.text("C").text(facts.content).end();
  if (facts.elf) write_elf(out, *facts.elf);
  if (facts.code) write_code(out, *facts.code);
  for (const PackedProgram& packed : facts.packed) write_packed(out, packed);
  if (!facts.problem.empty()) out.text("P").text(facts.problem).end();
}

void write_entry(LineWriter& out, const InventoryEntry& made) {
  const LayerEntry& entry = made.entry;
  out.text(kTypes.substr(static_cast<std::size_t>(entry.type), 1)).number(entry.mode);
  out.number(entry.uid).number(entry.gid).number(entry.size);
  out.text(made.hash ? to_hex(*made.hash) : "").text(entry.path).text(entry.link_target).end();
  if (made.facts) write_facts(out, *made.facts);
}

class Parser {
 public:
  explicit Parser(std::string_view body) : rest_(body) {}

  Result<LayerInventory> run() {
    if (next_line() != std::string(kMagic) + "\t" + std::to_string(kAnalyserVersion)) {
      return wrong("its first line");
    }
    auto inventory = TRY(head());
    constexpr std::size_t kShortestLine = 16;
    const auto lines = static_cast<std::size_t>(std::ranges::count(rest_, '\n'));
    inventory.entries.reserve(std::min(lines, rest_.size() / kShortestLine));
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
    const std::string hash = line.text();
    made.hash = content_hash_of_hex(hash);
    if (!made.hash && !hash.empty()) return false;
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
    else if (kind == "Z")
      take_packed(line, facts.packed.emplace_back());
    else if (kind == "P")
      facts.problem = line.text();
    else if (!take_elf_line(kind, line, facts))
      return false;
    return line.ended_well();
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
  constexpr std::size_t kUsualLine = 128;
  LineWriter out;
  out.out().reserve(kUsualLine * (inventory.entries.size() + 4));
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

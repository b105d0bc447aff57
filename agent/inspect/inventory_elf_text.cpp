#include "agent/inspect/inventory_lines.hpp"

namespace nodeproof::inspect {

namespace {

void take_header(LineReader& line, elf::Facts& facts) {
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
  line.number(facts.tls_size);
  line.flag(facts.static_tls);
  facts.kernel = line.text();
  line.number(facts.x86_needed);
  unsigned architecture = 0;
  line.number(architecture);
  if (architecture > 0) facts.arm_architecture = architecture - 1;
}

void take_segment(LineReader& line, elf::Segment& segment) {
  line.number(segment.flags);
  line.number(segment.offset);
  line.number(segment.address);
  line.number(segment.file_size);
  line.number(segment.memory_size);
  line.number(segment.alignment);
}

bool take_detail(std::string_view kind, LineReader& line, elf::Facts& facts) {
  if (kind == "N") {
    facts.needed.push_back(line.text());
  } else if (kind == "L") {
    take_segment(line, facts.loads.emplace_back());
  } else if (kind == "V") {
    facts.versions_needed.push_back({.library = line.text(), .versions = {}});
  } else if (kind == "v" && !facts.versions_needed.empty()) {
    facts.versions_needed.back().versions.push_back(line.text());
  } else if (kind == "D") {
    facts.versions_defined.push_back(line.text());
  } else {
    return false;
  }
  return true;
}

bool take_code_detail(std::string_view kind, LineReader& line, elf::CodeFacts& code) {
  if (kind == "U") {
    elf::ExtensionUse& use = code.extensions.emplace_back();
    use.hwcap = line.text();
    line.number(use.guarded);
    line.number(use.unguarded);
    line.number(use.address);
    line.number(use.word);
    return true;
  }
  unsigned mark = 0;
  if (kind == "M") line.number(mark);
  if (kind != "M" || mark > static_cast<unsigned>(elf::Mark::wine)) return false;
  code.marks.push_back(static_cast<elf::Mark>(mark));
  return true;
}

void take_code(LineReader& line, elf::CodeFacts& code) {
  line.flag(code.asks_processor);
  line.flag(code.ifunc);
  std::uint64_t page = 0;
  line.number(page);
  if (page > 0) code.jemalloc_page = page;
}

}  // namespace

void write_elf(LineWriter& out, const elf::Facts& facts) {
  const elf::Header& header = facts.header;
  out.text("E").number(header.bits).number(header.big_endian ? 1 : 0).number(header.os_abi);
  out.number(header.type).number(header.machine).number(header.flags);
  out.number(facts.dynamic ? 1 : 0).number(facts.pie ? 1 : 0).text(facts.interpreter);
  out.text(facts.soname).text(facts.rpath).text(facts.runpath);
  out.number(facts.tls_size).number(facts.static_tls ? 1 : 0).text(facts.kernel);
  out.number(facts.x86_needed);
  out.number(facts.arm_architecture ? *facts.arm_architecture + 1 : 0).end();
  for (const std::string& name : facts.needed) out.text("N").text(name).end();
  for (const elf::Segment& load : facts.loads) {
    out.text("L").number(load.flags).number(load.offset).number(load.address);
    out.number(load.file_size).number(load.memory_size).number(load.alignment).end();
  }
  for (const elf::VersionsNeeded& needed : facts.versions_needed) {
    out.text("V").text(needed.library).end();
    for (const std::string& version : needed.versions) out.text("v").text(version).end();
  }
  for (const std::string& version : facts.versions_defined) out.text("D").text(version).end();
}

void write_code(LineWriter& out, const elf::CodeFacts& facts) {
  out.text("X").number(facts.asks_processor ? 1 : 0).number(facts.ifunc ? 1 : 0);
  out.number(facts.jemalloc_page.value_or(0)).end();
  for (const elf::ExtensionUse& use : facts.extensions) {
    out.text("U").text(use.hwcap).number(use.guarded).number(use.unguarded);
    out.number(use.address).number(use.word).end();
  }
  for (const elf::Mark mark : facts.marks) {
    out.text("M").number(static_cast<unsigned>(mark)).end();
  }
}

bool take_elf_line(std::string_view kind, LineReader& line, FileFacts& facts) {
  if (kind == "E") {
    take_header(line, facts.elf.emplace());
    return true;
  }
  if (kind == "X") {
    take_code(line, facts.code.emplace());
    return true;
  }
  if (kind == "U" || kind == "M") {
    return facts.code && take_code_detail(kind, line, *facts.code);
  }
  return facts.elf && take_detail(kind, line, *facts.elf);
}

}  // namespace nodeproof::inspect

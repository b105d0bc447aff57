// Prints what the ELF reader and the code scan tell of each file named, one JSON object per line.
// For tests; not shipped. Usage: scan_driver FILE...
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "common/byte_source.hpp"
#include "common/elf.hpp"
#include "common/elf_code.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

constexpr std::array<std::string_view, 10> kMarks = {
    "jemalloc", "aligned_loader", "kernel_check", "fixed_space_alloc", "luajit", "go", "v8",
    "packed",   "box64",          "wine"};

void write_facts(const elf::Facts& facts, json::Writer& out) {
  out.member("machine", elf::machine_name(facts.header.machine));
  out.member("interpreter", facts.interpreter);
  out.member("soname", facts.soname);
  out.member("kernel", facts.kernel);
  out.member("x86Needed", std::uint64_t{facts.x86_needed});
  out.member("armArchitecture", std::uint64_t{facts.arm_architecture.value_or(0)});
  out.member("staticTls", facts.static_tls);
  out.member("tlsSize", facts.tls_size);
  out.member("versionsDefined", facts.versions_defined);
  out.key("versionsNeeded").begin_object();
  for (const auto& [library, versions] : facts.versions_needed) {
    out.member(library, versions);
  }
  out.end_object();
  out.key("alignments").begin_array();
  for (const elf::Segment& load : facts.loads) out.unsigned_integer(load.alignment);
  out.end_array();
}

void write_code(const elf::CodeFacts& code, json::Writer& out) {
  out.member("asksProcessor", code.asks_processor);
  out.member("ifunc", code.ifunc);
  out.member("jemallocPage", code.jemalloc_page.value_or(0));
  out.key("marks").begin_array();
  for (const elf::Mark mark : code.marks) out.string(kMarks.at(static_cast<std::size_t>(mark)));
  out.end_array();
  out.key("extensions").begin_object();
  for (const elf::ExtensionUse& use : code.extensions) {
    out.key(use.hwcap).begin_object();
    out.member("guarded", std::uint64_t{use.guarded});
    out.member("unguarded", std::uint64_t{use.unguarded});
    out.member("address", use.address);
    out.member("word", std::uint64_t{use.word});
    out.end_object();
  }
  out.end_object();
}

Result<> look_at(const std::string& path, json::Writer& out) {
  const FileSource source = TRY(FileSource::open(path));
  out.member("size", source.size());
  const elf::Facts facts = TRY(elf::read(source));
  write_facts(facts, out);
  const auto before = std::chrono::steady_clock::now();
  const elf::CodeFacts code = TRY(elf::scan_code(source, facts));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  out.member("seconds", took.count());
  write_code(code, out);
  return {};
}

void report(const std::string& path) {
  json::Writer out;
  out.begin_object();
  out.member("path", path);
  if (const auto done = look_at(path, out); !done) out.member("problem", done.error().message);
  out.end_object();
  std::printf("%s\n", std::move(out).str().c_str());
}

}  // namespace
}  // namespace nodeproof

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) nodeproof::report(arguments[i]);
}

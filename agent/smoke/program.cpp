#include "agent/smoke/program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/elf.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kMaxShebangs = 5;  // the kernel follows no more (BINPRM_BUF_SIZE, exec recursion)
constexpr std::size_t kStart = 4096;

std::string joined(const std::string& directory, const std::string& name) {
  if (name.starts_with('/')) return name;
  return (directory.ends_with('/') ? directory : directory + '/') + name;
}

std::vector<std::string> candidates(const PlannedRun& run) {
  const std::string& name = run.args[0];
  if (name.find('/') != name.npos) return {joined(run.cwd, name)};
  std::string_view path = kDefaultPath;
  for (const std::string& variable : run.env) {
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  }
  std::vector<std::string> found;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    const std::string directory =
        end == 0 ? run.cwd : joined(run.cwd, std::string(path.substr(0, end)));
    found.push_back(joined(directory, name));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return found;
}

// The first bytes; fewer when the file is short.
std::string start_of(const ByteSource& file) {
  std::string start(std::min<std::uint64_t>(file.size(), kStart), '\0');
  if (!file.read_at(0, std::as_writable_bytes(std::span(start)))) start.clear();
  return start;
}

// The program behind "#!"; "" = there is none. A carriage return belongs to the name, as for the
// kernel.
std::string shebang(std::string_view start) {
  if (!start.starts_with("#!")) return {};
  start = start.substr(2, start.find('\n') == start.npos ? start.npos : start.find('\n') - 2);
  const std::size_t first = start.find_first_not_of(" \t");
  if (first == start.npos) return {};
  return std::string(start.substr(first, start.find_first_of(" \t", first) - first));
}

bool all_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c == '\0'; });
}

Why why_no_format(const Root& root, const ByteSource& file, int depth = 0);

// A script's own format is in order, so the program behind "#!" is what the kernel refused.
Why why_no_interpreter(const Root& root, const std::string& name, int depth) {
  const auto file = root.source(name);
  if (!file || depth == kMaxShebangs) return {StartCause::interpreter_unusable, name};
  Why why = why_no_format(root, **file, depth + 1);
  if (why.cause != StartCause::wrong_architecture) why.cause = StartCause::interpreter_unusable;
  why.detail = why.detail.empty() ? name : name + ": " + why.detail;
  return why;
}

Why why_no_format(const Root& root, const ByteSource& file, int depth) {
  if (file.size() == 0) return {StartCause::file_empty, ""};
  const std::string start = start_of(file);
  if (all_zero(start)) return {StartCause::file_zeroed, ""};
  if (const std::string name = shebang(start); !name.empty())
    return why_no_interpreter(root, name, depth);
  if (!elf::has_magic(as_bytes(start))) return {StartCause::no_shebang, ""};
  const auto header = elf::read_header(file);
  if (!header) return {StartCause::file_truncated, header.error().message};
  if (header->machine != native_machine())
    return {StartCause::wrong_architecture, elf::describe(*header)};
  const auto whole = elf::read(file);
  if (!whole) return {StartCause::file_truncated, whole.error().message};
  return {StartCause::other, elf::describe(*header)};
}

// What the kernel has to find besides the file itself: the program behind "#!" or PT_INTERP.
std::string helper_of(const ByteSource& file) {
  if (const std::string name = shebang(start_of(file)); !name.empty()) return name;
  const auto parsed = elf::read(file);
  return parsed ? parsed->interpreter : std::string();
}

Why why_absent(const Root& root, const std::string& program) {
  std::string path = program;
  for (int depth = 0; depth < kMaxShebangs; ++depth) {
    const auto file = root.source(path);
    if (!file) break;
    const std::string helper = helper_of(**file);
    if (helper.empty()) break;
    if (root.status(helper).error != 0) return {StartCause::interpreter_missing, helper};
    path = helper;
  }
  return {StartCause::other, ""};
}

}  // namespace

std::uint16_t native_machine() {
#if defined(__x86_64__)
  return elf::kMachineX86_64;
#elif defined(__aarch64__)
  return elf::kMachineAArch64;
#else
#error "a target whose ELF machine is not known here"
#endif
}

std::string locate_program(const PlannedRun& run, const Root& root) {
  std::string existing;
  for (std::string& path : candidates(run)) {
    const Root::Status found = root.status(path);
    if (found.error != 0) continue;
    if (S_ISREG(found.stat.st_mode) && (found.stat.st_mode & 0111) != 0) return path;
    if (existing.empty()) existing = std::move(path);
  }
  if (!existing.empty()) return existing;
  return run.args[0].find('/') == run.args[0].npos ? run.args[0] : candidates(run).front();
}

Why why_not_started(const Root& root, const std::string& program, int error) {
  const Root::Status found = root.status(program);
  if (found.error != 0) return {StartCause::file_missing, ""};
  if (!S_ISREG(found.stat.st_mode)) return {StartCause::not_executable, "no regular file"};
  if (error == EACCES && (found.stat.st_mode & 0111) == 0) {
    return {StartCause::not_executable, "no execute permission"};
  }
  const auto file = root.source(program);
  if (!file) return {StartCause::other, file.error().message};
  if (error == ENOEXEC) return why_no_format(root, **file);
  if (error == ENOENT) return why_absent(root, program);
  if (error == ELIBBAD || error == ENOTDIR || error == EACCES) {
    const std::string helper = helper_of(**file);
    if (!helper.empty()) return {StartCause::interpreter_unusable, helper};
  }
  if (error == EACCES) return {StartCause::not_executable, "not for this user"};
  return {StartCause::other, ""};
}

// fs/binfmt_elf.c: file and memory have to agree within a page, else the mapping fails, too late
// for execve to return.
Why why_not_mapped(const Root& root, const std::string& program, std::uint64_t page_size) {
  std::string path = follow_shebangs(root, program).path;
  for (int file = 0; file < 2 && !path.empty(); ++file) {  // the program and its loader
    const auto source = root.source(path);
    const auto facts = source ? elf::read(**source) : fail(Errc::not_found, path);
    if (!facts) break;
    const bool fits = std::ranges::all_of(facts->loads, [&](const elf::Segment& segment) {
      return (segment.address - segment.offset) % page_size == 0;
    });
    if (!fits) return {StartCause::not_mapped, path};
    path = facts->interpreter;
  }
  return {StartCause::other, ""};
}

Executable follow_shebangs(const Root& root, const std::string& program) {
  std::string path = program;
  for (int depth = 0; depth <= kMaxShebangs; ++depth) {
    const auto file = root.source(path);
    if (!file) return {};
    if (const auto header = elf::read_header(**file)) return {path, header->machine};
    path = shebang(start_of(**file));
    if (path.empty()) return {};
  }
  return {};
}

}  // namespace nodeproof::smoke

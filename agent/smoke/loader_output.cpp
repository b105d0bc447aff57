#include "agent/smoke/loader_output.hpp"

#include <algorithm>
#include <array>

#include "agent/codes.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

// Where in the line the subject stands.
enum class Subject { none, after, before, quoted };

struct Message {
  std::string_view part;  // that the line contains
  Subject where;
  std::string_view code, says, remedy;
};

constexpr std::string_view kAddLibrary =
    "add the library to the image, or build the program static";
constexpr std::string_view kNewerLibc =
    "build against the C library that the image has, or take a newer base image";
constexpr std::string_view kPageSize =
    "relink with -z max-page-size=65536, or boot a kernel with 4 KiB pages";
constexpr std::string_view kOldCpu = "take an image built for a lower x86-64 level";
constexpr std::string_view kUnpackAgain =
    "remove the image with its snapshots and let it be unpacked again; pulling it again alone "
    "mends nothing";

// The first message that fits counts: the more telling ones come first.
constexpr std::array kMessages = {
    Message{"CPU does not support x86-64-v", Subject::none, code::kMissingIsaExtension,
            "the image's C library is built for a newer processor", kOldCpu},
    Message{"CPU ISA level is lower than required", Subject::none, code::kMissingIsaExtension,
            "a library is built for a newer processor", kOldCpu},
    Message{"FATAL: kernel too old", Subject::none, code::kKernelTooOld,
            "the image's C library needs a newer kernel",
            "update the kernel or take an older base image"},
    Message{"not page-aligned", Subject::none, code::kPageSizeIncompatible,
            "a file is linked for smaller pages than this kernel has", kPageSize},
    Message{"not properly aligned", Subject::none, code::kPageSizeIncompatible,
            "a file is linked for smaller pages than this kernel has", kPageSize},
    Message{": cannot allocate memory in static TLS block", Subject::before, code::kStaticTlsRisk,
            "a library that is loaded late finds no room for its thread-local variables",
            "load it at the start: LD_PRELOAD it in the image"},
    // jemalloc, src/pages.c
    Message{"<jemalloc>: Unsupported system page size", Subject::none, code::kPageSizeIncompatible,
            "its jemalloc is built for smaller pages than this kernel has",
            "build jemalloc with --with-lg-page=16, or boot a kernel with 4 KiB pages"},
    // Go, src/runtime/malloc.go
    Message{"bad system page size", Subject::none, code::kPageSizeIncompatible,
            "its Go runtime does not know this kernel's page size", kPageSize},
    // google/tcmalloc, tcmalloc/internal/system_allocator.h
    Message{"MmapAligned() failed", Subject::none, code::kAddressSpaceMismatch,
            "its tcmalloc wants addresses of 48 bits",
            "update the program, or boot a kernel with a larger CONFIG_ARM64_VA_BITS"},
    // Go, src/runtime/asm_amd64.s
    Message{"This program can only be run on AMD64 processors with v", Subject::none,
            code::kMissingIsaExtension, "it is built for a newer processor (GOAMD64)", kOldCpu},
    // Go, src/runtime/os_linux_arm.go
    Message{"so it cannot run this GOARM=", Subject::none, code::kMissingIsaExtension,
            "it is built for a newer 32-bit Arm processor (GOARM)",
            "build it with a lower GOARM, or take an arm64 image"},
    // TensorFlow, tensorflow/core/platform/cpu_feature_guard.cc
    Message{"instructions, but these aren't available on your machine", Subject::none,
            code::kMissingIsaExtension, "its TensorFlow is built for a newer processor",
            "take a build of TensorFlow for this processor"},
    Message{"file too short", Subject::after, code::kFileCorrupt, "a library is cut short",
            kUnpackAgain},
    Message{"invalid ELF header", Subject::after, code::kFileCorrupt, "a library is no ELF file",
            kUnpackAgain},
    Message{"wrong ELF class", Subject::after, code::kArchMismatch,
            "a library is of another architecture", "build the image for this architecture"},
    Message{"' not found (required by", Subject::quoted, code::kSymbolVersionMissing,
            "the image's libraries lack a version that is needed", kNewerLibc},
    Message{"error while loading shared libraries: ", Subject::after, code::kLibraryMissing,
            "a library is missing", kAddLibrary},
    Message{"Error loading shared library ", Subject::after, code::kLibraryMissing,
            "a library is missing", kAddLibrary},
    // glibc's dlerror(), as Python, Node.js and Java pass it on
    Message{": cannot open shared object file", Subject::before, code::kLibraryMissing,
            "a library is missing", kAddLibrary},
    // bash; the file holds a NUL and so is no script
    Message{": cannot execute binary file: Exec format error", Subject::before, code::kArchMismatch,
            "a program that it starts is of another architecture",
            "build the image for this architecture"},
    Message{"Exec format error", Subject::none, code::kNotExecutable,
            "something that it starts is no program of this architecture, nor a script with a "
            "\"#!\" line",
            "build the image for this architecture, and give scripts a \"#!\" line"},
    Message{" => not found", Subject::before, code::kLibraryMissing, "a library is missing",
            kAddLibrary},
    Message{"symbol lookup error: ", Subject::none, code::kLibraryMissing,
            "a library lacks a symbol that is needed", kNewerLibc},
    Message{": symbol not found", Subject::none, code::kLibraryMissing,
            "a library lacks a symbol that is needed", kNewerLibc},
};

constexpr std::array<std::string_view, 2> kLeads = {"error while loading shared libraries: ",
                                                    "Error loading shared library "};

std::string_view word_at(std::string_view text) {
  return text.substr(0, text.find_first_of(": \t"));
}

std::string_view subject_of(const Message& message, std::string_view line) {
  const std::size_t at = line.find(message.part);
  switch (message.where) {
    case Subject::none:
      return {};
    case Subject::quoted: {
      const std::size_t quote = line.substr(0, at).find_last_of("`'");
      return quote == line.npos ? std::string_view() : line.substr(quote + 1, at - quote - 1);
    }
    case Subject::before: {
      const std::string_view before = line.substr(0, at);
      const std::size_t last = before.find_last_of(" \t");
      return last == before.npos ? before : before.substr(last + 1);
    }
    case Subject::after:
      for (const std::string_view lead : kLeads) {
        const std::size_t start = line.find(lead);
        if (start != line.npos) return word_at(line.substr(start + lead.size()));
      }
  }
  return {};
}

// Mounted into the workload's container by the NVIDIA runtime, which a smoke container has not: its
// absence here tells nothing about the image, and the inspection has warned of it.
bool names_driver_library(std::string_view line) {
  constexpr auto kDriver = std::to_array<std::string_view>(
      {"libcuda.so", "libnvidia-", "libnvcuvid.so", "libnvoptix.so", "libnvrm", "libnvos",
       "libnvbuf", "libnvmedia", "libnvsci", "libnvdla", "libcudadebugger.so", "libvdpau_nvidia",
       "libGLX_nvidia", "libEGL_nvidia", "libtegra"});
  return std::ranges::any_of(kDriver,
                             [&](std::string_view name) { return line.find(name) != line.npos; });
}

// TensorFlow tells of each library of a GPU that it then does without.
bool does_without(std::string_view line) { return line.find("dlerror: ") != line.npos; }

std::optional<LoaderProblem> problem_in(std::string_view line) {
  if (names_driver_library(line) || does_without(line)) return std::nullopt;
  for (const Message& message : kMessages) {
    if (line.find(message.part) == line.npos) continue;
    const std::string subject = printable(subject_of(message, line), 200);
    std::string says(message.says);
    if (!subject.empty()) says += ": " + subject;
    return LoaderProblem{std::string(message.code), subject, std::move(says), printable(line, 300),
                         std::string(message.remedy)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<LoaderProblem> find_loader_problem(std::string_view output) {
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    if (auto problem = problem_in(output.substr(0, end))) return problem;
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  return std::nullopt;
}

}  // namespace nodeproof::smoke

#include "agent/smoke/loader_output.hpp"

#include <gtest/gtest.h>

namespace nodeproof::smoke {
namespace {

struct Case {
  std::string_view output, code, subject;
};

TEST(LoaderOutput, DriverLibrariesAreTheRuntimesToBring) {
  EXPECT_FALSE(find_loader_problem("\tlibcuda.so.1 => not found\n"));
  const auto problem =
      find_loader_problem("\tlibcuda.so.1 => not found\n\tlibz.so.1 => not found\n");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->subject, "libz.so.1");
}

TEST(LoaderOutput, IsRecognised) {
  const Case cases[] = {
      {"\tlinux-vdso.so.1 (0x0000ffff)\n\tlibtinfo.so.6 => not found\n", "LibraryMissing",
       "libtinfo.so.6"},
      {"/bin/app: error while loading shared libraries: libz.so.1: cannot open shared object file: "
       "No such file or "
       "directory\n",
       "LibraryMissing", "libz.so.1"},
      {"Error loading shared library libssl.so.3: No such file or directory (needed by /app)\n",
       "LibraryMissing", "libssl.so.3"},
      {"/app: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /app)\n",
       "SymbolVersionMissing", "GLIBC_2.38"},
      {"Error relocating /app: SSL_new: symbol not found\n", "LibraryMissing", ""},
      {"app: symbol lookup error: app: undefined symbol: foo\n", "LibraryMissing", ""},
      {"error while loading shared libraries: libx.so: ELF load command alignment not "
       "page-aligned\n",
       "PageSizeIncompatible", ""},
      {"libx.so: ELF load command address/offset not page-aligned\n", "PageSizeIncompatible", ""},
      {"FATAL: kernel too old\n", "KernelTooOld", ""},
      {"Fatal glibc error: CPU does not support x86-64-v2\n", "MissingIsaExtension", ""},
      {"/app: CPU ISA level is lower than required\n", "MissingIsaExtension", ""},
      {"app: error while loading shared libraries: /lib/libq.so.1: file too short\n", "FileCorrupt",
       "/lib/libq.so.1"},
      {"app: error while loading shared libraries: /lib/libq.so.1: invalid ELF header\n",
       "FileCorrupt", "/lib/libq.so.1"},
      {"error while loading shared libraries: libq.so: wrong ELF class: ELFCLASS32\n",
       "ArchMismatch", "libq.so"},
      {"ImportError: /opt/libgomp.so.1: cannot allocate memory in static TLS block\n",
       "StaticTlsRisk", "/opt/libgomp.so.1"},
      {"<jemalloc>: Unsupported system page size\nmemory allocation of 4 bytes failed\n",
       "PageSizeIncompatible", ""},
      {"fatal error: bad system page size\n", "PageSizeIncompatible", ""},
      {"tcmalloc/internal/system_allocator.h:603] MmapAligned() failed - unable to allocate\n",
       "AddressSpaceMismatch", ""},
      {"This program can only be run on AMD64 processors with v3 microarchitecture support.\n",
       "MissingIsaExtension", ""},
      {"runtime: this CPU has no VFPv3 floating point hardware, so it cannot run this GOARM=7 "
       "binary. Recompile using GOARM=6 or GOARM=5.\n",
       "MissingIsaExtension", ""},
      {"F tensorflow/core/platform/cpu_feature_guard.cc:37] The TensorFlow library was compiled to "
       "use AVX instructions, but these aren't available on your machine.\n",
       "MissingIsaExtension", ""},
      {"ImportError: libGL.so.1: cannot open shared object file: No such file or directory\n",
       "LibraryMissing", "libGL.so.1"},
      {"/bin/bash: line 1: /app: cannot execute binary file: Exec format error\n", "ArchMismatch",
       "/app"},
      {"[FATAL tini (7)] exec /app failed: Exec format error\n", "NotExecutable", ""},
  };
  for (const Case& one : cases) {
    const auto problem = find_loader_problem(one.output);
    ASSERT_TRUE(problem) << one.output;
    EXPECT_EQ(problem->code, one.code) << one.output;
    EXPECT_EQ(problem->subject, one.subject) << one.output;
    EXPECT_FALSE(problem->remedy.empty());
  }
}

TEST(LoaderOutput, OfAGoodProgramIsNoProblem) {
  EXPECT_FALSE(find_loader_problem(""));
  EXPECT_FALSE(find_loader_problem(
      "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/libc.so.6 (0x00007f)\n"));
  EXPECT_FALSE(find_loader_problem("page not found\n"));
  EXPECT_FALSE(
      find_loader_problem("Could not load dynamic library 'libcudart.so.11.0'; dlerror: "
                          "libcudart.so.11.0: cannot open shared object file\n"));
}

TEST(LoaderOutput, IsMadeHarmless) {
  const auto problem = find_loader_problem("\x1b]0;evil\x07 => not found\n");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->subject.find('\x1b'), std::string::npos);
  EXPECT_EQ(problem->evidence.find('\x07'), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::smoke

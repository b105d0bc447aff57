// Texts that tell of a library, and texts that only speak of it.
#include <gtest/gtest.h>

#include "tests/fakes/elf_writer.hpp"
#include "tests/unit/common/compiled.hpp"

namespace nodeproof {
namespace {

using elf::Mark;
using std::string_literals::operator""s;

std::string holding(const std::string& data) {
  return fakes::make_elf({.sections = {{.type = 1, .flags = 2, .content = data}}});
}

std::vector<Mark> marks_of(const std::string& data) {
  const auto code = scan(holding(data));
  EXPECT_TRUE(code) << code.error().message;
  return code ? code->marks : std::vector<Mark>{};
}

TEST(Marks, AreTextsAsTheCompilerWritesThem) {
  using Marks = std::vector<Mark>;
  EXPECT_EQ(marks_of("\0<jemalloc>: Unsupported system page size\n\0"s), Marks{Mark::jemalloc});
  EXPECT_EQ(marks_of("\0ELF load command alignment not page-aligned\0"s),
            Marks{Mark::aligned_loader});
  EXPECT_EQ(marks_of("\0FATAL: kernel too old\n\0"s), Marks{Mark::kernel_check});
  EXPECT_EQ(marks_of("\0MmapAligned() failed - unable to allocate\0"s),
            Marks{Mark::fixed_space_alloc});
  EXPECT_EQ(marks_of("x\0bad light userdata pointer\0"s), Marks{Mark::luajit});
  EXPECT_EQ(marks_of("\0Fatal JavaScript invalid size error %d\0"s), Marks{Mark::v8});
  EXPECT_EQ(marks_of("\0This is Box64, the Linux x86_64 emulator with a twist.\0"s),
            Marks{Mark::box64});
  EXPECT_EQ(marks_of("\0This is Box86, the Linux x86 emulator with a twist.\0"s),
            Marks{Mark::box64});
  EXPECT_EQ(marks_of("\0wine: could not load ntdll.so: %s\n\0"s), Marks{Mark::wine});
  EXPECT_EQ(marks_of("\0FATAL: kernel too old\n\0<jemalloc>: Unsupported system page size\n\0"s),
            (Marks{Mark::jemalloc, Mark::kernel_check}));
}

TEST(Marks, ATextThatSpeaksOfThemIsNone) {
  for (const std::string& text :
       {"see \"<jemalloc>: Unsupported system page size\n\0"s,
        "\0<jemalloc>: Unsupported system page size, they say\0"s,
        "\0ELF load command alignment not page-aligned (glibc)\0"s,
        "\0error FATAL: kernel too old\n\0"s, "\0a bad light userdata pointer\0"s,
        "wine: could not load\0"s, "\0box64\0wine\0UPX!\0v8\0go\0"s, "\0XATAL: kernel too old\n\0"s,
        "\0$Info: This file is packed with the UPX executable packer\0"s}) {
    EXPECT_EQ(marks_of("......" + text), std::vector<Mark>{}) << text;
  }
}

TEST(Marks, GoProgramsHaveTheirBuildInfoAlignedTo16) {
  const auto at = [](std::size_t skew, const std::string& rest) {
    const std::string bytes = holding(std::string(64, '\0'));
    const std::size_t content = bytes.size() - 2 * 64 - 64;
    const std::size_t align = (16 - content % 16) % 16;
    return marks_of(std::string(align + skew, '\0') + "\xff Go buildinf:"s + rest);
  };
  EXPECT_EQ(at(0, "\x08\x02"), std::vector{Mark::go});
  EXPECT_EQ(at(8, "\x08\x02"), std::vector<Mark>{}) << "only a copy in somebody's data";
  EXPECT_EQ(at(0, "\x05\x02"), std::vector<Mark>{});
  EXPECT_EQ(at(0, "\x08\x77"), std::vector<Mark>{});
}

TEST(Marks, UpxNeedsItsHeaderAndItsText) {
  const std::string text = "$Info: This file is packed with the UPX executable packer $";
  const auto packed = [&](std::size_t gap) {
    return marks_of("UPX!" + std::string(gap, 'x') + text);
  };
  EXPECT_EQ(packed(100), std::vector{Mark::packed});
  EXPECT_EQ(marks_of(std::string(8192, 'x') + "UPX!" + text), std::vector<Mark>{})
      << "UPX itself carries both, but not as its own header";
}

TEST(Marks, AreSeenAcrossThePiecesTheFileIsReadIn) {
  const std::string message = "\0<jemalloc>: Unsupported system page size\n\0"s;
  const std::size_t start = holding("xyzzy").find("xyzzy");
  for (std::size_t shift = 0; shift <= message.size() + 2; ++shift) {
    std::string data(std::size_t{1} << 20, 'x');
    data.replace(data.size() - start - shift, message.size(), message);
    EXPECT_EQ(marks_of(data + std::string(100, 'x')), std::vector{Mark::jemalloc}) << shift;
  }
}

TEST(AsksProcessor, IsTold) {
  const auto asks = [](const std::string& data) { return scan(holding(data))->asks_processor; };
  EXPECT_FALSE(asks("\0get_aux_val\0"s));
  for (const char* question : {"getauxval", "__getauxval", "/proc/cpuinfo", "/proc/self/auxv",
                               "OPENSSL_armcap", "_rtld_global_ro"}) {
    EXPECT_TRUE(asks(question)) << question;
  }
  EXPECT_TRUE(scan_compiled("extensions").asks_processor) << "reads an identification register";
  EXPECT_FALSE(scan_compiled("lse").asks_processor);
}

}  // namespace
}  // namespace nodeproof

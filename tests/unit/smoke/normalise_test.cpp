#include "agent/smoke/normalise.hpp"

#include <gtest/gtest.h>

namespace nodeproof::smoke {
namespace {

struct Case {
  std::string_view name, text, normalised;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class Normalised : public ::testing::TestWithParam<Case> {};

TEST_P(Normalised, IsWhatDoesNotDifferByNature) {
  EXPECT_EQ(normalise_output(GetParam().text), GetParam().normalised);
}

constexpr Case kEqual[] = {
    {"Nothing", "", ""},
    {"EmptyLines", "\n\n", ""},
    {"LineEnds", "a \t\r\nb\r\n\r\n", "a\nb\n"},
    {"NoFinalNewline", "a\n\nb", "a\n\nb\n"},
    {"Colours", "\x1b[1;31mred\x1b[0m \x1b]0;title\a\x1b(Bx", "red Bx\n"},
    {"Uuid", "id 123e4567-e89b-12d3-a456-426614174000.", "id <uuid>.\n"},
    {"Rfc3339", "2026-11-22T02:12:09.123456Z start", "<time> start\n"},
    {"Rfc3339Offset", "at 2026-11-22 02:12:09+01:00, done", "at <time>, done\n"},
    {"PythonLog", "2026-11-22 02:12:09,123 INFO up", "<time> INFO up\n"},
    {"NginxLog", "2026/11/22 02:12:09 [notice] up", "<time> [notice] up\n"},
    {"CommonLog", "[22/Nov/2026:02:12:09 +0000] up", "[<time>] up\n"},
    {"Http", "Date: Sun, 22 Nov 2026 02:12:09 GMT", "Date: <time>\n"},
    {"DateCommand", "Sun Nov 22 02:12:09 UTC 2026", "<time>\n"},
    {"Redis", "22 Nov 2026 02:12:09.123 * Ready", "<time> * Ready\n"},
    {"Syslog", "Nov  2 02:12:09 1234 things", "<time> 1234 things\n"},
    {"BareTime", "[12:34:56.789] tick at time:01:02:03", "[<time>] tick at time:<time>\n"},
    {"Durations", "took 0.003s, 12 ms, 1.5 seconds, 5us, 2m3.4s",
     "took <duration>, <duration>, <duration>, <duration>, <duration>\n"},
    {"Micro", "17.2\u00b5s", "<duration>\n"},
    {"Addresses", "<object at 0x7f3a9c0d1e50> 0x0000ffff9abc1234",
     "<object at <address>> <address>\n"},
    {"Pid", "pid 17, pid=18, PID: 19", "pid <pid>, pid <pid>, pid <pid>\n"},
    {"TemporaryNames", "/tmp/tmp.AbCdEf1234/x /tmp/tmpab_d1234",
     "/tmp/<temporary>/x /tmp/<temporary>\n"},
    {"Architectures",
     "x86_64 amd64/x linux/arm64/v8 aarch64-linux-gnu libx-AArch64.so x_x86_64 x86_64:arm64",
     "<architecture> <architecture>/x linux/<architecture> <architecture>-linux-gnu "
     "libx-<architecture>.so x_<architecture> <architecture>:<architecture>\n"},
};
INSTANTIATE_TEST_SUITE_P(Rules, Normalised, ::testing::ValuesIn(kEqual),
                         [](const auto& info) { return std::string(info.param.name); });

// A real difference must stay.
constexpr Case kKept[] = {
    {"Version", "v2.1.0 3.11.2 1.5s-beta", "v2.1.0 3.11.2 <duration>-beta\n"},
    {"Date", "built 2026-11-22 Nov 22 2026", "built 2026-11-22 Nov 22 2026\n"},
    {"WholeSeconds", "timeout 30s, 5 seconds, 10m", "timeout 30s, 5 seconds, 10m\n"},
    {"Flags", "0x10 0xdeadbeef 0xcbf29ce484222325", "0x10 0xdeadbeef 0xcbf29ce484222325\n"},
    {"Numbers", "result 12 3.25 1e9 5 mssql 3 string", "result 12 3.25 1e9 5 mssql 3 string\n"},
    {"HardwareAddress", "00:11:22:33:44:55 aa:bb:cc:11:22:33",
     "00:11:22:33:44:55 aa:bb:cc:11:22:33\n"},
    {"Words", "arm64ec xarm64 cupid 7 rapid=3", "arm64ec xarm64 cupid 7 rapid=3\n"},
    {"OtherTemporary", "/tmp/tmpfile /tmp/tmp.conf", "/tmp/tmpfile /tmp/tmp.conf\n"},
    {"Indent", "  a  b\n c", "  a  b\n c\n"},
    {"HexDigest", "sha256:9f86d081884c7d659a2feaa0c55ad015",
     "sha256:9f86d081884c7d659a2feaa0c55ad015\n"},
};
INSTANTIATE_TEST_SUITE_P(Kept, Normalised, ::testing::ValuesIn(kKept),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(NormalisedOutput, IsStableAndStandsAnything) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (const std::string& text :
       {bytes, std::string("\x1b["), std::string("\x1b"), std::string("\x1b]x\x1b"),
        std::string(100'000, '1'), std::string("0x")}) {
    const std::string once = normalise_output(text);
    EXPECT_EQ(normalise_output(once), once);
  }
}

}  // namespace
}  // namespace nodeproof::smoke

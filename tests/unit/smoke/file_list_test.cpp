#include "agent/smoke/file_list.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "agent/smoke/comparison.hpp"
#include "agent/smoke/record.hpp"
#include "agent/smoke/spec.hpp"
#include "common/json.hpp"
#include "tests/fakes/fake_runtime.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

const std::string kHash(32, 'a');

class FileList : public testing::Test {
 protected:
  void write(const std::vector<FileExpectation>& files) {
    auto writer = FileListWriter::create(path);
    ASSERT_TRUE(writer);
    for (const FileExpectation& file : files) ASSERT_TRUE(writer->add(file));
    ASSERT_TRUE(writer->finish());
    count = writer->count();
    bytes = writer->bytes();
  }
  [[nodiscard]] Result<std::vector<FileExpectation>> read() const {
    std::vector<FileExpectation> files;
    TRY(read_list(path, [&](const FileExpectation& file) -> Result<> {
      files.push_back(file);
      return {};
    }));
    return files;
  }
  fakes::TempFolder folder;
  std::filesystem::path path = folder.path() / "work/list";
  std::uint64_t count = 0, bytes = 0;
};

TEST_F(FileList, ComesBackAsItWasWritten) {
  const std::vector<FileExpectation> files = {{"/a b\nc", 5, kHash, 0},
                                              {"/\xff\xfe", 0, "", 1},
                                              {"/" + std::string(4000, 'x'), 1ULL << 40, kHash, 7}};
  write(files);
  EXPECT_EQ(*read(), files);
  EXPECT_EQ(count, 3U);
  EXPECT_EQ(bytes, 5 + (1ULL << 40));
}

TEST_F(FileList, OfManyFilesIsReadPieceByPiece) {
  std::vector<FileExpectation> files;
  for (int i = 0; i < 5000; ++i) {
    files.push_back({"/usr/share/" + std::to_string(i), 10, kHash, 0});
  }
  write(files);
  EXPECT_EQ(*read(), files);
}

TEST_F(FileList, LeavesOutWhatMountsHide) {
  write({{"/proc/x", 1, "", 0}, {"/dev/y", 1, "", 0}, {"/sys/z", 1, "", 0}, {"/device", 1, "", 0}});
  EXPECT_EQ(read()->size(), 1U);
}

TEST_F(FileList, ThatIsDamagedIsRefused) {
  for (const char* text : {"0 5 - /a", "x 5 - /a", "0 5 short /a", "0 5 - a", "0 -5 - /a"}) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        << text << (std::string_view(text) == "0 5 - /a" ? "" : std::string(1, '\0'));
    EXPECT_FALSE(read()) << text;
  }
}

// What a container answers to a comparison.
class Comparing : public FileList {
 protected:
  Result<Comparison> answer(const std::string& text) {
    write({{"/app", 100, kHash, 1}, {"/data", 20, kHash, 0}, {"/none", 0, "", 2}});
    FakeRuntime runtime;
    runtime.behave([&](const ContainerRequest& request) -> Result<ContainerExit> {
      spec = request.spec_json;
      std::ofstream(request.stdout_path) << text;
      return ContainerExit{};
    });
    HostFacts host;
    host.platform = {"linux", "arm64", "v8", "", {}};
    return compare({.image = "app:1",
                    .rootfs = *Digest::parse("sha256:" + kHash + kHash),
                    .list = path,
                    .files = count,
                    .bytes = bytes,
                    .host = host,
                    .binary = "/usr/bin/nodeproof",
                    .work_dir = folder.path() / "work",
                    .lease = ""},
                   runtime, {});
  }
  std::string spec;
};

std::string wrong(std::uint64_t place, FileProblem problem, std::uint64_t size) {
  return file_line({"/told", problem, size, "", 0, place});
}

TEST_F(Comparing, FindsNothingWrong) {
  const auto found = answer(files_line(3, 0) + std::string(kEndLine));
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->damaged());
  EXPECT_THAT(found->findings, testing::IsEmpty());
  EXPECT_EQ(found->lowest, std::nullopt);
  EXPECT_NE(spec.find(kListInside), std::string::npos);
  EXPECT_EQ(spec.find("\"/tmp\""), std::string::npos) << "it would hide the image's files";
}

TEST_F(Comparing, NamesFilesByTheListAndNotByTheContainersWord) {
  const auto found = answer(wrong(0, FileProblem::empty, 0) + wrong(1, FileProblem::zeroed, 20) +
                            files_line(3, 2, 0) + std::string(kEndLine));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->damaged());
  EXPECT_EQ(found->lowest, 0U);
  ASSERT_EQ(found->findings.size(), 2U);
  EXPECT_EQ(found->findings[0].subject, "/app");
  EXPECT_EQ(found->findings[0].message, "the unpacked /app is empty, 100 B were unpacked");
  EXPECT_EQ(found->findings[1].message,
            "the unpacked /data has the right size and holds only zero bytes");
}

TEST_F(Comparing, IsUnknownWithoutAnEnd) {
  for (const std::string& text :
       {std::string(), files_line(3, 0), files_line(2, 0) + std::string(kEndLine),
        wrong(9, FileProblem::empty, 0) + files_line(3, 1) + std::string(kEndLine)}) {
    const auto found = answer(text);
    ASSERT_TRUE(found) << text;
    EXPECT_FALSE(found->damaged() && found->findings[0].severity == Severity::fail) << text;
    ASSERT_EQ(found->findings.size(), 1U) << text;
    EXPECT_EQ(found->findings[0].severity, Severity::unknown) << text;
  }
}

}  // namespace
}  // namespace nodeproof::smoke

// A folder that layers are written into, and beside it another one that no layer may touch.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "common/layer_writer.hpp"
#include "tests/fakes/tar_writer.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {

class TarText final : public ByteReader {
 public:
  explicit TarText(std::string_view text, std::size_t piece = 100'000)
      : text_(text), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({piece_, buffer.size(), text_.size()});
    std::ranges::copy(as_bytes(text_.substr(0, count)), buffer.begin());
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
  std::size_t piece_;
};

class LayerFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "files of others are made by root alone";
    std::filesystem::create_directories(outside() / "folder");
    put(outside() / "canary", "alive");
    std::filesystem::create_directory(root());
    std::filesystem::current_path(root());
    before_ = seen(outside());
  }
  void TearDown() override {
    if (before_.empty()) return;
    EXPECT_EQ(seen(outside()), before_) << "something outside was touched";
    EXPECT_EQ(std::filesystem::current_path(), root());
    EXPECT_EQ(names(temp_.path()), (std::vector<std::string>{"outside", "root"}));
    std::filesystem::current_path("/");
  }

  [[nodiscard]] std::filesystem::path root() const { return temp_.path() / "root"; }
  [[nodiscard]] std::filesystem::path outside() const { return temp_.path() / "outside"; }

  static Result<WrittenLayer> write(const fakes::TarWriter& tar, bool overlay = true,
                                    const LayerLimits& limits = {}) {
    return write_text(tar.str(), overlay, limits);
  }
  static Result<WrittenLayer> write_text(const std::string& text, bool overlay = true,
                                         const LayerLimits& limits = {}) {
    TarText reader(text);
    return write_layer(reader, {.overlay_whiteouts = overlay, .limits = limits});
  }
  static void expect_error(const Result<WrittenLayer>& result, Errc code, std::string_view text) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
  }

  static struct ::stat look(const std::filesystem::path& path) {
    struct ::stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
  }
  static bool there(const std::filesystem::path& path) {
    struct ::stat status{};
    return ::lstat(path.c_str(), &status) == 0;
  }
  static std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void put(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::optional<std::string> attribute(const std::string& path, const char* name) {
    std::array<char, 256> value{};
    const ssize_t size = ::lgetxattr(path.c_str(), name, value.data(), value.size());
    if (size < 0) return std::nullopt;
    return std::string(value.data(), static_cast<std::size_t>(size));
  }
  static std::vector<std::string> names(const std::filesystem::path& folder) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      found.push_back(entry.path().filename());
    }
    std::ranges::sort(found);
    return found;
  }
  static bool is_whiteout(const std::string& path) {
    const auto status = look(path);
    return S_ISCHR(status.st_mode) && status.st_rdev == 0;
  }

 private:
  // What any change of the folder or its file would change.
  static std::string seen(const std::filesystem::path& folder) {
    std::string text;
    for (const auto& path : {folder, folder / "canary", folder / "folder"}) {
      const auto status = look(path);
      text += path.string() + " " + std::to_string(status.st_ctim.tv_sec) + "." +
              std::to_string(status.st_ctim.tv_nsec) + " " + std::to_string(status.st_nlink) + "\n";
    }
    return text + content(folder / "canary");
  }

  fakes::TempFolder temp_;
  std::string before_;
};

}  // namespace nodeproof

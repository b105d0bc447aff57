#include "agent/host/text_files.hpp"

#include <algorithm>

#include "common/file.hpp"

namespace nodeproof::host {
namespace {

constexpr std::string_view kBlank = " \t\n\r\v\f";

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(separators, end);
  }
  return parts;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  auto text = read_file(path);
  if (!text) return {};
  while (!text->empty() && (text->back() == '\0' || kBlank.contains(text->back()))) {
    text->pop_back();
  }
  return *std::move(text);
}

std::vector<std::string_view> lines_of(std::string_view text) { return split(text, "\n"); }

std::vector<std::string_view> words_of(std::string_view text) { return split(text, kBlank); }

}  // namespace nodeproof::host

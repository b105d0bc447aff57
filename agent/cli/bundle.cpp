#include "agent/cli/bundle.hpp"

#include <algorithm>

#include "common/toml.hpp"
#include "common/yaml.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kMaxText = 1 << 20;
constexpr std::size_t kMaxBundle = 5'000'000;

constexpr std::string_view kReadMe =
    "What nodeproof knows on this node, for whoever helps.\n\n"
    "Left out or replaced by \"(redacted)\": the contents of password files, everything below keys "
    "that\n"
    "mean secrets, HTTP headers of containerd's hosts.toml, what stands before @ and behind ? in "
    "URLs,\n"
    "environments and arguments of smoke tests, bearer tokens, private keys, and every secret that "
    "was\n"
    "found in the login files of this host, wherever else it stands. Names of images, registries "
    "and\n"
    "this node are in it. Look before you send it: a secret in a place that nobody expects "
    "stays.\n\n"
    "missing.txt says what could not be had.\n";

}  // namespace

Result<json::Value> parse_as(std::string_view text, Syntax syntax) {
  if (syntax == Syntax::toml) return toml::parse(text);
  if (syntax == Syntax::yaml) return yaml::parse(text);
  return json::parse(text, {.comments = true});
}

void Bundle::add_text(const std::string& name, const Result<std::string>& text) {
  if (!text) return note_missing(name, text.error());
  std::string_view end = *text;
  if (end.size() > kMaxText) {
    end.remove_prefix(end.size() - kMaxText);
    end.remove_prefix(std::min(end.find('\n') + 1, end.size()));  // not half a secret
  }
  files_.push_back({name, redactor_.text(end)});
}

void Bundle::add_document(const std::string& name, const Result<std::string>& text, Syntax syntax) {
  if (!text) return note_missing(name, text.error());
  const auto document = parse_as(*text, syntax);
  if (!document) return note_missing(name, document.error());
  files_.push_back({name, redactor_.document(*document) + "\n"});
}

void Bundle::note_missing(const std::string& name, const Error& error) {
  missing_ += name + ": " + redactor_.text(error.message) + "\n";
}

Result<std::string> Bundle::pack(const std::string& folder, long seconds) const {
  std::vector<PackedFile> files = files_;
  std::ranges::sort(files, {}, &PackedFile::path);
  std::string missing = missing_;
  for (;;) {
    std::vector<PackedFile> all = files;
    all.push_back({"README.txt", std::string(kReadMe)});
    all.push_back({"missing.txt", missing});
    for (PackedFile& file : all) file.path = folder + "/" + file.path;
    std::string packed = TRY(make_tar_gz(all, seconds));
    if (packed.size() <= kMaxBundle || files.empty()) return packed;
    const auto largest = std::ranges::max_element(
        files, {}, [](const PackedFile& file) { return file.content.size(); });
    missing += largest->path + ": too large for this file\n";
    files.erase(largest);
  }
}

}  // namespace nodeproof::cli

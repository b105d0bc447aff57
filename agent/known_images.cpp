#include "agent/known_images.hpp"

#include "agent/json_read.hpp"
#include "common/file.hpp"

namespace nodeproof {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxBytes = 4U << 20U;

std::filesystem::path file_in(const std::filesystem::path& state_dir) {
  return state_dir / "required.json";
}

Result<FoundImage> read_image(const json::Value& item) {
  FoundImage image;
  TRY(json::read(item, "reference", image.image.reference));
  TRY(json::read(item, "origin", image.origin));
  return image;
}

Result<KnownImages> read(const std::string& text) {
  const json::Value root = TRY(json::parse(text));
  std::uint64_t version = 0;
  TRY(json::read(root, "version", version));
  if (version != kVersion) return fail(Errc::unsupported, "another version");
  KnownImages known;
  TRY(json::read(root, "server", known.server));
  TRY(json::read(root, "node", known.node));
  const json::Value* sources = TRY(root.at("sources"));
  for (const auto& [source, images] : sources->members()) {
    std::vector<FoundImage>& into = known.sources[source];
    for (const json::Value& item : images.items()) into.push_back(TRY(read_image(item)));
  }
  return known;
}

std::string text_of(const KnownImages& known) {
  json::Writer out;
  out.begin_object().member("version", kVersion).member("server", known.server);
  out.member("node", known.node).key("sources").begin_object();
  for (const auto& [source, images] : known.sources) {
    out.key(source).begin_array();
    for (const FoundImage& image : images) {
      out.begin_object().member("reference", image.image.reference);
      out.member("origin", image.origin).end_object();
    }
    out.end_array();
  }
  out.end_object().end_object();
  return out.str();
}

}  // namespace

KnownImages known_of(KnownImages known, const std::string& server, const std::string& node) {
  if (known.server == server && known.node == node) return known;
  return {server, node, {}};
}

bool is_away(Errc code) {
  switch (code) {
    case Errc::unreachable:
    case Errc::timeout:
    case Errc::truncated:
    case Errc::throttled:
    case Errc::server_error:
    case Errc::cancelled:
    case Errc::untrusted:  // a clock that is not set yet; no clock takes away what is proven
      return true;
    default:
      return false;
  }
}

KnownImages load_known_images(const std::filesystem::path& state_dir) {
  const auto text = read_file(file_in(state_dir), kMaxBytes);
  return text ? read(*text).value_or(KnownImages{}) : KnownImages{};
}

Result<> save_known_images(const std::filesystem::path& state_dir, const KnownImages& known) {
  const std::filesystem::path file = file_in(state_dir);
  if (known.sources.empty()) return remove_file(file);
  const std::string text = text_of(known);
  if (read_file(file, kMaxBytes).value_or("") == text) return {};
  return write_file_atomically(file, text, 0600);
}

}  // namespace nodeproof

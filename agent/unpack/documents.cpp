#include "agent/unpack/documents.hpp"

#include <algorithm>

#include "common/json.hpp"

namespace nodeproof::unpack {
namespace {

constexpr std::size_t kMostPaths = 150'000;
constexpr std::size_t kMostText = 4096;
constexpr std::string_view kHex = "0123456789abcdef";

// JSON is Unicode, names in a layer are bytes: "%" and what is not printable ASCII become %xx.
std::string escaped(std::string_view path) {
  std::string text;
  text.reserve(path.size());
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '%') {
      text += c;
    } else {
      text += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return text;
}

Result<std::string> unescaped(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      path += text[i];
      continue;
    }
    const auto digit = [&](std::size_t at) {
      return at < text.size() ? kHex.find(text[at]) : std::string_view::npos;
    };
    const std::size_t high = digit(i + 1), low = digit(i + 2);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return fail(Errc::invalid_document, "a path with a broken escape");
    }
    path += static_cast<char>(high << 4U | low);
    i += 2;
  }
  return path;
}

void write_paths(json::Writer& writer, std::string_view name, const std::vector<std::string>& all) {
  writer.key(name).begin_array();
  for (const std::string& path : all) writer.string(escaped(path));
  writer.end_array();
}

Result<std::vector<std::string>> read_paths(const json::Value& object, std::string_view name) {
  const json::Value* const value = TRY(object.at(name));
  const std::vector<std::string> texts = TRY(value->strings());
  std::vector<std::string> paths;
  paths.reserve(texts.size());
  for (const std::string& text : texts) paths.push_back(TRY(unescaped(text)));
  return paths;
}

void write(json::Writer& writer, const UnpackedLayer& layer) {
  writer.begin_object().member("entries", layer.entries).member("bytes", layer.bytes);
  write_paths(writer, "implied", layer.implied);
  write_paths(writer, "opaque", layer.opaque);
  writer.end_object();
}

Result<UnpackedLayer> read_layer(const json::Value& object) {
  UnpackedLayer layer;
  const json::Value* const entries = TRY(object.at("entries"));
  const json::Value* const bytes = TRY(object.at("bytes"));
  layer.entries = TRY(entries->unsigned_integer());
  layer.bytes = TRY(bytes->unsigned_integer());
  layer.implied = TRY(read_paths(object, "implied"));
  layer.opaque = TRY(read_paths(object, "opaque"));
  return layer;
}

std::string encode_error(const Error& error) {
  json::Writer writer;
  writer.begin_object()
      .member("error", to_string(error.code))
      .member("message", error.message.substr(0, kMostText))
      .member("remedy", error.remedy.substr(0, kMostText))
      .end_object();
  return writer.str();
}

// For people's eyes on one line, whoever wrote it.
std::string printable(std::string text) {
  text.resize(std::min(text.size(), kMostText));
  std::ranges::replace_if(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; }, '?');
  return text;
}

Result<Error> read_error(const json::Value& object) {
  Error error;
  const std::string code = TRY(object.string_or("error", ""));
  for (int number = 0; number <= static_cast<int>(Errc::internal); ++number) {
    if (to_string(static_cast<Errc>(number)) == code) error.code = static_cast<Errc>(number);
  }
  error.message = printable(TRY(object.string_or("message", "")));
  error.remedy = printable(TRY(object.string_or("remedy", "")));
  return error;
}

Error too_many() {
  return {Errc::unsupported, "it has too many directories without an entry or opaque ones", {}};
}

bool is_too_many(const UnpackedLayer& layer) {
  return layer.implied.size() + layer.opaque.size() > kMostPaths;
}

}  // namespace

std::string encode(const Result<UnpackedLayer>& outcome) {
  if (!outcome) return encode_error(outcome.error());
  if (is_too_many(*outcome)) return encode_error(too_many());
  json::Writer writer;
  write(writer, *outcome);
  std::string text = writer.str();
  return text.size() <= kMaxDocument ? text : encode_error(too_many());
}

Result<UnpackedLayer> decode_outcome(std::string_view text) {
  const json::Value document = TRY(json::parse(text, {.max_bytes = kMaxDocument}));
  if (document.find("error") != nullptr) return std::unexpected(TRY(read_error(document)));
  return read_layer(document);
}

Result<std::string> encode(const Adoption& adoption) {
  if (is_too_many(adoption.layer)) return std::unexpected(too_many());
  json::Writer writer;
  writer.begin_object();
  writer.member("staged", escaped(adoption.staged)).member("place", escaped(adoption.place));
  write_paths(writer, "lower", adoption.lower);
  writer.key("layer");
  write(writer, adoption.layer);
  std::string text = writer.end_object().str();
  if (text.size() > kMaxDocument) return std::unexpected(too_many());
  return text;
}

Result<Adoption> decode_adoption(std::string_view text) {
  const json::Value document = TRY(json::parse(text, {.max_bytes = kMaxDocument}));
  const json::Value* const layer = TRY(document.at("layer"));
  Adoption adoption;
  const std::string staged = TRY(document.string_or("staged", ""));
  const std::string place = TRY(document.string_or("place", ""));
  adoption.staged = TRY(unescaped(staged));
  adoption.place = TRY(unescaped(place));
  adoption.lower = TRY(read_paths(document, "lower"));
  adoption.layer = TRY(read_layer(*layer));
  return adoption;
}

}  // namespace nodeproof::unpack

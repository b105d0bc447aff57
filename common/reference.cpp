// Follows distribution/reference: regexp.go, normalize.go (ParseDockerRef, splitDockerDomain),
// reference.go.
#include "common/reference.hpp"

#include <algorithm>
#include <charconv>
#include <ranges>

#include "common/words.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kMaxPath = 255;
constexpr std::size_t kMaxTag = 128;
constexpr std::size_t kMaxText = 2048;
constexpr std::size_t kImageIdLength = 64;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower_alnum(char c) { return is_lower(c) || is_digit(c); }
bool is_alnum(char c) { return is_lower_alnum(c) || is_upper(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::unexpected<Error> invalid(std::string_view text, const std::string& why) {
  return fail(Errc::invalid_reference, "'" + excerpt(text) + "' is not an image reference: " + why,
              "Write it as registry/path:tag or registry/path@sha256:<64 hex digits>.");
}

// regexp.go: separator = "." | "_" | "__" | "-"+
bool is_separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         (!text.empty() && std::ranges::all_of(text, [](char c) { return c == '-'; }));
}

bool is_path_component(std::string_view text) {
  const auto run = [&](bool alnum) {
    const auto end = std::ranges::find_if(text, [&](char c) { return is_lower_alnum(c) != alnum; });
    const auto taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
  };
  if (run(true).empty()) return false;
  while (!text.empty()) {
    if (!is_separator(run(false)) || run(true).empty()) return false;
  }
  return true;
}

bool is_path(std::string_view text) {
  // Splitting nothing gives no part at all.
  return !text.empty() && std::ranges::all_of(std::views::split(text, '/'), [](const auto part) {
    return is_path_component(std::string_view(part.begin(), part.end()));
  });
}

bool is_domain_label(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {  // IPv6: hex digits and colons, no zone
    const std::string_view address = text.substr(1, text.size() - 2);
    return !address.empty() && address.find(':') != std::string_view::npos &&
           std::ranges::all_of(address, [](char c) { return is_hex(c) || c == ':'; });
  }
  return !text.empty() && std::ranges::all_of(std::views::split(text, '.'), [](const auto part) {
    return is_domain_label(std::string_view(part.begin(), part.end()));
  });
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool is_domain(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return is_host(text);
  return is_host(text.substr(0, colon)) && is_port(text.substr(colon + 1));
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTag && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(
             text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

struct Split {
  std::string_view domain, rest;
};

// normalize.go splitDockerDomain: what stands before the first slash is a domain only if it looks
// like one.
Split split_domain(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {"docker.io", text};
  const std::string_view first = text.substr(0, slash);
  const bool domain = first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
                      std::ranges::any_of(first, is_upper);
  if (!domain) return {"docker.io", text};
  return {first == "index.docker.io" ? "docker.io" : first, text.substr(slash + 1)};
}

// The part behind the first separator; cut off from text. None = no separator.
std::optional<std::string_view> cut_behind(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {};
  const std::string_view behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

bool is_image_id(std::string_view text) {
  return text.size() == kImageIdLength &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  if (text.empty()) return invalid(text, "it is empty");
  if (text.size() > kMaxText) return invalid(text, "it is too long");
  if (is_image_id(text)) return invalid(text, "64 hex digits are an image ID, not a name");
  const Split parts = split_domain(text);
  std::string_view path = parts.rest;
  const std::optional<std::string_view> digest = cut_behind(path, '@');
  const std::optional<std::string_view> tag = cut_behind(path, ':');
  if (!is_domain(parts.domain)) {
    return invalid(text, "'" + excerpt(parts.domain) +
                             "' is not a registry host with an "
                             "optional port from 1 to 65535");
  }
  if (std::ranges::any_of(path, is_upper)) return invalid(text, "the path must be lower case");
  if (!is_path(path)) return invalid(text, "'" + excerpt(path) + "' is not a repository path");
  if (tag && !is_tag(*tag)) return invalid(text, "'" + excerpt(*tag) + "' is not a tag");

  Reference reference;
  reference.domain_ = parts.domain;
  const bool official = parts.domain == "docker.io" && path.find('/') == std::string_view::npos;
  reference.path_ = (official ? "library/" : "") + std::string(path);
  if (reference.path_.size() > kMaxPath) {
    return invalid(text, "the path is longer than 255 characters");
  }
  if (digest) {
    auto parsed = Digest::parse(*digest);
    if (!parsed) return invalid(text, parsed.error().message);
    reference.digest_ = *std::move(parsed);
  }
  reference.tag_ = tag ? *tag : digest ? "" : "latest";
  return reference;
}

std::string Reference::name() const {
  return digest_ ? name_with_digest(*digest_) : repository() + ":" + tag_;
}

std::string Reference::name_with_digest(const Digest& digest) const {
  return repository() + "@" + digest.str();
}

std::string Reference::identifier() const { return digest_ ? digest_->str() : tag_; }

}  // namespace nodeproof

#include "agent/registry/blob_stream.hpp"

#include <algorithm>
#include <charconv>

#include "common/text.hpp"

namespace nodeproof::registry {

namespace {

struct ContentRange {
  std::uint64_t first = 0, last = 0;
  std::optional<std::uint64_t> total;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// RFC 9110, section 14.4: "bytes 10-99/100", "bytes 10-99/*".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == std::string_view::npos ||
      slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto first = number(text.substr(kUnit.size(), dash - kUnit.size()));
  const auto last = number(text.substr(dash + 1, slash - dash - 1));
  const auto total = number(text.substr(slash + 1));
  if (!first || !last || *last < *first || (!total && text.substr(slash + 1) != "*"))
    return std::nullopt;
  return ContentRange{*first, *last, total};
}

}  // namespace

std::optional<std::string> BlobStream::range() const {
  if (position_ == 0) return std::nullopt;
  return "bytes=" + std::to_string(position_) + "-";
}

Result<> BlobStream::begin(const HttpResponse& head) {
  skip_ = 0;
  if (head.status == 206) {
    const std::string text = head.header("content-range").value_or("");
    const auto range = parse_content_range(text);
    const bool right = range && range->first == position_ && range->last < size_ &&
                       range->total.value_or(size_) == size_;
    if (position_ != 0 && right) return {};
    return fail(Errc::server_error, "the registry answered with another range than asked for: '" +
                                        printable(text, 128) + "' instead of bytes " +
                                        std::to_string(position_) + "-" +
                                        std::to_string(size_ - 1) + "/" + std::to_string(size_));
  }
  const auto length = number(head.header("content-length").value_or(""));
  if (length && *length != size_) {
    return fail(Errc::digest_mismatch,
                "the registry holds " + std::to_string(*length) +
                    " bytes where the manifest says " + std::to_string(size_),
                "push the image again: the registry's copy is damaged");
  }
  skip_ = position_;
  return {};
}

Result<> BlobStream::take(Bytes bytes) {
  const auto skipped = std::min<std::uint64_t>(skip_, bytes.size());
  skip_ -= skipped;
  bytes = bytes.subspan(skipped);
  if (bytes.empty()) return {};
  if (bytes.size() > size_ - position_) {
    return fail(
        Errc::digest_mismatch,
        "the registry sent more bytes than the " + std::to_string(size_) + " of the manifest",
        "push the image again: the registry's copy is damaged");
  }
  auto taken = sink_(bytes);
  sink_refused_ = !taken;
  if (taken) position_ += bytes.size();
  return taken;
}

Result<> BlobStream::end() const {
  if (position_ == size_) return {};
  return fail(Errc::truncated, "the registry sent " + std::to_string(position_) + " of " +
                                   std::to_string(size_) + " bytes");
}

}  // namespace nodeproof::registry

#include "agent/registry/last_byte.hpp"

#include <charconv>
#include <string_view>

#include "common/text.hpp"

namespace nodeproof::registry {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<Error> another_size(std::uint64_t has, std::uint64_t should) {
  return fail(Errc::digest_mismatch,
              "the registry holds " + std::to_string(has) + " bytes where the manifest says " +
                  std::to_string(should),
              "push the image again: the registry's copy is damaged");
}

// Only to end the transfer: what was to be known is known.
std::unexpected<Error> enough() { return fail(Errc::internal, "the answer is known"); }

}  // namespace

std::string LastByte::place() const {
  const std::string last = std::to_string(size_ - 1);
  return "bytes " + last + "-" + last + "/";
}

std::string LastByte::range() const {
  const std::string last = std::to_string(size_ - 1);
  return "bytes=" + last + "-" + last;
}

// RFC 9110, sections 14.4 and 15.3.7: the total may be "*".
Result<> LastByte::begin(const HttpResponse& head) {
  if (head.status == 200) {
    const auto length = number(head.header("content-length").value_or(""));
    known_ = BlobState::announced;
    if (length && *length < size_) known_ = BlobState::truncated;
    if (length && *length > size_) known_ = another_size(*length, size_);
    return enough();
  }
  const std::string text = head.header("content-range").value_or("");
  const std::string expected = place();
  const std::string_view total =
      text.starts_with(expected) ? std::string_view(text).substr(expected.size()) : "";
  const auto size = number(total);
  partial_ = total == "*" || size == size_;
  if (partial_) return {};
  if (size && *size > size_) {
    known_ = another_size(*size, size_);
    return enough();
  }
  return fail(Errc::server_error, "the registry answered with another range than asked for: '" +
                                      printable(text, 128) + "' instead of " + expected +
                                      std::to_string(size_));
}

Result<> LastByte::take(Bytes bytes) {
  received_ += bytes.size();
  if (received_ <= 1) return {};
  return fail(Errc::server_error, "the registry sent more than the one byte that was asked for");
}

// RFC 9110, section 15.5.17: a 416 says how long the blob is.
void LastByte::refused(const Answer& answer) {
  constexpr std::string_view kUnit = "bytes */";
  if (answer.head.status != 416) return;
  const std::string text = answer.head.header("content-range").value_or("");
  if (!text.starts_with(kUnit)) return;
  const auto length = number(std::string_view(text).substr(kUnit.size()));
  if (length && *length < size_) known_ = BlobState::truncated;
}

Result<BlobState> LastByte::conclude(Result<> asked) const {
  if (known_) return *known_;
  if (partial_ && received_ == 1) return BlobState::whole;
  // Announced, and then the connection ended in order without the byte.
  const bool empty = asked || asked.error().code == Errc::truncated;
  if (partial_ && received_ == 0 && empty) return BlobState::stale_cache;
  if (asked) return fail(Errc::internal, "an answer without a meaning");
  Error error = std::move(asked).error();
  if (error.code == Errc::not_found) return BlobState::missing;
  // 416 without a length, or with one that is long enough.
  if (error.code == Errc::truncated) error.code = Errc::server_error;
  return std::unexpected(std::move(error));
}

}  // namespace nodeproof::registry

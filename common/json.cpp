#include "common/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace nodeproof::json {
namespace {

std::string_view name_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::boolean:
      return "a boolean";
    case Value::Kind::number:
      return "a number";
    case Value::Kind::string:
      return "a string";
    case Value::Kind::array:
      return "an array";
    case Value::Kind::object:
      return "an object";
  }
  return "a value";
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

}  // namespace

Error Value::wrong(std::string_view expected) const {
  return {Errc::invalid_document,
          path_ + ": expected " + std::string(expected) + ", found " + std::string(name_of(kind_)),
          {}};
}

Result<bool> Value::boolean() const {
  if (kind_ != Kind::boolean) return std::unexpected(wrong("true or false"));
  return boolean_;
}

Result<std::int64_t> Value::integer() const {
  if (kind_ != Kind::number) return std::unexpected(wrong("a whole number"));
  if (const auto number = parse_number<std::int64_t>(text_)) return *number;
  return fail(Errc::invalid_document, path_ + ": the number is not a whole one of 64 bits");
}

Result<std::uint64_t> Value::unsigned_integer() const {
  if (kind_ != Kind::number) return std::unexpected(wrong("a whole number from 0"));
  if (const auto number = parse_number<std::uint64_t>(text_)) return *number;
  return fail(Errc::invalid_document, path_ + ": the number is not a whole one from 0 of 64 bits");
}

Result<double> Value::real() const {
  if (kind_ != Kind::number) return std::unexpected(wrong("a number"));
  const auto number = parse_number<double>(text_);
  if (number && std::isfinite(*number)) return *number;
  return fail(Errc::invalid_document, path_ + ": the number is too large");
}

// No string of ours may carry a NUL: it would end early as an argument, a path or a header.
Result<std::string> Value::string() const {
  if (kind_ != Kind::string) return std::unexpected(wrong("a string"));
  if (text_.contains('\0')) {
    return fail(Errc::invalid_document, path_ + ": the string contains a NUL character");
  }
  return text_;
}

Result<std::string> Value::word() const { return kind_ == Kind::number ? text_ : string(); }

Result<std::vector<std::string>> Value::strings() const {
  if (kind_ != Kind::array) return std::unexpected(wrong("an array of strings"));
  std::vector<std::string> strings;
  strings.reserve(items_.size());
  for (const Value& item : items_) strings.push_back(TRY(item.string()));
  return strings;
}

const Value* Value::find(std::string_view key) const {
  const auto member = std::ranges::find(members_, key, &Member::first);
  return member == members_.end() ? nullptr : &member->second;
}

Result<const Value*> Value::at(std::string_view key) const {
  if (kind_ != Kind::object) return std::unexpected(wrong("an object"));
  if (const Value* value = find(key)) return value;
  return fail(Errc::invalid_document, path_ + ": \"" + std::string(key) + "\" is missing");
}

Result<std::string> Value::string_or(std::string_view key, std::string fallback) const {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  return value->string();
}

}  // namespace nodeproof::json

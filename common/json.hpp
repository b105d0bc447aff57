// The one door to JSON: parsing that hostile input cannot hurt, and writing. The only includer of
// RapidJSON is json_parse.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;  // in document order, keys unique

// A parsed value that knows its JSON path ("$.images[2].reference"), so that every getter's error
// names it.
class Value {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  Value() = default;
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& path() const { return path_; }  // long ones lose their middle
  [[nodiscard]] std::size_t line() const {
    return line_;
  }  // 1-based line in the source; 0 = unknown

  [[nodiscard]] Result<bool> boolean() const;
  [[nodiscard]] Result<std::int64_t> integer() const;  // refuses fractions and overflow
  [[nodiscard]] Result<std::uint64_t> unsigned_integer() const;
  [[nodiscard]] Result<double> real() const;
  [[nodiscard]] Result<std::string> string() const;
  [[nodiscard]] Result<std::string> word() const;  // a string, or a number as it is written
  [[nodiscard]] Result<std::vector<std::string>> strings() const;
  [[nodiscard]] const Array& items() const { return items_; }         // empty unless an array
  [[nodiscard]] const Object& members() const { return members_; }    // empty unless an object
  [[nodiscard]] const Value* find(std::string_view key) const;        // nullptr when absent
  [[nodiscard]] Result<const Value*> at(std::string_view key) const;  // error when absent
  // The member's string, or the fallback when absent; wrong type is an error.
  [[nodiscard]] Result<std::string> string_or(std::string_view key, std::string fallback) const;
  // Exactly the bytes this value was parsed from, spaces inside included. Objects and arrays only;
  // `document` is what parse() was given.
  [[nodiscard]] std::string_view source_in(std::string_view document) const {
    return document.substr(begin_, end_ - begin_);
  }
  [[nodiscard]] Error wrong(
      std::string_view expected) const;  // "$.x: expected a string, found a number"

 private:
  friend class TreeBuilder;
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  std::size_t line_ = 0;
  std::size_t begin_ = 0, end_ = 0;  // of an object or array, in the document
  std::string text_;                 // the string, or the number as written
  std::string path_ = "$";
  Array items_;
  Object members_;
};

struct ParseOptions {
  std::size_t max_bytes = 4 << 20;
  std::size_t max_depth = 32;
  std::size_t max_values = 200'000;  // bounds the memory a small document of tiny values can claim
  bool comments = false;             // // and /* */ as in our own config files
  bool refuse_case_variants =
      false;  // two keys of one object that differ in case only are an error
};

// UTF-8 checked, numbers kept as text, duplicate keys and trailing data refused.
// Errc::too_large beyond a limit, else Errc::invalid_document; the message names the line.
Result<Value> parse(std::string_view text, const ParseOptions& options = {});

// One complete JSON text?
[[nodiscard]] bool is_valid(std::string_view text);

// Builds a document in call order; misuse (value without key) is a bug and aborts.
class Writer {
 public:
  explicit Writer(bool pretty = false);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& string(std::string_view value);  // invalid UTF-8 is replaced by U+FFFD
  Writer& integer(std::int64_t value);
  Writer& unsigned_integer(std::uint64_t value);
  Writer& real(double value);  // null when not finite
  Writer& boolean(bool value);
  Writer& null();
  Writer& raw(std::string_view json);  // a whole value that is already JSON; checked
  // key and value in one
  Writer& member(std::string_view name, std::string_view value);
  Writer& member(std::string_view name, const char* value) {
    return member(name, std::string_view(value));
  }
  Writer& member(std::string_view name, std::int64_t value);
  Writer& member(std::string_view name, std::uint64_t value);
  Writer& member(std::string_view name, double value);
  Writer& member(std::string_view name, bool value);
  Writer& member(std::string_view name, const std::vector<std::string>& values);
  [[nodiscard]] std::string str() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nodeproof::json

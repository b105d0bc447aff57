// Reading our own documents leniently: an absent member keeps its default, a wrong type is an error
// with its path.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.hpp"

namespace nodeproof::json {

inline Result<> read(const Value& object, std::string_view key, std::string& out) {
  const Value* value = object.find(key);
  if (value != nullptr) out = TRY(value->string());
  return {};
}

inline Result<> read(const Value& object, std::string_view key, bool& out) {
  const Value* value = object.find(key);
  if (value != nullptr) out = TRY(value->boolean());
  return {};
}

inline Result<> read(const Value& object, std::string_view key, double& out) {
  const Value* value = object.find(key);
  if (value != nullptr) out = TRY(value->real());
  return {};
}

inline Result<> read(const Value& object, std::string_view key, std::uint64_t& out) {
  const Value* value = object.find(key);
  if (value != nullptr) out = TRY(value->unsigned_integer());
  return {};
}

inline Result<> read(const Value& object, std::string_view key, unsigned& out) {
  const Value* value = object.find(key);
  if (value == nullptr) return {};
  const std::uint64_t number = TRY(value->unsigned_integer());
  if (number > 0xFFFFFFFFU) return std::unexpected(value->wrong("a number of 32 bits"));
  out = static_cast<unsigned>(number);
  return {};
}

inline Result<> read(const Value& object, std::string_view key, std::vector<std::string>& out) {
  const Value* value = object.find(key);
  if (value != nullptr) out = TRY(value->strings());
  return {};
}

// One of the words to_string gives for the known values.
template <class Enum>
Result<> read_word(const Value& object, std::string_view key, std::span<const Enum> known,
                   Enum& out) {
  const Value* value = object.find(key);
  if (value == nullptr) return {};
  const std::string word = TRY(value->string());
  for (const Enum each : known) {
    if (word == to_string(each)) {
      out = each;
      return {};
    }
  }
  return std::unexpected(value->wrong("a word that is known here"));
}

}  // namespace nodeproof::json

// A value of a configuration file that knows where it stands: every error says "file:line: $.path:
// what".
#pragma once

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/json.hpp"
#include "common/words.hpp"

namespace nodeproof::config {

class Entry {
 public:
  // Both outlive it.
  Entry(const std::string& file, const json::Value& value) : file_(&file), value_(&value) {}

  [[nodiscard]] const json::Value& value() const { return *value_; }
  [[nodiscard]] Entry child(const json::Value& value) const { return {*file_, value}; }
  [[nodiscard]] std::string place() const;                                    // file:line
  [[nodiscard]] std::unexpected<Error> error(const std::string& what) const;  // with place and path

  [[nodiscard]] Result<bool> boolean() const;
  [[nodiscard]] Result<std::string> text() const;
  [[nodiscard]] Result<std::vector<std::string>> texts() const;
  [[nodiscard]] Result<std::uint64_t> number(std::uint64_t lowest, std::uint64_t highest) const;
  [[nodiscard]] Result<std::string> path() const;  // absolute, or empty
  // Absolute, of a file in an image: nothing of the container's own below /proc, /sys and /dev.
  [[nodiscard]] Result<std::string> inside() const;
  [[nodiscard]] Result<std::string> regex() const;  // one that Pattern takes, or empty
  [[nodiscard]] Result<std::vector<std::string>> patterns() const;
  // "500ms", "20s", "15m", "6h", "7d"; larger than 0
  [[nodiscard]] Result<std::chrono::milliseconds> duration() const;
  // "" = 0, "500KB/s", "50MB/s", "1GB/s" (powers of ten); in bytes per second
  [[nodiscard]] Result<std::uint64_t> bandwidth() const;
  [[nodiscard]] Result<> must_be(json::Value::Kind kind) const;

 private:
  // The getters' errors start with the path already.
  [[nodiscard]] std::unexpected<Error> located(const Error& error) const;
  const std::string* file_;
  const json::Value* value_;
};

// ---- a section as a table of its keys
// ----------------------------------------------------------------------------
template <class T>
struct Field {
  std::string_view key;
  Result<> (*read)(const Entry& entry, T& into);  // nullptr: a key of a later version
};

namespace detail {
template <class T, class M>
T owner_of(M T::*);
template <auto Member>
using Owner = decltype(owner_of(Member));
}  // namespace detail

template <auto Member>
Result<> text(const Entry& entry, detail::Owner<Member>& into) {
  into.*Member = TRY(entry.text());
  return {};
}

template <auto Member>
Result<> path(const Entry& entry, detail::Owner<Member>& into) {
  into.*Member = TRY(entry.path());
  return {};
}

template <auto Member>
Result<> boolean(const Entry& entry, detail::Owner<Member>& into) {
  into.*Member = TRY(entry.boolean());
  return {};
}

template <auto Member>
Result<> regex(const Entry& entry, detail::Owner<Member>& into) {
  into.*Member = TRY(entry.regex());
  return {};
}

// One or a list of them; "" = none.
template <auto Member>
Result<> patterns(const Entry& entry, detail::Owner<Member>& into) {
  into.*Member = TRY(entry.patterns());
  return {};
}

template <class E>
struct Choice {
  std::string_view name;
  E value;
};

template <class E>
Result<E> one_of(const Entry& entry, std::span<const Choice<E>> choices) {
  const std::string given = TRY(entry.text());
  std::string names;
  for (const Choice<E>& choice : choices) {
    if (choice.name == given) return choice.value;
    names += (names.empty() ? "\"" : ", \"") + std::string(choice.name) + "\"";
  }
  return entry.error("\"" + excerpt(given, 64) + "\" is none of " + names);
}

template <class T>
Result<> read_fields(const Entry& object, std::span<const Field<T>> fields, T& into) {
  TRY(object.must_be(json::Value::Kind::object));
  for (const auto& [key, value] : object.value().members()) {
    const Field<T>* known = nullptr;
    std::vector<std::string_view> names;
    for (const Field<T>& field : fields) {
      if (field.key == key) known = &field;
      if (field.read != nullptr) names.push_back(field.key);
    }
    const Entry entry = object.child(value);
    if (known == nullptr) {
      const std::string_view meant = nearest(key, names);
      return entry.error("unknown key" +
                         (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?"));
    }
    if (known->read == nullptr) return entry.error("not supported by this version");
    TRY(known->read(entry, into));
  }
  return {};
}

// "prefix.key" of all supported fields.
template <class T>
void list_keys(const std::string& prefix, std::span<const Field<T>> fields,
               std::vector<std::string>& out) {
  for (const Field<T>& field : fields) {
    if (field.read != nullptr) out.push_back(prefix + std::string(field.key));
  }
}

}  // namespace nodeproof::config

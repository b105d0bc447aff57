#include "common/toml.hpp"

// What is wrong with a document is a value, not an exception.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace nodeproof::toml {
namespace {

using Entry = std::pair<std::string_view, const ::toml::node*>;

// toml++ sorts by key; who comes first in the file matters to containerd's hosts.
std::vector<Entry> in_order(const ::toml::table& table) {
  std::vector<Entry> entries;
  for (const auto& [key, node] : table) entries.emplace_back(key.str(), &node);
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    const auto& left = a.second->source().begin;
    const auto& right = b.second->source().begin;
    return std::pair(left.line, left.column) < std::pair(right.line, right.column);
  });
  return entries;
}

template <class Time>
std::string text_of(const Time& time) {
  std::ostringstream out;
  out << time;
  return out.str();
}

bool write(json::Writer& writer, const ::toml::node& node, std::size_t depth);  // false: too deep

bool write_table(json::Writer& writer, const ::toml::table& table, std::size_t depth) {
  writer.begin_object();
  bool fits = true;
  for (const auto& [key, node] : in_order(table)) {
    writer.key(key);
    fits = write(writer, *node, depth) && fits;
  }
  writer.end_object();
  return fits;
}

bool write_array(json::Writer& writer, const ::toml::array& array, std::size_t depth) {
  writer.begin_array();
  bool fits = true;
  for (const auto& node : array) fits = write(writer, node, depth) && fits;
  writer.end_array();
  return fits;
}

// NOLINTNEXTLINE(misc-no-recursion): the depth is bounded
bool write(json::Writer& writer, const ::toml::node& node, std::size_t depth) {
  if (depth == 0) {
    writer.null();
    return false;
  }
  if (const auto* table = node.as_table()) return write_table(writer, *table, depth - 1);
  if (const auto* array = node.as_array()) return write_array(writer, *array, depth - 1);
  if (const auto* text = node.as_string()) {
    writer.string(text->get());
  } else if (const auto* integer = node.as_integer()) {
    writer.integer(integer->get());
  } else if (const auto* real = node.as_floating_point()) {
    writer.real(real->get());
  } else if (const auto* boolean = node.as_boolean()) {
    writer.boolean(boolean->get());
  } else if (const auto* date = node.as_date()) {
    writer.string(text_of(date->get()));
  } else if (const auto* time = node.as_time()) {
    writer.string(text_of(time->get()));
  } else if (const auto* moment = node.as_date_time()) {
    writer.string(text_of(moment->get()));
  }
  return true;
}

}  // namespace

Result<json::Value> parse(std::string_view text, const json::ParseOptions& options) {
  if (text.size() > options.max_bytes) {
    return fail(Errc::too_large,
                "the document is larger than " + std::to_string(options.max_bytes) + " bytes");
  }
  const auto parsed = ::toml::parse(text);
  if (!parsed) {
    const auto& error = parsed.error();
    return fail(Errc::invalid_document, "line " + std::to_string(error.source().begin.line) + ": " +
                                            std::string(error.description()));
  }
  json::Writer writer;
  if (!write(writer, parsed.table(), options.max_depth)) {
    return fail(Errc::too_large,
                "nested deeper than " + std::to_string(options.max_depth) + " levels");
  }
  return json::parse(writer.str(), {.max_bytes = 8 * options.max_bytes,
                                    .max_depth = options.max_depth,
                                    .max_values = options.max_values,
                                    .refuse_case_variants = options.refuse_case_variants});
}

}  // namespace nodeproof::toml

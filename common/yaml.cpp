#include "common/yaml.hpp"

#include <yaml.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace nodeproof::yaml {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

// A JSON document in the making whose values stand in the lines of the YAML they come from.
class LinedJson {
 public:
  // `line`: 0-based
  void begin(std::size_t line, bool mapping) {
    separate(line);
    text_ += mapping ? '{' : '[';
    empty_ = true;
  }
  void end(bool mapping) {
    text_ += mapping ? '}' : ']';
    empty_ = false;
  }
  void key(std::size_t line, std::string_view name) {
    separate(line);
    text_ += quoted(name) + ':';
    empty_ = true;  // its value follows without a comma
  }
  void value(std::size_t line, std::string_view json) {
    separate(line);
    text_ += json;
  }
  [[nodiscard]] static std::string quoted(std::string_view text) {
    return json::Writer().string(text).str();
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void separate(std::size_t line) {
    if (!empty_) text_ += ',';
    empty_ = false;
    for (; line_ < line; ++line_) text_ += '\n';
  }

  std::string text_;
  std::size_t line_ = 0;
  bool empty_ = true;  // nothing stands before that a comma would part
};

// libyaml's parser, with what was found written as JSON while it goes.
class Reader {
 public:
  explicit Reader(std::string_view text) {
    yaml_parser_initialize(&parser_);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): libyaml's own type for bytes
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    yaml_parser_set_input_string(&parser_, bytes, text.size());
  }
  ~Reader() {
    drop_event();
    yaml_parser_delete(&parser_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<std::string> run(const json::ParseOptions& options) {
    for (;;) {
      TRY(next());
      if (event_.type == YAML_STREAM_END_EVENT) break;
      TRY(take(options));
    }
    if (documents_ == 0) json_.value(0, "null");
    return json_.take();
  }

 private:
  struct Open {
    bool mapping = false;
    bool key_comes = false;  // in a mapping: the next scalar is a key
  };

  void drop_event() {
    if (has_event_) yaml_event_delete(&event_);
    has_event_ = false;
  }

  Result<> next() {
    drop_event();
    if (yaml_parser_parse(&parser_, &event_) == 0) {
      const std::string problem = parser_.problem == nullptr ? "no YAML" : parser_.problem;
      const bool unreadable = parser_.error == YAML_READER_ERROR;  // has no mark of its own
      const auto line = (unreadable ? parser_.mark.line : parser_.problem_mark.line) + 1;
      return fail(Errc::invalid_document, "line " + std::to_string(line) + ": " + problem);
    }
    has_event_ = true;
    return {};
  }

  [[nodiscard]] std::unexpected<Error> refuse(const std::string& why,
                                              Errc code = Errc::invalid_document) const {
    return fail(code, "line " + std::to_string(event_.start_mark.line + 1) + ": " + why);
  }

  Result<> take(const json::ParseOptions& options) {
    switch (event_.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1) return refuse("a second document");
        return {};
      case YAML_ALIAS_EVENT:
        return refuse("aliases (*name) are not read", Errc::unsupported);
      case YAML_SCALAR_EVENT:
        return scalar();
      case YAML_SEQUENCE_START_EVENT:
      case YAML_MAPPING_START_EVENT:
        return begin(event_.type == YAML_MAPPING_START_EVENT, options);
      case YAML_SEQUENCE_END_EVENT:
        json_.end(false);
        end_of_value_after_pop();
        return {};
      case YAML_MAPPING_END_EVENT:
        json_.end(true);
        end_of_value_after_pop();
        return {};
      default:
        return {};
    }
  }

  Result<> begin(bool mapping, const json::ParseOptions& options) {
    if (!open_.empty() && open_.back().key_comes) return refuse("a key that is no scalar");
    if (open_.size() >= options.max_depth) return refuse("nested too deeply", Errc::too_large);
    open_.push_back({.mapping = mapping, .key_comes = mapping});
    json_.begin(event_.start_mark.line, mapping);
    return {};
  }

  void end_of_value_after_pop() {
    open_.pop_back();
    end_of_value();
  }
  void end_of_value() {
    if (!open_.empty() && open_.back().mapping) open_.back().key_comes = true;
  }

  Result<> scalar() {
    const auto& scalar = event_.data.scalar;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): libyaml's own type for bytes
    const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    if (!open_.empty() && open_.back().key_comes) {
      if (text == "<<") return refuse("merge keys (<<) are not read", Errc::unsupported);
      json_.key(event_.start_mark.line, text);
      open_.back().key_comes = false;
      return {};
    }
    if (scalar.tag != nullptr) return refuse("a tag (!name) is not read");
    const bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
    json_.value(event_.start_mark.line, plain ? json_of_plain(text) : LinedJson::quoted(text));
    end_of_value();
    return {};
  }

  // The core schema's null, true, false and decimal numbers; all else is a string.
  static std::string json_of_plain(std::string_view text) {
    if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return "null";
    if (is_one_of(text, {"true", "True", "TRUE"})) return "true";
    if (is_one_of(text, {"false", "False", "FALSE"})) return "false";
    const bool number = text.find_first_not_of("-+.eE0123456789") == std::string_view::npos;
    return number && json::is_valid(text) ? std::string(text) : LinedJson::quoted(text);
  }

  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool has_event_ = false;
  LinedJson json_;
  std::vector<Open> open_;
  int documents_ = 0;
};

}  // namespace

Result<json::Value> parse(std::string_view text, const json::ParseOptions& options) {
  if (text.size() > options.max_bytes) {
    return fail(Errc::too_large,
                "the document is larger than " + std::to_string(options.max_bytes) + " bytes");
  }
  const std::string found = TRY(Reader(text).run(options));
  return json::parse(found, {.max_bytes = 8 * options.max_bytes,
                             .max_depth = options.max_depth,
                             .max_values = options.max_values,
                             .refuse_case_variants = options.refuse_case_variants});
}

}  // namespace nodeproof::yaml

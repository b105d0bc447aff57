#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <unordered_set>

#include "common/json.hpp"
#include "common/words.hpp"

namespace nodeproof::json {
namespace {

// Iterative: RapidJSON's default parser recurses, and the input chooses how deep.
constexpr unsigned kStrict = rapidjson::kParseIterativeFlag |
                             rapidjson::kParseValidateEncodingFlag |
                             rapidjson::kParseNumbersAsStringsFlag;
constexpr std::size_t kMaxPath = 200;     // bytes of a path in messages
constexpr std::size_t kMaxPathStep = 80;  // bytes of a key in a path
constexpr std::size_t kFirstLine = 1;

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// RapidJSON decodes the escape of a lone low surrogate to bytes that are no UTF-8.
bool has_surrogate(std::string_view text) {
  for (std::size_t at = text.find('\xED'); at != std::string_view::npos;
       at = text.find('\xED', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) return true;
  }
  return false;
}

std::string limit_path(std::string path) {
  if (path.size() <= kMaxPath) return path;
  return valid_utf8(path.substr(0, kMaxPath / 2)) + "..." +
         valid_utf8(path.substr(path.size() - kMaxPath / 2));
}

bool is_plain(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string member_path(const std::string& parent, std::string_view key) {
  return limit_path(is_plain(key) && key.size() <= kMaxPathStep
                        ? parent + "." + std::string(key)
                        : parent + "[\"" + excerpt(key, kMaxPathStep) + "\"]");
}

}  // namespace

// Receives RapidJSON's events; answering false ends the parse, with the reason in error().
class TreeBuilder {
 public:
  TreeBuilder(std::string_view text, const rapidjson::MemoryStream& stream,
              const ParseOptions& options)
      : text_(text), stream_(stream), options_(options) {}

  bool Null() { return add(Value::Kind::null, {}); }
  bool Bool(bool boolean) {
    if (!add(Value::Kind::boolean, {})) return false;
    last_->boolean_ = boolean;
    return true;
  }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return add(Value::Kind::number, {text, length});
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    if (has_surrogate({text, length})) return refuse_surrogate();
    return add(Value::Kind::string, {text, length});
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    Open& open = open_.back();
    open.key.assign(text, length);
    if (has_surrogate(open.key)) return refuse_surrogate();
    const bool fold = options_.refuse_case_variants;
    if (open.seen.insert(fold ? fold_case(open.key) : open.key).second) return true;
    return refuse(Errc::invalid_document,
                  open.value.path_ + ": the key \"" + excerpt(open.key, kMaxPathStep) +
                      "\" appears twice" +
                      (fold ? " (upper and lower case count as the same)" : ""));
  }
  bool StartObject() { return start(Value::Kind::object); }
  bool EndObject(rapidjson::SizeType) { return end(); }
  bool StartArray() { return start(Value::Kind::array); }
  bool EndArray(rapidjson::SizeType) { return end(); }
  // Numbers come as text, so these are never called.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  Value take_root() { return std::move(root_); }

 private:
  struct Open {  // an object or array that is not complete yet
    Value value;
    std::string key;  // of the member that comes next
    std::unordered_set<std::string> seen;
  };

  bool add(Value::Kind kind, std::string_view text) {
    if (++values_ > options_.max_values) {
      return refuse(Errc::too_large,
                    "more than " + std::to_string(options_.max_values) + " values");
    }
    Value value;
    value.kind_ = kind;
    value.text_ = text;
    value.line_ = current_line();
    if (!open_.empty()) value.path_ = path_of_next();
    last_ = place(std::move(value));
    return true;
  }
  bool start(Value::Kind kind) {
    if (open_.size() >= options_.max_depth) {
      return refuse(Errc::too_large,
                    "nested deeper than " + std::to_string(options_.max_depth) + " levels");
    }
    if (!add(kind, {})) return false;
    last_->begin_ = stream_.Tell();  // the bracket is taken after this event, also at the end
    open_.push_back({std::move(*last_), {}, {}});
    return true;
  }
  bool end() {
    Open open = std::move(open_.back());
    open_.pop_back();
    open.value.end_ = stream_.Tell() + 1;
    Value& slot = open_.empty() ? root_ : last_item();
    slot = std::move(open.value);
    return true;
  }
  Value* place(Value value) {
    if (open_.empty()) return &(root_ = std::move(value));
    Value& parent = open_.back().value;
    if (parent.kind_ == Value::Kind::array) return &parent.items_.emplace_back(std::move(value));
    return &parent.members_.emplace_back(std::move(open_.back().key), std::move(value)).second;
  }
  Value& last_item() {
    Value& parent = open_.back().value;
    return parent.kind_ == Value::Kind::array ? parent.items_.back()
                                              : parent.members_.back().second;
  }
  [[nodiscard]] std::string path_of_next() const {
    const Open& open = open_.back();
    if (open.value.kind_ == Value::Kind::object) return member_path(open.value.path_, open.key);
    return limit_path(open.value.path_ + "[" + std::to_string(open.value.items_.size()) + "]");
  }
  // The stream stands behind the token; tokens do not span lines.
  std::size_t current_line() {
    const std::size_t here = std::min(stream_.Tell(), text_.size());
    line_ += count_lines(text_.substr(counted_, here - counted_));
    counted_ = here;
    return line_;
  }
  bool refuse(Errc code, std::string message) {
    error_ = Error{code, "line " + std::to_string(current_line()) + ": " + std::move(message), {}};
    return false;
  }

  bool refuse_surrogate() {
    return refuse(Errc::invalid_document, "a surrogate escape without its partner");
  }

  std::string_view text_;
  const rapidjson::MemoryStream& stream_;
  const ParseOptions& options_;
  std::vector<Open> open_;
  Value root_;
  Value* last_ = nullptr;
  std::size_t values_ = 0, counted_ = 0, line_ = kFirstLine;
  std::optional<Error> error_;
};

namespace {

struct Checker : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Checker> {
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return !has_surrogate({text, length});
  }
};

using Reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>>;

Error syntax_error(std::string_view text, const rapidjson::ParseResult& result) {
  const std::size_t offset = std::min(result.Offset(), text.size());
  const std::size_t line = kFirstLine + count_lines(text.substr(0, offset));
  std::string words = rapidjson::GetParseError_En(result.Code());
  if (words.ends_with('.')) words.pop_back();
  return {Errc::invalid_document,
          "line " + std::to_string(line) + ": this is not JSON (" + words + ")",
          {}};
}

// RapidJSON takes a NUL between tokens for the end and would ignore what follows.
std::optional<Error> stray_nul(std::string_view text) {
  const std::size_t at = text.find('\0');
  if (at == std::string_view::npos) return {};
  const std::size_t line = kFirstLine + count_lines(text.substr(0, at));
  return Error{Errc::invalid_document, "line " + std::to_string(line) + ": a NUL character", {}};
}

}  // namespace

Result<Value> parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_bytes) {
    return fail(Errc::too_large,
                "the document is larger than " + std::to_string(options.max_bytes) + " bytes");
  }
  if (auto error = stray_nul(text)) return std::unexpected(*std::move(error));
  rapidjson::MemoryStream stream(text.data(), text.size());
  TreeBuilder builder(text, stream, options);
  Reader reader;
  const rapidjson::ParseResult result =
      options.comments ? reader.Parse < kStrict | rapidjson::kParseCommentsFlag > (stream, builder)
                       : reader.Parse<kStrict>(stream, builder);
  if (builder.error()) return std::unexpected(*builder.error());
  if (result.IsError()) return std::unexpected(syntax_error(text, result));
  return builder.take_root();
}

bool is_valid(std::string_view text) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  Checker ignore;
  return !text.contains('\0') && !Reader().Parse<kStrict>(stream, ignore).IsError();
}

}  // namespace nodeproof::json

// Taking secrets out of text that is given away. It errs on the side of taking too much.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "common/json.hpp"
#include "common/pattern.hpp"

namespace nodeproof {

inline constexpr std::string_view kRedacted = "(redacted)";

// "password", "api_key", "registryToken", "auths", "header"; not what names a file of them:
// "password_file".
[[nodiscard]] bool names_secret(std::string_view key);

class Redactor {
 public:
  static Result<Redactor> make();

  // A secret by itself; one of fewer than 4 bytes would take half of every text with it.
  void learn(std::string_view secret);
  // All that a document says below keys that name secrets, what stands in its URLs before the "@",
  // and what is behind the colon in base64 there.
  void learn(const json::Value& document);

  // Without what was learnt; without passwords and queries in URLs, Authorization headers, bearer
  // tokens, private keys, and what is assigned to names that mean secrets.
  [[nodiscard]] std::string text(std::string_view text) const;
  // The document as JSON with every string treated so, and what is below secret keys left out.
  // Of a command line ("args") the first word stays, environments keep their names.
  [[nodiscard]] std::string document(const json::Value& document) const;

 private:
  Redactor() = default;
  struct Rule {
    Pattern pattern;
    std::string replacement;
  };
  [[nodiscard]] std::string by_looks(std::string clean) const;
  void write(json::Writer& writer, const json::Value& value, std::string_view key) const;
  void write_items(json::Writer& writer, const json::Value& value, std::string_view key) const;
  void learn_below(const json::Value& value, bool secret);
  void learn_values(const json::Value& environment);
  void learn_arguments(const json::Value& command);
  void learn_string(const std::string& text, bool secret);

  std::vector<Rule> rules_;
  std::vector<std::string> secrets_;  // longest first
};

}  // namespace nodeproof

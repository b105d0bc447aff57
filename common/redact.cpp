#include "common/redact.hpp"

#include <algorithm>
#include <array>

#include "common/crypto.hpp"
#include "common/words.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kShortestSecret = 4;
constexpr std::size_t kLikelySecret = 8;

constexpr std::array kSecretParts = {"passw",      "passphrase",  "secret",        "token",
                                     "credential", "apikey",      "api_key",       "api-key",
                                     "privatekey", "private_key", "authorization", "_pass",
                                     "_pwd",       "cookie",      "auth_key",      "auth-key"};
constexpr std::array kSecretKeys = {"auth", "auths", "header", "headers", "stdin"};
// Who logs in is no secret, and often a word of our own: "node".
constexpr std::array kPublicKeys = {"username", "user", "email"};
constexpr std::array kCommandKeys = {"args", "before", "after"};
constexpr std::array kFileEndings = {"_file", "_dir", "_path", "_config"};

struct RuleText {
  const char* expression;
  const char* replacement;
};

// In this order: what a rule leaves is seen by the next.
constexpr RuleText kRules[] = {
    {R"((?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z))",
     "(redacted)"},
    {R"(([A-Za-z][A-Za-z0-9+.-]*://)[^\s"'<>]*@)", "${1}(redacted)@"},
    {R"((https?://[^\s"'<>?]*|(?:^|[\s"'=(,])/[^\s"'<>?]*)\?[^\s"'<>]*)", "${1}?(redacted)"},
    {R"((?i)(authorization["']?\s*[:=]\s*)[^\r\n]*)", "${1}(redacted)"},
    {R"((?i)(cookie["']?\s*[:=]\s*)[^\r\n]*)", "${1}(redacted)"},
    {R"(\b(?:gh[pousr]_|github_pat_|glpat-|dckr_pat_)[A-Za-z0-9_-]{8,}|\bAKIA[0-9A-Z]{16}\b)",
     "(redacted)"},
    {R"((?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,})", "${1} (redacted)"},
    {R"(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+)", "(redacted)"},
    {R"((?i)([A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|auth[_-]key|credential|[_-](?:pass|pwd))[A-Za-z0-9_.-]*["']?\s*[=:]\s*)(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;}&"']+))",
     "${1}(redacted)"},
    {R"((?i)(\bauths?["']?\s*[=:]\s*)(?:"[^"\n]*"|'[^'\n]*'|[^\s,;}&"']+))", "${1}(redacted)"},
    {R"((?i)(--?[a-z0-9-]*(?:passw(?:or)?d|token|secret|api-?key)[a-z0-9-]*[ =]+)[^\s"']+)",
     "${1}(redacted)"},
};

void replace_all(std::string& text, const std::string& what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;
       at += kRedacted.size()) {
    text.replace(at, what.size(), kRedacted);
  }
}

std::string name_of_variable(const std::string& assignment) {
  return assignment.substr(0, assignment.find('='));
}

}  // namespace

bool names_secret(std::string_view key) {
  const std::string name = fold_case(key);
  if (std::ranges::any_of(kFileEndings, [&](const char* end) { return name.ends_with(end); })) {
    return false;
  }
  return std::ranges::find(kSecretKeys, name) != kSecretKeys.end() ||
         std::ranges::any_of(
             kSecretParts, [&](const char* part) { return name.find(part) != std::string::npos; });
}

Result<Redactor> Redactor::make() {
  Redactor redactor;
  redactor.rules_.reserve(std::size(kRules));
  for (const RuleText& rule : kRules) {
    redactor.rules_.push_back({TRY(Pattern::compile(rule.expression)), rule.replacement});
  }
  return redactor;
}

void Redactor::learn(std::string_view secret) {
  if (secret.size() < kShortestSecret) return;
  if (std::ranges::find(secrets_, secret) != secrets_.end()) return;
  const auto longer = [&](const std::string& other) { return other.size() > secret.size(); };
  secrets_.emplace(std::ranges::find_if_not(secrets_, longer), secret);
}

void Redactor::learn(const json::Value& document) { learn_below(document, false); }

void Redactor::learn_below(const json::Value& value, bool secret) {
  if (value.kind() == json::Value::Kind::string || value.kind() == json::Value::Kind::number) {
    learn_string(value.word().value_or(""), secret);
  }
  for (const json::Value& item : value.items()) learn_below(item, secret);
  for (const auto& [key, member] : value.members()) {
    const bool is_public = std::ranges::find(kPublicKeys, key) != kPublicKeys.end();
    learn_below(member, !is_public && (secret || names_secret(key)));
    if (key == "env") learn_values(member);
    if (std::ranges::find(kCommandKeys, key) != kCommandKeys.end()) learn_arguments(member);
  }
}

// Of a command: a report quotes it. The first word is the program.
void Redactor::learn_arguments(const json::Value& command) {
  bool first = true;
  for (const json::Value& item : command.items()) {
    if (item.kind() == json::Value::Kind::array) {
      learn_arguments(item);
      continue;
    }
    const std::string word = item.string().value_or("");
    if (!first && word.size() >= kLikelySecret) learn(word);
    first = false;
  }
}

// Of an environment, whatever the names are: what is long enough to be a secret.
void Redactor::learn_values(const json::Value& environment) {
  for (const json::Value& item : environment.items()) {
    const std::string text = item.string().value_or("");
    const std::string value = text.substr(std::min(text.find('=') + 1, text.size()));
    if (value.size() >= kLikelySecret) learn(value);
  }
}

void Redactor::learn_string(const std::string& text, bool secret) {
  const std::size_t scheme = text.find("://");
  const std::size_t at = text.rfind('@');
  if (scheme != std::string::npos && at != std::string::npos && at > scheme) {
    const std::string user_info = text.substr(scheme + 3, at - scheme - 3);
    learn(user_info.substr(user_info.find(':') + 1));
  }
  // "TOKEN=abc" of an environment.
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos && names_secret(std::string_view(text).substr(0, equals))) {
    learn(std::string_view(text).substr(equals + 1));
  }
  if (!secret) return;
  learn(text);
  const std::size_t space = text.rfind(' ');  // "Bearer abc"
  const std::string last = space == std::string::npos ? text : text.substr(space + 1);
  learn(last);
  const auto decoded = base64_decode(last);
  if (!decoded) return;
  if (const std::size_t colon = decoded->find(':'); colon != std::string::npos) {
    learn(std::string_view(*decoded).substr(colon + 1));
  }
}

std::string Redactor::text(std::string_view text) const {
  std::string clean(text);
  for (const std::string& secret : secrets_) replace_all(clean, secret);
  return by_looks(std::move(clean));
}

std::string Redactor::by_looks(std::string clean) const {
  for (const Rule& rule : rules_) {
    auto replaced = rule.pattern.replaced_in(clean, rule.replacement);
    clean = replaced ? *std::move(replaced) : std::string(kRedacted);
  }
  return clean;
}

std::string Redactor::document(const json::Value& document) const {
  json::Writer writer(true);
  write(writer, document, "");
  return writer.str();
}

void Redactor::write(json::Writer& writer, const json::Value& value, std::string_view key) const {
  using Kind = json::Value::Kind;
  const Kind kind = value.kind();
  if (kind == Kind::null) {
    writer.null();
  } else if (kind == Kind::boolean) {
    writer.boolean(value.boolean().value_or(false));
  } else if (names_secret(key)) {
    writer.string(kRedacted);
  } else if (kind == Kind::number) {
    writer.raw(value.word().value_or("null"));
  } else if (kind == Kind::string) {
    writer.string(text(value.string().value_or("")));
  } else if (kind == Kind::array) {
    write_items(writer, value, key);
  } else {
    writer.begin_object();
    for (const auto& [name, member] : value.members()) {
      write(writer.key(by_looks(name)), member, name);
    }
    writer.end_object();
  }
}

void Redactor::write_items(json::Writer& writer, const json::Value& value,
                           std::string_view key) const {
  const bool commands = key == "before" || key == "after";
  bool first = true;
  writer.begin_array();
  for (const json::Value& item : value.items()) {
    if (key == "env") {
      writer.string(name_of_variable(item.string().value_or("")) + "=" + std::string(kRedacted));
    } else if (key == "args" && !first) {
      writer.string(kRedacted);
    } else {
      write(writer, item, commands ? "args" : "");
    }
    first = false;
  }
  writer.end_array();
}

}  // namespace nodeproof

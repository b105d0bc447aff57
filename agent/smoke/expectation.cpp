#include "agent/smoke/expectation.hpp"

#include <algorithm>
#include <string_view>

#include "agent/smoke/normalise.hpp"
#include "common/crypto.hpp"
#include "common/pattern.hpp"
#include "common/text.hpp"
#include "common/words.hpp"

namespace nodeproof::smoke {
namespace {

struct Stream {
  std::string_view name, text;
  bool cut;  // text is not the whole of it
};

Mismatch not_known(const Stream& stream, std::string_view expression) {
  return {.reason = "whether its " + std::string(stream.name) + " matches " +
                    printable(expression, 200) +
                    " is not known: it is longer than what is kept of it, its start and its end",
          .text = std::string(stream.text),
          .unknown = true,
          .remedy = "let the test write less"};
}

Mismatch not_an_expression(const Stream& stream, const Error& error) {
  return {.reason = "its " + std::string(stream.name) + " cannot be judged: " + error.message,
          .text = {},
          .unknown = true,
          .remedy = error.remedy};
}

// The line that the expression is found in; the whole text when it takes several.
std::string line_with(const Pattern& pattern, std::string_view text) {
  for (std::string_view left = text; !left.empty();) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    if (pattern.found_in(left.substr(0, end))) return std::string(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return std::string(text);
}

std::optional<Mismatch> missing(const Stream& stream, const std::vector<std::string>& all) {
  for (const std::string& expression : all) {
    const auto pattern = Pattern::compile(expression);
    if (!pattern) return not_an_expression(stream, pattern.error());
    if (pattern->found_in(stream.text)) continue;
    if (stream.cut) return not_known(stream, expression);
    return Mismatch{
        "its " + std::string(stream.name) + " does not match " + printable(expression, 200),
        std::string(stream.text)};
  }
  return std::nullopt;
}

std::optional<Mismatch> unwanted(const Stream& stream, const std::vector<std::string>& none) {
  for (const std::string& expression : none) {
    const auto pattern = Pattern::compile(expression);
    if (!pattern) return not_an_expression(stream, pattern.error());
    if (pattern->found_in(stream.text)) {
      return Mismatch{"its " + std::string(stream.name) + " matches " + printable(expression, 200) +
                          ", which it must not",
                      line_with(*pattern, stream.text)};
    }
    if (stream.cut) return not_known(stream, expression);
  }
  return std::nullopt;
}

std::optional<Mismatch> wrong_digest(const std::string& wanted, const RunRecord& record) {
  if (wanted.empty()) return std::nullopt;
  const std::string found = normalised_sha256(record);
  if (found == wanted) return std::nullopt;
  if (found.empty()) {
    return Mismatch{"the digest of its output is not known: it is longer than what is kept of it",
                    record.out, true, "let the test write less"};
  }
  return Mismatch{"its output is not the expected one: normalised, its SHA-256 is " + found,
                  record.out};
}

}  // namespace

std::optional<Mismatch> output_mismatch(const SmokeExpectation& expect, const RunRecord& record) {
  const Stream out{"output", record.out, record.out_cut};
  const Stream err{"error output", record.err, record.err_cut};
  if (auto found = missing(out, expect.stdout_matches)) return found;
  if (auto found = missing(err, expect.stderr_matches)) return found;
  if (auto found = unwanted(out, expect.stdout_excludes)) return found;
  if (auto found = unwanted(err, expect.stderr_excludes)) return found;
  return wrong_digest(expect.stdout_sha256, record);
}

std::optional<Mismatch> body_mismatch(const std::string& body, const ServiceRecord& service) {
  if (body.empty()) return std::nullopt;
  return missing({"answer", service.body, service.body_cut}, {body});
}

bool as_expected(const PlannedRun& test, const RunRecord& record) {
  if (output_mismatch(test.expect, record)) return false;
  if (!test.service) return record.state == RunState::exited && record.exit == test.expect.exit;
  return record.service && record.service->state == ServiceState::up && record.service->stopped &&
         !body_mismatch(test.service->http_body, *record.service);
}

std::string normalised_sha256(const RunRecord& record) {
  if (record.state == RunState::not_started || record.out_cut) return {};
  const std::string text = valid_utf8(record.out);
  // On its way to the host what is no UTF-8 was replaced: the digest of the bytes tells.
  if (hash_of(as_bytes(text)).hex() != record.stdout_sha256) return record.stdout_sha256;
  return std::string(hash_of(as_bytes(normalise_output(text))).hex());
}

}  // namespace nodeproof::smoke

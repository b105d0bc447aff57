#include "agent/report/cycle_stream.hpp"

#include <array>

#include "agent/json_read.hpp"
#include "agent/model_json.hpp"
#include "agent/report/json.hpp"

namespace nodeproof::report {
namespace {

constexpr std::array kPhases = {Phase::resolve, Phase::pull,  Phase::unpack,
                                Phase::inspect, Phase::smoke, Phase::done};

Result<Progress> read_progress(const json::Value& value) {
  Progress progress;
  TRY(json::read(value, "image", progress.image));
  TRY(json::read(value, "done", progress.done));
  TRY(json::read(value, "total", progress.total));
  const std::string word = TRY(value.string_or("phase", "resolve"));
  for (const Phase phase : kPhases) {
    if (to_string(phase) == word) progress.phase = phase;
  }
  return progress;
}

// The code travels as its word, and comes back as what a caller decides by.
Result<Error> read_error(const json::Value& value) {
  Error error;
  const std::string word = TRY(value.string_or("code", ""));
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
    if (to_string(static_cast<Errc>(code)) == word) error.code = static_cast<Errc>(code);
  }
  TRY(json::read(value, "message", error.message));
  TRY(json::read(value, "remedy", error.remedy));
  return error;
}

}  // namespace

std::string stream_line(const Progress& progress) {
  json::Writer out;
  out.begin_object().key("progress").begin_object();
  out.member("image", progress.image);
  out.member("phase", to_string(progress.phase));
  out.member("done", progress.done);
  out.member("total", progress.total);
  out.end_object().end_object();
  return out.str() + '\n';
}

std::string stream_line(const NodeReport& report) {
  json::Writer out;
  out.begin_object().key("report").raw(to_json(report, false)).end_object();
  return out.str() + '\n';
}

std::string stream_line(const Error& error) {
  json::Writer out;
  out.begin_object().key("error").begin_object();
  out.member("code", to_string(error.code));
  out.member("message", error.message);
  out.member("remedy", error.remedy);
  out.end_object().end_object();
  return out.str() + '\n';
}

Result<StreamEvent> parse_stream_line(std::string_view line) {
  constexpr std::string_view kReport = R"({"report":)";
  if (line.starts_with(kReport) && line.ends_with('}')) {  // the document parses itself
    line.remove_prefix(kReport.size());
    line.remove_suffix(1);
    return StreamEvent(TRY(from_json(line)));
  }
  const json::Value document = TRY(json::parse(line));
  if (const json::Value* progress = document.find("progress")) {
    return StreamEvent(TRY(read_progress(*progress)));
  }
  if (const json::Value* error = document.find("error"))
    return StreamEvent(TRY(read_error(*error)));
  return fail(Errc::invalid_document, "neither progress nor report nor error");
}

}  // namespace nodeproof::report

#include "agent/report/cycle_stream.hpp"

#include <chrono>

#include "agent/json_read.hpp"
#include "agent/model_json.hpp"
#include "agent/report/json.hpp"
#include "agent/report/progress_json.hpp"

namespace nodeproof::report {
namespace {

// Only a pull has a pace.
void write_pace(json::Writer& out, const Progress& progress) {
  out.member("rate", progress.pace.rate);
  if (progress.pace.left) out.member("left", progress.pace.left->count());
  out.member("still", progress.still.count());
  out.member("allDone", progress.all_done);
  out.member("allTotal", progress.all_total);
  out.member("allRate", progress.all_pace.rate);
  if (progress.all_pace.left) out.member("allLeft", progress.all_pace.left->count());
}

Result<Progress> read_progress(const json::Value& value) {
  Progress progress;
  const json::Value* image = TRY(value.at("image"));
  progress.image = TRY(image->string());
  // A child of a newer version may know more phases: no reason to lose its cycle.
  progress.phase = read_phase(value).value_or(Phase::resolve);
  TRY(json::read(value, "done", progress.done));
  TRY(json::read(value, "total", progress.total));
  TRY(json::read(value, "rate", progress.pace.rate));
  progress.pace.left = TRY(read_seconds(value, "left"));
  progress.still = TRY(read_seconds(value, "still")).value_or(std::chrono::seconds(0));
  TRY(json::read(value, "allDone", progress.all_done));
  TRY(json::read(value, "allTotal", progress.all_total));
  TRY(json::read(value, "allRate", progress.all_pace.rate));
  progress.all_pace.left = TRY(read_seconds(value, "allLeft"));
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
  if (progress.phase == Phase::pull) write_pace(out, progress);
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

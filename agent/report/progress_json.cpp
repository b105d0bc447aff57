#include "agent/report/progress_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/json_read.hpp"
#include "agent/model_json.hpp"

namespace nodeproof::report {
namespace {

constexpr std::array kPhases = {Phase::resolve, Phase::pull,  Phase::unpack,
                                Phase::inspect, Phase::smoke, Phase::done};
constexpr std::uint64_t kLongest = 1'000'000'000;  // seconds

void write_pace(json::Writer& out, const Pace& pace) {
  out.member("bytesPerSecond", pace.rate);
  if (pace.left) out.member("secondsLeft", pace.left->count());
}

Result<Pace> read_pace(const json::Value& value) {
  Pace pace;
  TRY(json::read(value, "bytesPerSecond", pace.rate));
  pace.left = TRY(read_seconds(value, "secondsLeft"));
  return pace;
}

void write_image(json::Writer& out, const Progress& image) {
  out.begin_object();
  out.member("image", image.image);
  out.member("phase", to_string(image.phase));
  if (image.phase == Phase::pull) {
    out.member("doneBytes", image.done);
    out.member("totalBytes", image.total);
    write_pace(out, image.pace);
    out.member("stalledSeconds", is_stalled(image) ? image.still.count() : 0);
  } else if (image.phase == Phase::unpack) {
    out.member("doneLayers", image.done);
    out.member("totalLayers", image.total);
  }
  out.end_object();
}

Result<Progress> read_image(const json::Value& value) {
  Progress image;
  TRY(json::read(value, "image", image.image));
  image.phase = TRY(read_phase(value));
  const bool bytes = image.phase == Phase::pull;
  TRY(json::read(value, bytes ? "doneBytes" : "doneLayers", image.done));
  TRY(json::read(value, bytes ? "totalBytes" : "totalLayers", image.total));
  image.pace = TRY(read_pace(value));
  image.still = TRY(read_seconds(value, "stalledSeconds")).value_or(std::chrono::seconds(0));
  return image;
}

}  // namespace

void write_cycle_progress(json::Writer& out, const CycleProgress& cycle) {
  const auto pulling = std::ranges::count(cycle.images, Phase::pull, &Progress::phase);
  out.begin_object().key("images").begin_array();
  for (const Progress& image : cycle.images) write_image(out, image);
  out.end_array().key("total").begin_object();
  out.member("images", cycle.seen);
  out.member("pulling", static_cast<std::uint64_t>(pulling));
  if (pulling > 0) {
    out.member("doneBytes", cycle.done);
    out.member("totalBytes", cycle.total);
    write_pace(out, cycle.pace);
  }
  out.end_object().end_object();
}

Result<std::optional<CycleProgress>> cycle_progress_from(std::string_view document) {
  const json::Value status = TRY(json::parse(document, {.max_bytes = 16U << 20U}));
  const json::Value* progress = status.find("progress");
  if (progress == nullptr) return std::optional<CycleProgress>();
  CycleProgress cycle;
  if (const json::Value* images = progress->find("images")) {
    for (const json::Value& item : images->items()) cycle.images.push_back(TRY(read_image(item)));
  }
  if (const json::Value* total = progress->find("total")) {
    TRY(json::read(*total, "images", cycle.seen));
    TRY(json::read(*total, "doneBytes", cycle.done));
    TRY(json::read(*total, "totalBytes", cycle.total));
    cycle.pace = TRY(read_pace(*total));
  }
  return cycle;
}

Result<Phase> read_phase(const json::Value& object) {
  if (auto word = object.at("phase"); !word) return std::unexpected(std::move(word).error());
  Phase phase = Phase::resolve;
  TRY(json::read_word<Phase>(object, "phase", kPhases, phase));
  return phase;
}

Result<std::optional<std::chrono::seconds>> read_seconds(const json::Value& object,
                                                         std::string_view key) {
  const json::Value* value = object.find(key);
  if (value == nullptr) return std::optional<std::chrono::seconds>();
  const std::uint64_t number = TRY(value->unsigned_integer());
  if (number > kLongest) return std::unexpected(value->wrong("a number of seconds"));
  return std::chrono::seconds(static_cast<std::int64_t>(number));
}

}  // namespace nodeproof::report

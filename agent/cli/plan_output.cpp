#include "agent/cli/plan_output.hpp"

#include <algorithm>

#include "agent/model_json.hpp"
#include "common/clock.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kLabel = 17;  // columns before the text

void line(std::string& out, std::string_view label, const std::string& text) {
  std::string left = "    " + std::string(label);
  left.resize(std::max(left.size() + 1, kLabel), ' ');
  out += left + printable(text, 2000) + '\n';
}

std::string_view outcome_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return "pullable";
    case Verdict::not_ready:
      return "not-pullable";
    case Verdict::unknown:
      break;
  }
  return "unknown";
}

double seconds_of(const PullReport& plan) {
  return static_cast<double>(plan.fetch) / static_cast<double>(plan.bandwidth);
}

void write_image(json::Writer& out, const PlannedImage& image) {
  const prepull::Forecast& forecast = image.forecast;
  out.begin_object().member("reference", image.reference).member("required", image.required);
  if (!image.origin.empty()) out.member("requiredBy", image.origin);
  out.member("platform", image.platform).member("indexDigest", image.index_digest);
  out.member("manifestDigest", image.manifest_digest).member("choice", image.choice);
  out.member("provenStays", image.proven_stays);
  out.member("layers", std::uint64_t{forecast.layers});
  out.member("unpackedLayers", std::uint64_t{forecast.unpacked_layers});
  out.member("bytes", forecast.bytes).member("fetchBytes", forecast.fetch);
  out.member("sharedBytes", forecast.shared).member("unpackedBytes", forecast.need.unpacked);
  out.member("unpackedFiles", forecast.need.files).member("estimated", forecast.need.estimated);
  if (image.deferred_until) out.member("deferredUntil", to_rfc3339(*image.deferred_until));
  out.member("credentials", image.credentials).member("tests", image.tests);
  write_findings(out.key("findings"), image.findings);
  out.end_object();
}

void write_place(json::Writer& out, const prepull::PlaceForecast& at) {
  out.begin_object().member("path", at.place.path).member("bytes", at.place.volume.bytes);
  out.member("freeBytes", at.place.volume.free_bytes).member("needBytes", at.need);
  out.member("keepFreeBytes", at.place.margin.bytes).member("keepFreeWhy", at.place.margin.why);
  out.end_object();
}

std::string fetch_text(const PlannedImage& image) {
  const prepull::Forecast& forecast = image.forecast;
  if (image.proven_stays) return "nothing: what is proven here stays";
  std::string text = forecast.fetch == 0 ? "nothing" : human_bytes(forecast.fetch);
  text += " of " + human_bytes(forecast.bytes);
  if (forecast.shared > 0) {
    text += "; " + human_bytes(forecast.shared) + " come with an image before it";
  }
  if (forecast.need.unpacked == 0) return text;
  return text + "; unpacked " + (forecast.need.estimated ? "about " : "") +
         human_bytes(forecast.need.unpacked);
}

std::string tests_text(const std::vector<std::string>& tests) {
  std::string text;
  for (const std::string& test : tests) text += (text.empty() ? "" : ", ") + test;
  return text.empty() ? "the loader's dry run" : text;
}

void findings(std::string& out, const std::vector<Finding>& all) {
  for (const Finding& finding : all) {
    if (finding.severity == Severity::info) continue;
    line(out, finding.code, finding.message);
    if (!finding.remedy.empty()) line(out, "", finding.remedy);
  }
}

void image_lines(std::string& out, const PlannedImage& image, const UtcOffset& offset) {
  out += "\n  " + printable(image.reference) + (image.required ? "" : "  (not required)") + '\n';
  if (image.proven_stays && image.manifest_digest.empty()) line(out, "fetch", fetch_text(image));
  if (!image.manifest_digest.empty()) {
    line(out, "takes", image.platform + "  " + image.manifest_digest);
    if (!image.proven_stays && image.forecast.layers > 0) {
      line(out, "here",
           std::to_string(image.forecast.unpacked_layers) + " of " +
               std::to_string(image.forecast.layers) + " layers unpacked");
    }
    if (image.proven_stays || image.forecast.layers > 0) line(out, "fetch", fetch_text(image));
  }
  if (image.deferred_until) {
    line(out, "when",
         "by the daemon from " + to_local_rfc3339(*image.deferred_until, offset) +
             " on (pull.windows, pull.start_jitter)");
  }
  if (!image.origin.empty()) line(out, "required by", image.origin);
  line(out, "credentials", image.credentials.empty() ? "none, anonymous" : image.credentials);
  line(out, "tests", tests_text(image.tests));
  findings(out, image.findings);
}

}  // namespace

std::string plan_json(const PullReport& plan) {
  json::Writer out(true);
  out.begin_object().member("apiVersion", "nodeproof.dev/v1").member("kind", "PullPlan");
  out.member("node", plan.node).member("time", to_rfc3339(plan.time));
  out.member("outcome", outcome_word(plan.verdict)).member("fetchBytes", plan.fetch);
  if (plan.bandwidth > 0) {
    out.member("bandwidth", plan.bandwidth).member("fetchSeconds", seconds_of(plan));
  }
  write_findings(out.key("findings"), plan.findings);
  out.key("volumes").begin_array();
  for (const prepull::PlaceForecast& at : plan.places) write_place(out, at);
  out.end_array().key("images").begin_array();
  for (const PlannedImage& image : plan.images) write_image(out, image);
  out.end_array().end_object();
  return out.str();
}

std::string plan_table(const PullReport& plan, const UtcOffset& offset) {
  std::string out = printable(plan.node.empty() ? "this node" : plan.node) + ": " +
                    std::to_string(plan.images.size()) + " image(s), " + human_bytes(plan.fetch) +
                    " to fetch";
  if (plan.bandwidth > 0) {
    out += ", " + human_seconds(seconds_of(plan)) + " at " + human_bytes(plan.bandwidth) + "/s";
  }
  out += '\n';
  findings(out, plan.findings);
  for (const PlannedImage& image : plan.images) image_lines(out, image, offset);
  out += '\n';
  for (const prepull::PlaceForecast& at : plan.places) {
    const Volume& volume = at.place.volume;
    out += printable(at.place.path) + ": " + human_bytes(at.need) + " needed, " +
           human_bytes(volume.free_bytes) + " of " + human_bytes(volume.bytes) + " free, " +
           human_bytes(at.place.margin.bytes) + " to stay free (" + at.place.margin.why + ")\n";
  }
  if (plan.places.empty()) out += "containerd's file systems are not to be seen from here\n";
  return out;
}

}  // namespace nodeproof::cli

// A report as somebody collected it, with what a fleet makes of it: signed or not, as page, metrics
// and SARIF.
#include "agent/report/attested.hpp"
#include "agent/report/fleet.hpp"
#include "agent/report/json.hpp"
#include "agent/report/metrics.hpp"
#include "agent/report/otlp.hpp"
#include "agent/report/sarif.hpp"
#include "common/bytes.hpp"
#include "tests/fakes/keys.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nodeproof;
  const std::string_view text = as_text(std::as_bytes(std::span(data, size)));
  auto report = report::from_json(text);
  if (!report) return 0;
  static const PublicKey key = *PublicKey::parse(fakes::kExamplePublicKey);
  const report::Viewing viewing{.now = report->time};
  static_cast<void>(report::to_prometheus(*report, {}, viewing));
  static_cast<void>(report::to_otlp(*report, {}, viewing));
  report::Collected collected{"x.json", *report, false};
  collected.attested = report::believe_attested(collected.report, text, {&key, 1});
  const report::FleetQuestion question{.now = report->time};
  static_cast<void>(report::to_table(report::survey({collected}, question), question));
  return 0;
}

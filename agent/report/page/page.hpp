// Reports as a page for people: one file without scripts and without anything from elsewhere, for
// any browser, narrow or wide, light or dark, on paper too. Strings from images, registries and
// nodes are inert in it. Below 200 KB whatever the report holds: the most severe comes first, and
// what is left out is counted.
#pragma once

#include <chrono>
#include <string>

#include "agent/model.hpp"
#include "agent/report/fleet.hpp"

namespace nodeproof::report {

struct PageMoment {
  std::chrono::system_clock::time_point now;
  bool cycle_under_way = false;
};

// A report from which a day has passed, or of a time that has not come, says nothing about now: the
// page's verdict is unknown then. Of a fresh one the page does not depend on the moment.
[[nodiscard]] std::string to_html(const NodeReport& report, const PageMoment& moment);

[[nodiscard]] std::string to_html(const Fleet& fleet, const FleetQuestion& question);

}  // namespace nodeproof::report

// What a cycle's child process tells its supervisor: NDJSON, progress lines and then one report.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "agent/model.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

// Each is one line with its newline.
[[nodiscard]] std::string stream_line(const Progress& progress);
[[nodiscard]] std::string stream_line(const NodeReport& report);
// Why there is no report: {"error": {"code", "message", "remedy"}}.
[[nodiscard]] std::string stream_line(const Error& error);

using StreamEvent = std::variant<Progress, NodeReport, Error>;

Result<StreamEvent> parse_stream_line(std::string_view line);

}  // namespace nodeproof::report

#include "agent/cli/output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "agent/report/json.hpp"
#include "agent/report/junit.hpp"
#include "agent/report/page/page.hpp"
#include "agent/report/sarif.hpp"
#include "agent/report/table.hpp"
#include "common/clock.hpp"

namespace nodeproof::cli {

bool colours_wanted(int fd) {
  const char* no_color = std::getenv("NO_COLOR");  // no-color.org: set and not empty
  return isatty(fd) == 1 && (no_color == nullptr || *no_color == '\0');
}

unsigned terminal_width(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

void print_report(Session& session, const NodeReport& report, bool cycle_under_way) {
  std::ostream& out = session.streams.out;
  const std::string& wanted = session.globals.output;
  if (wanted == "json") {
    out << report::to_json(report) << '\n';
  } else if (wanted == "html") {
    out << report::to_html(report, {SystemClock().now(), cycle_under_way});
  } else if (wanted == "junit") {
    out << report::to_junit(report);
  } else if (wanted == "sarif") {
    out << report::to_sarif(report);
  } else {
    out << report::to_table(report, {.colour = colours_wanted(STDOUT_FILENO),
                                     .unicode = report::unicode_wanted(),
                                     .width = terminal_width(STDOUT_FILENO)});
  }
}

std::filesystem::path daemon_socket(const Globals& globals) {
  return std::filesystem::path(globals.run_dir) / "nodeproof.sock";
}

}  // namespace nodeproof::cli

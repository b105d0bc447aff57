#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/report/codes.hpp"

namespace nodeproof::cli {

namespace {

int list_codes(Session& session) {
  for (const report::CodeText& text : report::code_texts()) {
    session.streams.out << text.code << "  " << text.title << '\n';
  }
  return exit_ok;
}

struct Asked {
  std::string code;
  bool markdown = false;
};

int explain(Session& session, const Asked& asked) {
  const std::string& code = asked.code;
  if (asked.markdown) {
    session.streams.out << report::codes_table();
    return exit_ok;
  }
  if (code.empty()) return list_codes(session);
  const report::CodeText* text = report::find_code(code);
  if (text == nullptr) {
    return complain(session, {Errc::usage, "there is no finding code '" + code + "'",
                              "nodeproof explain without a code lists them"});
  }
  session.streams.out << report::explain(*text);
  return exit_ok;
}

}  // namespace

Action declare_explain(CLI::App& app) {
  auto asked = std::make_shared<Asked>();
  auto* code =
      app.add_option("code", asked->code, "a finding's code, as ArchMismatch; none lists them all");
  app.add_flag("--markdown", asked->markdown, "all codes as a table in Markdown")->excludes(code);
  return [asked](Session& session) { return explain(session, *asked); };
}

}  // namespace nodeproof::cli

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

int explain(Session& session, const std::string& code) {
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
  auto code = std::make_shared<std::string>();
  app.add_option("code", *code, "a finding's code, as ArchMismatch; none lists them all");
  return [code](Session& session) { return explain(session, *code); };
}

}  // namespace nodeproof::cli

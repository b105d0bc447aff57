#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <vector>

#include "agent/cli/command.hpp"
#include "common/json.hpp"

namespace nodeproof::cli {
namespace {

bool takes_several(const CLI::Option& option) {
  return option.get_items_expected_max() >= CLI::detail::expected_max_vector_size;
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  names.reserve(option.get_snames().size() + option.get_lnames().size());
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

// An argument without a dash has its name as "name", an option all its spellings as "names"; "value"
// is the kind and the choices of what follows, "" for a flag.
void write_option(json::Writer& writer, const CLI::Option& option) {
  const bool flag = option.get_type_size() == 0;
  writer.begin_object();
  if (option.get_positional()) {
    writer.member("name", option.get_name(true));
  } else {
    writer.member("names", names_of(option));
  }
  writer.member("value", flag ? std::string() : option.get_type_name())
      .member("default", option.get_default_str())
      .member("required", option.get_required())
      .member("several", takes_several(option))
      .member("summary", option.get_description())
      .end_object();
}

// Those of its option groups, which have no name, are its own.
void write_options(json::Writer& writer, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) write_option(writer, *option);
  }
  for (const CLI::App* group : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (group->get_name().empty()) write_options(writer, *group);
  }
}

void write_app(json::Writer& writer, const CLI::App& app) {
  writer.begin_object()
      .member("name", app.get_name())
      .member("summary", app.get_description())
      .key("options")
      .begin_array();
  write_options(writer, app);
  writer.end_array().key("commands").begin_array();
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_name().empty() && !sub->get_group().empty()) write_app(writer, *sub);
  }
  writer.end_array().end_object();
}

}  // namespace

// The command table as a document: man pages and completions are made of it (cross/manual.py).
Action declare_describe(CLI::App& app) {
  return [&app](Session& session) {
    json::Writer writer(true);
    write_app(writer, *app.get_parent());
    session.streams.out << writer.str() << '\n';
    return +exit_ok;
  };
}

}  // namespace nodeproof::cli

#include "reports/manual/command_table.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

namespace shardproof::reports {

namespace {

// "a" and "b" of "TEXT:{a,b}", as the help shows it.
std::vector<std::string> values_in(const std::string& type) {
  const std::size_t begin = type.find('{'), end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::vector<std::string> values;
  std::istringstream text(type.substr(begin + 1, end - begin - 1));
  for (std::string value; std::getline(text, value, ',');) values.push_back(value);
  return values;
}

std::vector<std::string> names_of_option(const CLI::Option& option) {
  if (option.get_positional()) return {option.get_name(/*positional=*/true)};
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

OptionEntry entry_of(const CLI::Option& option) {
  const std::string type = option.get_items_expected_max() > 0 ? option.get_type_name() : "";
  OptionEntry entry;
  entry.names = names_of_option(option);
  entry.kind = type.substr(0, type.find(':'));
  entry.values = values_in(type);
  entry.description = option.get_description();
  entry.standard = option.get_default_str();
  entry.between = option.get_delimiter();
  entry.required = option.get_required();
  entry.several = option.get_items_expected_max() > 1;
  return entry;
}

std::vector<OptionEntry> entries_of(const CLI::App& app, bool by_place) {
  std::vector<OptionEntry> entries;
  for (const CLI::Option* option : app.get_options())
    if (!option->get_group().empty() && option->get_positional() == by_place)
      entries.push_back(entry_of(*option));
  return entries;
}

CommandEntry entry_of(const CLI::App& command) {
  return {command.get_name(), command.get_description(), entries_of(command, true),
          entries_of(command, false), command.get_footer()};
}

}  // namespace

CommandTable command_table(const CLI::App& app,
                           const std::map<std::string, std::vector<std::string>>& values) {
  CommandTable table{app.get_description(), entries_of(app, false), {}, app.get_footer()};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) table.commands.push_back(entry_of(*command));
  for (CommandEntry& command : table.commands)
    for (OptionEntry& option : command.options)
      if (const auto more = values.find(option.names.back()); more != values.end())
        option.values.insert(option.values.end(), more->second.begin(), more->second.end());
  return table;
}

}  // namespace shardproof::reports

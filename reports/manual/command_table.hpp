#pragma once

#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace shardproof::reports {

/// What one option, or one word that a command takes by its place, is.
struct OptionEntry {
  std::vector<std::string> names;   // "-h", "--help"; of a word by its place one: "scenarios"
  std::string kind;                 // "FILE", "FOLDER", "PATH" (either), "TEXT", "INT"; "": a flag
  std::vector<std::string> values;  // all that may be written, where that is a closed list
  std::string description;
  std::string standard;  // what holds without it; "": nothing to be told
  char between = 0;      // what separates several values in one word, else 0
  bool required = false;
  bool several = false;  // it may be given more than once
};

struct CommandEntry {
  std::string name;
  std::string description;
  std::vector<OptionEntry> words;  // by their place
  std::vector<OptionEntry> options;
  std::string footer;  // lines, as they are: examples
};

/// The program's commands and options: the one table that --help prints, for what else is made from
/// it, the man page and the completion.
struct CommandTable {
  std::string description;
  std::vector<OptionEntry> options;  // of the program, without a command
  std::vector<CommandEntry> commands;
  std::string footer;
};

/// The table of what the program parses; commands that --help hides are left out. `values` are
/// those of options ("--override") that take more than can be listed, but mostly these.
CommandTable command_table(const CLI::App& app,
                           const std::map<std::string, std::vector<std::string>>& values = {});

}  // namespace shardproof::reports

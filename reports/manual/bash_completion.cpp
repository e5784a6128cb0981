#include "reports/manual/bash_completion.hpp"

#include "scenarios/driver/shell_command.hpp"
#include "scenarios/listed.hpp"

namespace shardproof::reports {

namespace {

std::string a_case(const std::string& pattern, const std::string& what) {
  return "    " + pattern + ") echo " + shell_command({{what}}) + " ;;\n";
}

// How a value is completed: "FILE", "FOLDER", "PATH", or "words BETWEEN a b c", where BETWEEN
// separates several in one word.
std::string how(const OptionEntry& option) {
  if (!option.values.empty())
    return "words " + (option.between != 0 ? std::string(1, option.between) : std::string("-")) +
           " " + joined(option.values, " ");
  return option.kind.empty() ? "flag" : option.kind;
}

std::string names_of(const std::vector<OptionEntry>& options) {
  std::vector<std::string> names;
  for (const OptionEntry& option : options) names.push_back(option.names.back());
  return joined(names, " ");
}

std::string cases_of_options(const CommandTable& table) {
  std::string text = a_case("''", names_of(table.options));
  for (const CommandEntry& command : table.commands)
    text += a_case(command.name, names_of(command.options));
  return text;
}

std::string cases_of_values(const CommandTable& table) {
  std::string text;
  for (const CommandEntry& command : table.commands) {
    for (const OptionEntry& option : command.options)
      text += a_case("'" + command.name + " " + option.names.back() + "'", how(option));
    for (std::size_t i = 0; i < command.words.size(); ++i) {
      const std::string place = command.words[i].several ? "'[0-9]*" : std::to_string(i + 1) + "'";
      text += a_case("'" + command.name + " " + place, how(command.words[i]));
    }
  }
  return text;
}

std::string commands_of(const CommandTable& table) {
  std::vector<std::string> names;
  for (const CommandEntry& command : table.commands) names.push_back(command.name);
  return joined(names, " ");
}

constexpr const char* completion = R"bash(
_shardproof_fill() {  # HOW CURRENT
  local how=$1 current=$2 before=''
  case $how in
    FILE | PATH) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    FOLDER) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    'words '*)
      local between list
      read -r _ between list <<<"$how"
      [[ $between != - && $current == *"$between"* ]] && before=${current%"$between"*}$between
      mapfile -t COMPREPLY < <(compgen -P "$before" -W "$list" -- "${current#"$before"}")
      return ;;
  esac
  # Only where readline asks, not where a test calls.
  [[ $how == F* || $how == PATH ]] && compopt -o filenames 2>/dev/null
}

_shardproof() {
  # Bash takes words apart at '=': here "--keep=failed" is one word, and so is "a=b".
  local words=() i
  for ((i = 0; i <= COMP_CWORD; ++i)); do
    if ((i > 1)) && [[ ${COMP_WORDS[i]} == '=' || ${COMP_WORDS[i - 1]} == '=' ]]; then
      words[-1]+=${COMP_WORDS[i]}
    else
      words+=("${COMP_WORDS[i]}")
    fi
  done
  local last=$((${#words[@]} - 1)) command='' option='' place=1 word
  local current=${words[last]} value=${words[last]}
  for ((i = 1; i < last; ++i)); do
    word=${words[i]}
    if [[ -n $option ]]; then
      option=''
    elif [[ $word == --*=* ]]; then
      :
    elif [[ $word == -* ]]; then
      [[ $(_shardproof_values "$command" "$word") == flag ]] || option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      ((++place))
    fi
  done
  COMPREPLY=()
  if [[ -z $option && $current == --*=* ]]; then
    option=${current%%=*}
    value=${current#*=}
  fi
  if [[ -n $option ]]; then
    _shardproof_fill "$(_shardproof_values "$command" "$option")" "$value"
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_shardproof_options "$command")" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$_shardproof_commands" -- "$current")
  else
    _shardproof_fill "$(_shardproof_values "$command" "$place")" "$current"
  fi
  # Bash completes only what comes after the last '='.
  if [[ $value == *=* ]]; then COMPREPLY=("${COMPREPLY[@]#"${value%=*}="}"); fi
}

complete -F _shardproof shardproof
)bash";

}  // namespace

std::string bash_completion(const CommandTable& table) {
  return "# Completion of shardproof for bash, made by the program from its own table of options: "
         "do not edit.\n\n_shardproof_commands='" +
         commands_of(table) + "'\n\n_shardproof_options() {  # COMMAND\n  case $1 in\n" +
         cases_of_options(table) +
         "  esac\n}\n\n_shardproof_values() {  # COMMAND OPTION\n  case \"$1 $2\" in\n" +
         cases_of_values(table) + "    *' '-*) echo flag ;;\n  esac\n}\n" + completion;
}

}  // namespace shardproof::reports

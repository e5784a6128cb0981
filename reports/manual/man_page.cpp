#include "reports/manual/man_page.hpp"

#include <sstream>

#include "scenarios/listed.hpp"

namespace shardproof::reports {

namespace {

// Text as troff reads it: a '-' is one that can be copied, and no line is taken for a request.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool begins_line = out.empty() || out.back() == '\n';
    if (begins_line && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string slanted(const std::string& text) { return "\\fI" + escaped(text) + "\\fR"; }

// "FILE", or "always|failed|never".
std::string value_of(const OptionEntry& option) {
  const bool closed = !option.values.empty() && option.kind == "TEXT" && option.between == 0;
  return closed && !option.several ? joined(option.values, "|") : option.kind;
}

std::string in_synopsis(const OptionEntry& word) {
  const std::string text = slanted(word.names.front()) + (word.several ? "..." : "");
  return word.required ? " " + text : " [" + text + "]";
}

// The description as a sentence, with what may be written and what holds without the option.
std::string about(const OptionEntry& option) {
  std::string text = option.description;
  if (option.between != 0 && !option.values.empty()) text += ": " + joined(option.values, ", ");
  if (!option.standard.empty()) text += " (default: " + option.standard + ")";
  if (option.required && option.names.front().starts_with("-")) text += " (required)";
  return escaped(text) + ".\n";
}

std::string item(const OptionEntry& option, const std::string& label) {
  return ".TP\n" + label + "\n" + about(option);
}

std::string option_item(const OptionEntry& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back(bold(name));
  const std::string value = value_of(option);
  return item(option, joined(names, ", ") + (value.empty() ? "" : " " + slanted(value)));
}

std::string as_it_is(const std::string& lines) {
  return lines.empty() ? "" : ".PP\n.nf\n" + escaped(lines) + "\n.fi\n";
}

std::string section(const CommandEntry& command) {
  std::string text = ".SS \"" + escaped(command.name) + "\"\n" + escaped(command.description) +
                     ".\n.PP\n" + bold("shardproof " + command.name) +
                     (command.options.empty() ? "" : " [" + slanted("options") + "]");
  for (const OptionEntry& word : command.words) text += in_synopsis(word);
  text += "\n";
  for (const OptionEntry& word : command.words) text += item(word, slanted(word.names.front()));
  for (const OptionEntry& option : command.options)
    if (option.names.back() != "--help") text += option_item(option);
  return text + as_it_is(command.footer);
}

// In one paragraph: where the terminal's lines end is no concern of a page that fills its own.
std::string paragraph(const std::string& lines) {
  std::string text = escaped(lines);
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text + "\n";
}

constexpr const char* files = R"(.SH FILES
.TP
\fIshardproof\-results/NAME/\fR
What a run leaves: its verdict as \fIsummary.json\fR and \fIreport.html\fR, the scenario as it was
run, and the traces.
.TP
\fIshardproof\-results/NAME.part/\fR
What a run that did not end has left; \fBshardproof judge\fR reads it, the next run of that name
replaces it.
.TP
\fIshardproof\-results/NAME.undecided/\fR
A run that ended without a verdict, beside an earlier one that has a verdict.
.TP
\fI../share/shardproof/catalog/\fR
Beside the program's folder: scenarios to run and to change.
.SH ENVIRONMENT
.TP
\fBNO_COLOR\fR
If it is set and not empty, nothing has a colour.
.TP
\fBTERM\fR
If it is \fIdumb\fR, no line is written twice.
)";

}  // namespace

std::string man_page(const CommandTable& table, const std::string& version) {
  std::string text =
      ".\\\" Made by the program from its own table of options: do not edit.\n"
      ".TH SHARDPROOF 1 \"\" \"shardproof " +
      escaped(version) +
      "\" \"User Commands\"\n.nh\n.ad l\n.SH NAME\n"
      "shardproof \\- judge a tensor\\-parallel and ZeRO training run\n"
      ".SH SYNOPSIS\n" +
      bold("shardproof") + " " + slanted("command") + " [" + slanted("options") +
      "]\n.SH DESCRIPTION\n" + paragraph(table.description) + ".SH OPTIONS\n";
  for (const OptionEntry& option : table.options) text += option_item(option);
  text += ".SH COMMANDS\n";
  for (const CommandEntry& command : table.commands) text += section(command);
  return text + files + ".SH EXIT STATUS\n" + as_it_is(table.footer);
}

}  // namespace shardproof::reports

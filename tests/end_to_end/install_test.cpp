// What `cmake --install` leaves: a program that needs nothing of the sources, and a man page and a
// completion that say what the program says.
#include <boost/test/unit_test.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "tests/end_to_end/night.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;
using Words = std::vector<std::string>;

// Once for all cases: it is a copy of tens of megabytes.
class Installed {
 public:
  Installed() {
    const ProgramResult result =
        run_program({CMAKE, "--install", SHARDPROOF_BUILD, "--prefix", prefix_.path().string()});
    BOOST_TEST(result.exit_code == 0, result.err);
  }
  std::string operator/(const std::string& name) const { return prefix_ / name; }
  std::string program() const { return prefix_ / "bin/shardproof"; }
  std::string man() const { return read_text(prefix_ / "share/man/man1/shardproof.1"); }
  std::string completion() const {
    return prefix_ / "share/bash-completion/completions/shardproof";
  }

 private:
  TemporaryFolder prefix_;
};

const Installed& installed() {
  static const Installed once;
  return once;
}

// "--out" and so on, where a line of the help begins with it.
std::set<std::string> options_in(const std::string& help) {
  std::set<std::string> options;
  const std::regex pattern("\n  (?:-[a-z],)?(--[a-z-]+)");
  for (std::sregex_iterator match(help.begin(), help.end(), pattern), end; match != end; ++match)
    options.insert((*match)[1]);
  return options;
}

std::set<std::string> commands_in(const std::string& help) {
  std::set<std::string> commands;
  const std::string list = help.substr(help.find("\nSubcommands:"));
  const std::regex pattern("\n  ([a-z]+) ");
  for (std::sregex_iterator match(list.begin(), list.end(), pattern), end; match != end; ++match)
    commands.insert((*match)[1]);
  return commands;
}

// What bash offers for the last of the words, as it takes them apart.
std::set<std::string> offered(const Words& words) {
  std::string script = "source " + quoted(installed().completion()) + "; COMP_WORDS=(";
  for (const std::string& word : words) script += quoted(word) + " ";
  script += "); COMP_CWORD=" + std::to_string(words.size() - 1) +
            "; $(complete -p shardproof | cut -d' ' -f3); printf '%s\\n' \"${COMPREPLY[@]}\"";
  const ProgramResult result = run_program({"bash", "-c", script}, installed() / "share");
  BOOST_TEST(result.err == "");
  std::set<std::string> all;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) all.insert(line);
  return all;
}

void expect_offered(const Words& words, const std::set<std::string>& expected) {
  const std::set<std::string> all = offered(words);
  BOOST_TEST(all == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_installed_program_plans_and_runs_by_itself) {
  const TemporaryFolder elsewhere;
  const auto run = [&](Words words) {
    words.insert(words.begin(), installed().program());
    const ProgramResult result = run_program(words, elsewhere.path().string());
    BOOST_TEST(result.exit_code == 0, result.err << result.out);
    return result.out;
  };
  BOOST_TEST(has(run({"plan", installed() / "share/shardproof/catalog/quickstart.json"}), "tp 2"));
  run({"init", "mine.json"});
  const std::string verdict = run({"run", "mine.json", "--world", "2"});
  BOOST_TEST(has(verdict, "PASS mine: reference, sim, real agree"), verdict);
  const ProgramResult elf = run_program({"readelf", "-d", installed().program()});
  BOOST_TEST(!has(elf.out, SHARDPROOF_BUILD), elf.out);
}

BOOST_AUTO_TEST_CASE(the_man_page_and_the_completion_say_every_command_and_option) {
  const std::string page = std::regex_replace(installed().man(), std::regex("\\\\-"), "-");
  const ProgramResult help = run_program({installed().program(), "--help"});
  const std::set<std::string> commands = commands_in(help.out);
  BOOST_TEST(commands.size() >= 8U);
  expect_offered({"shardproof", ""}, commands);
  for (const std::string& command : commands) {
    const std::string of_command = run_program({installed().program(), command, "--help"}).out;
    const std::set<std::string> options = options_in(of_command);
    BOOST_TEST(has(page, ".SS \"" + command + "\"\n"), command);
    for (const std::string& option : options)
      BOOST_TEST((option == "--help" || has(page, "\\fB" + option + "\\fR")), option);
    expect_offered({"shardproof", command, "--"}, options);
  }
  BOOST_TEST(!has(page, "execute"));
  const ProgramResult groff =
      run_program({"sh", "-c",
                   "command -v groff >/dev/null || exit 0; groff -man -ww -z " +
                       quoted(installed() / "share/man/man1/shardproof.1")});
  BOOST_TEST(groff.exit_code == 0);
  BOOST_TEST(groff.err == "");
}

BOOST_AUTO_TEST_CASE(bash_completes_values) {
  expect_offered({"shardproof", "re"}, {"repartition", "results"});
  expect_offered({"shardproof", "run", "--keep", ""}, {"always", "failed", "never"});
  expect_offered({"shardproof", "run", "--keep", "=", "f"}, {"failed"});
  expect_offered({"shardproof", "run", "--real", "cuda"}, {"cuda", "cuda_simulated"});
  expect_offered({"shardproof", "plan", "x.json", "--executions", "sim,re"},
                 {"sim,reference", "sim,real"});
  expect_offered({"shardproof", "run", "--override", "tensor_parallel.preset_model", "=", "phi"},
                 {"phi3"});
  expect_offered({"shardproof", "run", "--override", "bf16"},
                 {"bf16.enabled=true", "bf16.enabled=false"});
  // Files, also for a word after a flag and after an option with its value.
  expect_offered({"shardproof", "run", "--quiet", "--steps", "2", "shardproof/catalog/quicks"},
                 {"shardproof/catalog/quickstart.json"});
  expect_offered({"shardproof", "compare", "shardp"}, {"shardproof"});
  expect_offered({"shardproof", "run", "--out", "shardproof/catalog/quicks"}, {});  // no folder
  expect_offered({"shardproof", "run", "--steps", ""}, {});
}

}  // namespace shardproof::tests

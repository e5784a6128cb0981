#include <boost/test/unit_test.hpp>

#include "reports/manual/bash_completion.hpp"
#include "reports/manual/man_page.hpp"

using namespace shardproof::reports;

namespace {

CommandTable table() {
  const OptionEntry file{{"file"}, "FILE", {}, "what is read", "", 0, true, true};
  const OptionEntry keep{{"--keep"}, "TEXT", {"all", "none"}, "what\\stays", "all", 0, false};
  const OptionEntry help{{"-h", "--help"}, "", {}, "this", "", 0, false};
  return {"Proves it.\nIn two lines.",
          {help},
          {{"run", "runs it", {file}, {help, keep}, ".starts with a dot\nExample:  run -x"}},
          "Exit codes: 0"};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manual)

BOOST_AUTO_TEST_CASE(the_man_page_is_what_the_table_says_and_no_request_by_chance) {
  const std::string page = man_page(table(), "1.2-3");

  BOOST_TEST(has(page, ".TH SHARDPROOF 1 \"\" \"shardproof 1.2\\-3\""), page);
  BOOST_TEST(has(page, "\nProves it. In two lines.\n"), page);
  BOOST_TEST(has(page, "\\fBshardproof run\\fR [\\fIoptions\\fR] \\fIfile\\fR...\n"), page);
  BOOST_TEST(has(page, ".TP\n\\fB\\-\\-keep\\fR \\fIall|none\\fR\nwhat\\estays (default: all).\n"),
             page);
  BOOST_TEST(has(page, ".nf\n\\&.starts with a dot\nExample:  run \\-x\n.fi\n"), page);
}

BOOST_AUTO_TEST_CASE(the_completion_knows_how_each_word_is_completed) {
  const std::string script = bash_completion(table());

  BOOST_TEST(has(script, "_shardproof_commands='run'\n"), script);
  BOOST_TEST(has(script, "    '') echo --help ;;\n    run) echo '--help --keep' ;;\n"), script);
  BOOST_TEST(has(script, "    'run --keep') echo 'words - all none' ;;\n"), script);
  BOOST_TEST(has(script, "    'run --help') echo flag ;;\n"), script);
  BOOST_TEST(has(script, "    'run '[0-9]*) echo FILE ;;\n"), script);
}

BOOST_AUTO_TEST_SUITE_END()

#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace shardproof::reports {

/// How one scenario of several ended.
struct SuiteEntry {
  std::string name;      // of the scenario, or of the file that could not be read
  int exit_code = 0;     // what the program exits with
  std::string headline;  // the verdict's first line, or what is wrong
  std::string folder;    // of the results; "" if there are none
  double seconds = 0;
};

/// A table for the terminal: those that passed first, failures last, where they are seen. No row is
/// longer than `columns`, if there are any.
std::string suite_text(const std::vector<SuiteEntry>& entries, std::size_t columns = 0);
/// Schema "shardproof-suite-1".
std::string suite_json(const std::vector<SuiteEntry>& entries, int exit_code);
/// JUnit's XML, as CI systems read it: a failure is a verdict that fails, an error everything else.
std::string suite_junit(const std::vector<SuiteEntry>& entries);
/// A page with a row for each, which leads to its report.
std::string suite_html(const std::vector<SuiteEntry>& entries, const std::string& out);

}  // namespace shardproof::reports

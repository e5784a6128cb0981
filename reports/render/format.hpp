#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

/// How the verdict's parts read, alike in the terminal and on the page.
namespace shardproof::reports {

/// Text that fits on one line: line breaks become spaces, control characters (which could drive a
/// terminal) become '?'.
std::string one_line(const std::string& text);

/// "0.1 (0x1.999999999999ap-4)": the shortest decimals that give the number back, and its bits.
std::string number_with_bits(double value);
/// Three significant digits: "0.00321", "1.2e+09", "inf".
std::string rounded(double value);
/// "1 element", "2,048 elements".
std::string counted(std::int64_t count, const std::string& noun);
/// "0,1,2"; runs of three or more are folded: "0-7,12".
std::string rank_list(const std::vector<int>& ranks);
/// "step 1, micro-step 0", "step 1", or "outside the steps".
std::string moment_text(const FirstDivergence& divergence);
/// The op, or the tensor where no op is known.
std::string place_text(const FirstDivergence& divergence);
/// "0.5 times the expected value, everywhere (1/tp)", "bits equal to /step/...", with coefficient
/// and score where they say more than that.
std::string cause_text(const Cause& cause);

/// All of check_names(), in that order. A check that the verdict lacks did not run, and says so.
/// Throws InvariantError on a check of another name, or on two of one name.
std::vector<CheckResult> all_checks(const Verdict& verdict);

}  // namespace shardproof::reports

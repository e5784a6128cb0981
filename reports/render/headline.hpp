#pragma once

#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

/// The sentences that terminal and page have in common.
namespace shardproof::reports {

/// What follows verdict and name on the first line: where it went wrong, or that the executions
/// agree.
std::string headline_text(const Verdict& verdict, const std::vector<CheckResult>& checks);
/// "13 passed, 1 failed (op_local), 1 suspicious (suspects), 2 not run (shadow, baseline)".
std::string tally_text(const std::vector<CheckResult>& checks);
/// What a pass on simulated hardware does not prove; "" if it was not simulated.
std::string hardware_text(const Verdict& verdict);
/// "2 of 4 steps: 0 (loss scale 65536), 1 (loss scale 32768)"; "" if none was skipped.
std::string skipped_text(const Verdict& verdict);
/// "loss 3.47 to 3.31; from fp64 at most: loss 0.0012, grad_norm 0.004"; "" if nothing was
/// compared.
std::string trend_text(const Verdict& verdict);
/// "1 step in fp64, without all steps but the first"; "" if the run has no shadow.
std::string shadow_text(const Verdict& verdict);
/// "the fp64 shadow was left out: ...", of a pass whose run could have had one that nobody has
/// declined; "" of others.
std::string left_out_text(const Verdict& verdict);
/// "12,345 elements, over all checks"; of hashes "12,345 values, by their hashes".
std::string compared_text(const Verdict& verdict, const std::vector<CheckResult>& checks);
/// "results/mine/baseline.h5, judged in full 2026-11-28 23:10:05 UTC"; "" without one.
std::string baseline_text(const Verdict& verdict);
/// "blas: OpenBLAS 0.3.21, now OpenBLAS 0.3.26; ..."; "" of a run that needs no explanation.
std::string changes_text(const Verdict& verdict);

}  // namespace shardproof::reports

#pragma once

#include "reports/verdict/findings.hpp"
#include "reports/verdict/judge_context.hpp"

namespace shardproof::reports {

/// Holds every checkpoint that the scenario says a run saves against what the run recorded: it is
/// whole and undamaged, has the tensors that the scenario gives a run to carry and no others, each
/// element of every rank's file with the bits that were recorded last, and counts what was counted.
/// Of consolidated weights the same, whole and in the working dtype (spec-autotp 10.1: 4, 24). What
/// is wrong is named with the phase "checkpoint" and the rank that wrote it. The files are read by
/// the judge's own reading (reports/witness), as wholes. Every counter that is saved must be one
/// that follows from the scenario and from which steps were skipped. Of the consolidated folder
/// config.json, too, must describe the model.
void check_saved_state(const JudgeContext& context, const EngineTrace& trace, Tally& tally,
                       Findings& findings);

}  // namespace shardproof::reports

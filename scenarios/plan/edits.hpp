#pragma once

#include <vector>

#include "scenarios/plan/program.hpp"
#include "scenarios/settings/injection.hpp"

namespace shardproof {

/// What a rank runs when defects are planted: its own edited program, and those that no edit of a
/// program can express (set, stale, and those of order), since they act while an op runs.
struct EditedProgram {
  Program program;
  std::vector<Injection> faults;
};

/// Applies the injections that concern `rank`. An op edited in some steps only gets a copy of its
/// segment, named "micro_step~1", that runs in those steps.
///
///   drop           the op moves its input to its output instead (an all-reduce that did not
///                  happen); an op without an input that sets anew what lives on, such as the
///                  zeroing of an accumulator, is left out
///   double         the op runs twice, the second time on its own result
///   scale          its first output is multiplied by `factor` right after it; after a collective,
///                  whose name all ranks must share, by an op named "<collective>.scaled"
///   add_bias_before_reduce   the bias joins the partial sums instead of the reduced one
///   swap_shards    the load takes the next TP rank's shard, which must be of the same size
///   regroup        the collective runs over the other mesh axis (`group`)
///   retype         the collective travels and adds in `dtype`
///   read           input number `index` (the first if absent) is the value named `value` instead
///   set            writes `value` at `index` of the op's first output: as if the kernel had
///                  computed it (when = output), after it was recorded and before it is read
///                  (after_record), or when the step has ended (between_steps)
///   stale          the op's outputs keep what the op wrote the last time it ran
///                  (zeros the first time)
///
/// Edits of the order of work, which show where streams run side by side, on GPUs:
///
///   drop_wait      of a collective: it does not wait for what was asked for before it; of its wait
///                  ("<collective>.wait"): what comes after does not wait for the collective
///   restream       the op runs on the communication stream, and nothing waits for that
///   reuse          the collective's input is overwritten, by NaN, as soon as the collective has
///                  begun: as if its memory had been given to the next op
///
/// Of the load of a checkpoint, op "checkpoint/load" (real/run/checkpoint_actions.hpp):
///
///   not_restored   the tensor that the checkpoint calls `value`, "optimizer/P/exp_avg", is left
///                  out, and is zero; or the count of `updates`
///
/// Throws ScenarioError (with the injection's place) if no op has that name or the edit does not
/// fit it.
EditedProgram apply_injections(const Program& program, const std::vector<Injection>& injections,
                               Rank rank);

}  // namespace shardproof

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reports/compare/power.hpp"
#include "reports/compare/signature.hpp"
#include "scenarios/driver/shadow_choice.hpp"
#include "scenarios/phase.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// How a check proves what it says, strictest first (DESIGN section 4).
enum class Proof { bitwise, sound, statistical, unknown };
enum class Outcome { pass, fail, unknown, not_run, trend };
const char* name_of(Proof proof);
const char* name_of(Outcome outcome);

/// One line of the verdict. `compared` and `failed` count elements (collectives and ops where those
/// are what is counted). A check that compared nothing never passes.
struct CheckResult {
  std::string name;
  Proof proof = Proof::unknown;
  Outcome outcome = Outcome::not_run;
  std::int64_t compared = 0;
  std::int64_t failed = 0;
  std::optional<double> max_ratio;  // none for bitwise checks
  std::string reason;               // a sentence unless the outcome is pass
  bool required = true;             // false: the verdict does not rest on it
};

/// Why a value is wrong (docs/causes.md): what is certain, since its bits are found elsewhere; or
/// what explains all of its elements, or most.
struct Cause {
  std::string name;  // "nan" | "factor" | "bits equal to PATH" | "mismatch" | "unexplained" | ...
  std::optional<double> coefficient = {};  // what the right, or the other value's, elements are
                                           // times; else the number that the name speaks of
  std::optional<double> score = {};        // the fraction of (wrong) elements of which that is true
  std::string known_as = {};             // of a factor: "1/tp"; else what it means, in plain words
  bool certain = false;                  // it rests on bits, not on a bound
  std::vector<Cause> alternatives = {};  // that predict the same numbers
};

/// The failing unit that none of the other failing units precede.
struct FirstDivergence {
  std::string execution;  // "sim" | "real" | "shadow"
  Moment moment;
  std::optional<Phase> phase;
  std::string op;                   // as `shardproof plan` prints it
  std::string tensor;               // trace path
  int rank = 0;                     // the first that is wrong
  std::vector<int> ranks;           // all that are
  std::vector<std::int64_t> index;  // in the full tensor
  double expected = 0;
  double got = 0;
  double error = 0;  // |got - expected|
  double bound = 0;  // what the acceptance set allowed before the last rounding
  std::int64_t wrong_elements = 0;
  std::optional<Cause> cause;
  std::string reason;  // the sentence of the check that found it
};

/// An op whose results rounding hardly explains (docs/suspects.md): a finding, no failure unless
/// that is asked for.
struct SuspectOp {
  FirstDivergence first;  // of its units, with all ranks of that moment and the numbers of the
                          // element that is hardest to explain
  Signature signature;
  double z = 0;            // deviations of that element
  std::int64_t units = 0;  // at all moments, on all ranks
};

/// One row of the table tensor x rank: a tensor's name without its step, over all moments.
struct TensorRow {
  std::string name;  // "forward/model.norm/output"
  struct Cell {
    bool judged = false;
    bool failed = false;
    double max_ratio = 0;
    std::string first_failure;  // folder of the first moment in which it failed
    bool bounded = false;       // by an acceptance set at some moment; else bit by bit
    bool unknown = false;       // at some moment nothing could be said of it

    /// Becomes the worst of both.
    void join(const Cell& found);
  };
  std::vector<Cell> cells;          // by rank
  std::optional<Power> power = {};  // what would have been seen at every moment, on every rank
  std::string vacuous = {};         // what at none; "": there is nothing
  bool has_power = false;           // at some moment there was nothing vacuous
  std::string op = {};              // that writes it; "": not known
  std::int64_t order = 0;           // where it stood in a rank's order when it was first written
  bool holds_first_divergence = false;  // on the rank that the first divergence names

  double max_ratio() const;  // of all ranks
};

/// The worst of all units of one step: how much of its bound an error used. Units that are compared
/// bit by bit have no such part: they only pass or fail.
struct StepError {
  std::string execution;
  int step = 0;
  double max_ratio = 0;
  std::string tensor;  // whose error that is; "": all were compared bit by bit
  int rank = 0;
  bool failed = false;  // some unit did
};

/// A number per step that is shown, not judged: how far a run is from the fp64 reference.
struct TrendPoint {
  std::string execution;
  int step = 0;
  std::string quantity;  // "loss", "grad_norm", "parameter relative error"
  double value = 0;
  std::optional<double> reference;  // nothing: the reference has no such number
};

/// A step whose update was left out, because its gradients were not finite.
struct SkippedStep {
  std::string execution;
  int step = 0;
  std::optional<double> loss_scale;  // that it had; nothing where losses are not scaled

  bool operator==(const SkippedStep&) const = default;
};

/// What all checks prove together; the number is the exit code.
///   fail     some check fails
///   error    else, an execution did not finish
///   unknown  else, a required check is unknown or did not run
///   pass     else
enum class Conclusion { pass = 0, fail = 1, unknown = 2, error = 3 };
const char* name_of(Conclusion conclusion);

/// The judged run whose digests those of a run were compared with.
struct BaselineUse {
  std::string file;
  std::string judged;                // when
  std::vector<std::string> changes;  // of the environment since then: "blas: A, now B"
};

/// Everything the renderers show.
struct Verdict {
  std::string scenario;  // name
  std::string scenario_hash;
  std::vector<std::string> executions;
  std::vector<std::string> injected;  // "drop model.layers.1.self_attn.o_proj/forward/all_reduce"
  std::vector<std::string> notices;   // what a user should know of the input
  bool hardware_simulated = false;    // the real execution ran on simulated GPUs
  Conclusion conclusion = Conclusion::unknown;
  std::vector<CheckResult> checks;      // all rows of checks/table.hpp, in that order
  std::optional<BaselineUse> baseline;  // of a run that recorded hashes alone
  std::optional<ShadowChoice> shadow;   // nothing of traces that nobody has run
  std::optional<FirstDivergence> first_divergence;
  std::int64_t other_failures = 0;     // failing units beside the first
  std::vector<SuspectOp> suspects;     // in the order in which their ops ran
  std::vector<std::string> errors;     // sentences of executions that did not finish
  std::vector<TensorRow> tensors;      // in the order of execution
  std::vector<StepError> step_errors;  // execution by execution, in the order of steps
  std::vector<TrendPoint> trend;
  int steps = 0;                                   // of the run, in training
  std::vector<SkippedStep> skipped;                // of them, execution by execution
  std::map<std::string, std::string> environment;  // version, commit, compiler, mpi, hdf5, ...
  std::map<std::string, double> timing;            // reference_s, sim_s, real_s, judge_s, total_s
  /// Bytes by process ("reference", "sim", "real_rank", "judge") and "together": what was expected
  /// before the run, and the most that there were of each. Empty of a run that nobody watched.
  std::map<std::string, std::int64_t> memory_estimate, memory_peak;
  std::string plan_text;  // what `shardproof plan` prints
  std::string reproduce;  // one shell command

  int exit_code() const { return static_cast<int>(conclusion); }
};

}  // namespace shardproof::reports

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/traces/engine_trace.hpp"
#include "reports/values/tensor_view.hpp"
#include "reports/verdict/tally.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// Failing units as a check finds them, rank by rank: the same op and tensor at the same moment is
/// one unit, with all its ranks.
class Findings {
 public:
  /// `problem` continues "sim: OP, TENSOR, step 0, ranks 1, 3: ".
  void add(const Failure& failure, const std::string& problem);
  /// Hands the units to the tally in the order in which the ops ran.
  void report(Tally& tally);

 private:
  struct Holding {
    std::vector<Region> regions;
    std::int64_t wrong = 0;  // elements of them
  };
  struct Unit {
    Failure failure;
    std::string problem;
    std::vector<Holding> holdings;  // of the ranks that are wrong

    void count(const Failure& of);
  };
  std::vector<Unit> units_;
};

/// "[3, 0, 17]"; "[]" for a scalar.
std::string index_text(const Shape& index);
/// "rank 1", "ranks 0, 2".
std::string ranks_text(const std::vector<int>& ranks);

/// The executed op that wrote a dataset; nullptr if the trace has no log, or the log has none.
const ExecutedOp* writer_of(const RecordedTrace& trace, const StoredDataset& stored);

/// Puts a failure in the order of its rank: where the op that wrote a dataset stands in the log, or
/// where the dataset stands among those that were recorded without one.
void put_in_order(Failure& failure, const RecordedTrace& trace, const StoredDataset& stored);

/// A failing unit on a rank, of which only the moment is known.
Failure failure_at(const RecordedTrace& trace, int rank, const Moment& moment);

/// An executed op that failed on a rank, without numbers.
Failure failure_of(const RecordedTrace& trace, int rank, const ExecutedOp& executed,
                   const std::string& tensor);

/// A dataset of a rank that is wrong, with the numbers of its first wrong element.
Failure failure_of(const RecordedTrace& trace, const StoredDataset& stored,
                   const Comparison& comparison);

/// The numbers of the first wrong element, and how many are wrong. Where it lies, each check says.
void set_numbers(FirstDivergence& divergence, const Comparison& comparison);

/// Ranks that could not go on together: the collective that some left out, or issued otherwise.
FirstDivergence divergence_of(const std::string& execution, const CollectiveFailure& failure);
/// "sim: mismatch at OP: who waits where".
std::string sentence_of(const std::string& execution, const CollectiveFailure& failure);

/// After how many steps the checkpoint was saved that a run read between two moments; nothing if it
/// read none there.
std::optional<int> checkpoint_read_between(const Scenario& scenario, const Moment& written,
                                           const Moment& read);
/// That the wrong bytes came by saving a checkpoint, or by reading one: `what` is "save" or "load",
/// `name` what is wrong in it.
void put_at_checkpoint(FirstDivergence& divergence, const std::string& what, int steps_done,
                       const std::string& name);

/// The bits of `expected`, which has the elements of a dataset as they are stored, and of what was
/// recorded, range by range: counts go to `tally`, failing elements to `findings`, where `problem`
/// says what they differ from. Of two dtypes nothing can be compared: all is wrong. The recorded
/// bytes are held against their hash, if nobody has done that; whoever brings the others has.
void compare_stored(const RecordedTrace& trace, const StoredDataset& stored,
                    const TensorView& expected, const std::string& problem, Tally& tally,
                    Findings& findings);
/// The same of bytes that are there.
void compare_stored(const RecordedTrace& trace, const StoredDataset& stored,
                    std::span<const std::byte> expected, Dtype expected_dtype,
                    const std::string& problem, Tally& tally, Findings& findings);

}  // namespace shardproof::reports

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "reports/cause/probe.hpp"
#include "reports/traces/engine_trace.hpp"
#include "reports/units/evidence.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/witness/whole_tensor.hpp"

namespace shardproof::reports {

/// The first wrong tensor as the search for its cause sees it: as the first rank that is wrong
/// holds it.
struct Suspect {
  const JudgeContext& context;
  const RecordedTrace& trace;
  const FirstDivergence& divergence;
  std::shared_ptr<const Evidence> evidence = nullptr;  // nullptr: no check kept any
  const StoredDataset* dataset = nullptr;              // nullptr: it is not stored
  const ExecutedOp* executed = nullptr;                // that wrote it; nullptr: no log says
  const ExecutedOp* began = nullptr;  // the collective, where a wait wrote it; else the same
  std::optional<Probe> probe = std::nullopt;  // nothing where nothing can be asked

  bool is_scalar() const;
  /// Whether its function may be asked as often as there are hypotheses.
  bool can_be_asked() const {
    return probe && probe->is_cheap() && probe->numbers().storage != Dtype::int64;
  }
  /// "/step/000001/micro/0/forward/model.norm" of a value of its program.
  std::string path_of(const AccessRecord& access) const;
};

/// The weight that a run begins with, by the scenario; nothing if the path names none.
std::optional<WholeTensor> given_weight(const Scenario& scenario, const std::string& path);

/// "rank 0 has the slice of rank 1".
std::string has_slice_of(const Suspect& suspect, int other_rank);

/// Puts together all that is known of it. What the scenario gives, and no check kept, is asked for
/// once more.
Suspect suspect_of(const JudgeContext& context, const RecordedTrace& trace,
                   const FirstDivergence& divergence, std::shared_ptr<const Evidence> evidence);

}  // namespace shardproof::reports

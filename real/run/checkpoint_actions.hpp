#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "real/run/rank_executor.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// What a rank's host does for checkpoints between two steps. Like the executor it never blocks:
/// advance() returns when other ranks must go first.
///
///   save_checkpoint   every rank writes its file; when all have, rank 0 puts them in place, with
///                     the consolidated weights if the scenario wants them; nobody goes on before
///   load_checkpoint   every rank forgets its state (poison in every byte, in every counter) and
///                     reads it from what was saved after this step; all but what a planted
///                     defect leaves out
class CheckpointActions {
 public:
  /// `program` is the scenario's, without planted defects; `folder` that of the execution's traces,
  /// in which checkpoints are written; of `faults`, some may be of the load.
  CheckpointActions(const Scenario& scenario, const Program& program, std::string folder,
                    RankExecutor& executor, std::vector<Injection> faults);

  /// `name` is an Action's `host`; `steps_done` counts the steps before it.
  void begin(const std::string& name, int steps_done);
  /// True when it is done.
  bool advance();

 private:
  void then(std::function<void()> what);
  void then_wait_for_all();
  void write_part(const std::string& path) const;
  void put_in_place(const std::string& path, int steps_done) const;
  void load(const std::string& path) const;

  const Scenario& scenario_;
  const Program& program_;
  std::string folder_;
  RankExecutor& executor_;
  std::vector<Injection> faults_;
  std::deque<std::function<bool()>> left_;  // each says whether it is done
  Communicator::Ticket ticket_ = 0;
};

}  // namespace shardproof::real

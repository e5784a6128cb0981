#include "reports/checks/round_trip.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "reports/checks/budget.hpp"
#include "reports/checks/saved_state.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/run_end.hpp"
#include "scenarios/plan/pieces.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {

using Bytes = std::vector<std::byte>;

/// The sign is the highest bit of the last byte, in every floating-point format.
Bytes negated(Bytes bytes, Dtype dtype) {
  for (std::size_t at = size_bytes(dtype); at <= bytes.size(); at += size_bytes(dtype))
    bytes[at - 1] ^= std::byte{0x80};
  return bytes;
}

/// A parameter as one rank sees it, whole and its own shard.
struct Parameter {
  std::string name;
  Dtype dtype = Dtype::fp64;
  Bytes full;
  Bytes shard;

  Parameter negative() const { return {name, dtype, negated(full, dtype), negated(shard, dtype)}; }
};

/// A write of a value, and the op that made it.
struct Write {
  const ExecutedOp* executed = nullptr;
  const AccessRecord* access = nullptr;
};

class RoundTrips {
 public:
  RoundTrips(const JudgeContext& context, const EngineTrace& trace, Tally& tally)
      : context_(context), trace_(trace), tally_(tally) {}

  void check() {
    for (int rank = 0; rank < trace_.world(); ++rank) check_rank(rank);
    check_saved_state(context_, trace_, tally_, findings_);
    findings_.report(tally_);
  }

 private:
  void check_rank(int rank) {
    rank_ = rank;
    collect_writes();
    const std::vector<std::string> gathered = gathered_parameters(context_.scenario);
    if (gathered.empty()) return expect_no_scope();
    const RunEnd end(context_.scenario, trace_);
    for (const std::string& name : gathered)
      for (const auto stage : {Moment::Stage::initial, Moment::Stage::final}) {
        if (!end.is_past({stage, -1, -1})) continue;
        stage_ = stage;
        const std::string path = recorded_before(name);
        if (const auto parameter = read(name, path)) check_pass("round_trip", *parameter, false);
      }
    stage_ = Moment::Stage::initial;
    for (const std::string& name : edited_parameters(context_.scenario)) {
      const auto parameter = read(name, "/initial/parameter/" + name);
      if (!parameter) continue;
      check_pass("round_trip_edit", *parameter, true);
      check_pass("round_trip_undo", parameter->negative(), true);
    }
  }

  /// Writes outside steps, by the name of the value.
  void collect_writes() {
    writes_.clear();
    const Program& program = trace_.program(rank_);
    for (const ExecutedOp& executed : trace_.executed(rank_)) {
      if (executed.moment.stage == Moment::Stage::step) continue;
      for (const AccessRecord* write : executed.writes)
        writes_[program.value(write->value).name].push_back({&executed, write});
    }
  }

  /// Where no layer is sharded, the rank counts: nothing may be gathered there.
  void expect_no_scope() {
    const auto scope = std::ranges::find_if(
        writes_, [](const auto& value) { return value.first.starts_with("round_trip"); });
    tally_.add(1, scope == writes_.end() ? 0 : 1, Proof::bitwise);
    if (scope != writes_.end())
      note(scope->second.front(), scope->first, "it is written, but no layer is sharded");
  }

  /// Where the parameter was recorded last: a skipped step writes none.
  std::string recorded_before(const std::string& name) const {
    if (stage_ == Moment::Stage::final)
      for (int step = context_.scenario.steps; step-- > context_.scenario.first_step;) {
        const std::string path = folder_of({Moment::Stage::step, step, -1}) + "/parameter/" + name;
        if (trace_.dataset(path, rank_) != nullptr) return path;
      }
    return "/initial/parameter/" + name;
  }

  std::optional<Parameter> read(const std::string& name, const std::string& path) {
    const StoredDataset* shard = trace_.dataset(path, rank_);
    AssembledTensor full = assemble(trace_.reader(), path, rank_);
    if (shard == nullptr || !full.problem.empty()) {
      tally_.fail(trace_.execution() + ", rank " + std::to_string(rank_) + ": " +
                  (full.problem.empty() ? path + " is not recorded" : full.problem));
      return std::nullopt;
    }
    return Parameter{name, full.dtype, std::move(full.bytes), in_memory(name, *shard)};
  }

  /// The rank's own tensor: a shard of several boxes is stored box by box.
  Bytes in_memory(const std::string& name, const StoredDataset& shard) const {
    const Program& program = trace_.program(rank_);
    Bytes stored = trace_.reader().read(shard);
    for (const Value& value : program.values) {
      if (value.name != "parameter/" + name) continue;
      const Piece piece = pieces_of(program, value, Rank{rank_}).front();
      if (element_count(piece) != element_count(shard.info.regions)) break;
      Bytes bytes(stored.size());
      put_back(piece, stored, size_bytes(shard.info.dtype), bytes);
      return bytes;
    }
    return stored;
  }

  /// One gathered scope: what is gathered, edited, cut and stored. `before` is what it finds.
  void check_pass(const std::string& pass, const Parameter& before, bool edits) {
    const std::string folder = pass + "/" + before.name + "/";
    const Write gathered = expect(folder + "gathered", before.full, before.dtype, 0,
                                  "it is not the parameter that its shards make up");
    const Parameter after = edits ? before.negative() : before;
    if (edits)
      expect(folder + "edited", after.full, before.dtype, 0, "it is not the negated parameter");
    const Write cut = expect(folder + "repartitioned", after.shard, before.dtype, 0,
                             "it is not the rank's part of what was gathered");
    if (gathered.access == nullptr || cut.access == nullptr) return;
    expect("parameter/" + before.name, after.shard, before.dtype, cut.access->sequence,
           "what is stored after the gathered scope is not the rank's part of it");
  }

  /// The value's first write of this stage after `sequence` has these bytes.
  Write expect(const std::string& name, const Bytes& bytes, Dtype dtype, std::int64_t sequence,
               const std::string& problem) {
    const auto count = static_cast<std::int64_t>(bytes.size() / size_bytes(dtype));
    for (const Write& write : writes_[name]) {
      if (write.executed->moment.stage != stage_ || write.access->sequence <= sequence) continue;
      const bool equal = write.access->hash == tensor_hash(bytes);
      tally_.add(count, equal ? 0 : 1, Proof::bitwise);  // a hash does not tell how many differ
      if (!equal) note(write, name, problem);
      return write;
    }
    tally_.add(count, 0, Proof::bitwise);
    tally_.fail(
        trace_.execution() + ", rank " + std::to_string(rank_) + ": " + name + " was not written " +
            (stage_ == Moment::Stage::initial ? "before the first" : "after the last") + " step",
        count);
    return {};
  }

  void note(const Write& write, const std::string& name, const std::string& problem) {
    Failure failure =
        failure_of(trace_, rank_, *write.executed, folder_of(write.executed->moment) + "/" + name);
    failure.divergence.wrong_elements = 1;  // at least
    findings_.add(failure, problem);
  }

  const JudgeContext& context_;
  const EngineTrace& trace_;
  Tally& tally_;
  Findings findings_;
  int rank_ = 0;
  Moment::Stage stage_ = Moment::Stage::initial;
  std::map<std::string, std::vector<Write>> writes_;
};

}  // namespace

Tally check_round_trip(const JudgeContext& context) {
  Tally tally("round_trip", Proof::bitwise);
  for (const EngineTrace* trace : context.engines()) RoundTrips(context, *trace, tally).check();
  return tally;
}

}  // namespace shardproof::reports

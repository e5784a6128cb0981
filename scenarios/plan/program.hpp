#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/phase.hpp"
#include "scenarios/plan/flat_layout.hpp"
#include "scenarios/plan/op_kinds.hpp"
#include "scenarios/plan/placement.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

using ValueId = int;

/// How long a value's memory is its own: from its first write to its last use in the segment, to
/// the end of the segment that closes a gathered scope, or for the whole run.
enum class Lifetime { segment, scope, state };

/// A tensor of the run. Its `name` is where it stands in the folder of a moment of the trace:
/// "forward/model.norm/output" is recorded as /step/000000/micro/0/forward/model.norm/output.
/// A value with a layout is a flat vector and is recorded parameter by parameter: the '*' of
/// "optimizer/*/master" is the parameter's name.
struct Value {
  std::string name;
  Shape shape;  // full; of a flat vector empty: its length is a matter of the rank (FlatTable)
  Dtype dtype = Dtype::fp32;
  Placement placement;
  Lifetime lifetime = Lifetime::segment;
  int layout = -1;  // index into Program::layouts
  /// The value whose memory it takes over, written in place (an input of the op that writes it,
  /// which nobody may read from there on); -1: it has memory of its own.
  ValueId in_place_of = -1;
  int extent = -1;  // index into Program::extents: of dimension 0
};

/// A number of rows that is data: of the tokens that an op has routed to an expert. Where a value
/// has an extent, its dimension 0 is as long as `bound` for each replica, in memory and in the
/// tensor that the trace shows; present are the first rows of each replica's part, as many as there
/// are.
///
///   bound 8, 2 replicas, of which 3 and 0 tokens chose the expert: full shape (16, C), of which
///   replica 0 has [0:3, 0:C] and replica 1 nothing
struct Extent {
  std::string name;         // "model.layers.0.block_sparse_moe.experts.3"
  std::int64_t bound = 0;   // of one replica
  ValueId source = -1;      // the chosen experts, (B, T, k): the same on all ranks of a TP group
  std::int64_t expert = 0;  // which of them is counted
};

using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>>;
using Attributes = std::map<std::string, Attribute>;

/// One operation of one rank, the same for every rank and every step.
struct Op {
  OpKind kind = OpKind::copy;
  std::string module;  // "model.layers.1.self_attn.o_proj"
  Phase phase = Phase::data;
  std::string name;  // "all_reduce"; unique within module, phase and segment
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;  // may repeat an input: written in place, a new version
  std::optional<Axis> group;     // of a collective and its wait
  int stream = 0;
  bool recorded = true;  // whether its outputs go into the trace
  Attributes attributes;
};

/// "model.layers.1.self_attn.o_proj/forward/all_reduce".
std::string full_name(const Op& op);
/// The op a wait belongs to, or the op itself: "model.layers.1.self_attn.o_proj/forward/all_reduce"
/// of ".../all_reduce.wait". It is under this name that what it wrote is known.
std::string writer_name(const Op& op);

std::int64_t integer(const Op& op, const std::string& key);
double real_number(const Op& op, const std::string& key);
const std::string& text(const Op& op, const std::string& key);

/// How `concatenate` puts shards together, as attributes of the op: `dim`, and the `widths`, block
/// after block, unless the cut is even.
Attributes attributes_of_cut(const AxisPlacement& cut);
/// The inverse, for groups of `ranks`.
AxisPlacement cut_of(const Op& op, int ranks);

/// A named list of ops that runs as a whole. A segment may open or close the gathered scope of one
/// layer (GatherReplacedLayerParams): between the two no other scope may open and no step may run.
struct Segment {
  std::string name;
  std::vector<Op> ops;
  std::string opens;
  std::string closes;
};

/// What runs when. `run` names a segment; in the steps and micro-steps of a variant another segment
/// runs instead (that is how a planted defect is active in some of them only; none named: all).
/// `decide` runs `body` if any element of `value` is not zero, else `otherwise`. `host` is done by
/// the ranks' hosts and is no op: after the last of a step's segments, and in some steps only.
/// `abort` ends the whole run there, on all ranks (what decides it is alike on all).
struct Action {
  enum class Kind { run, repeat_steps, repeat_micro_steps, decide, host, abort };
  struct Variant {
    std::vector<int> steps;
    std::vector<int> micro_steps;
    std::string segment;

    bool runs_in(int step, int micro_step) const;
  };
  Kind kind = Kind::run;
  std::string segment;  // run
  std::vector<Variant> variants;
  std::vector<Action> body;
  std::vector<Action> otherwise;
  ValueId value = -1;      // decide
  std::string host;        // save_checkpoint, load_checkpoint
  std::vector<int> steps;  // host: in which steps
};

/// A whole training run as data, one for all ranks. Steps and micro-steps are bound when it runs.
struct Program {
  int tp = 1;
  int dp = 1;
  int steps = 1;
  int first_step = 0;  // where they are counted from: a run may go on from a checkpoint
  int accumulation = 1;
  std::vector<Value> values;
  std::vector<FlatLayout> layouts;
  std::vector<Extent> extents;
  std::vector<Segment> segments;
  std::vector<Action> schedule;

  ProcessGrid grid() const { return ProcessGrid({.tp = tp, .dp = dp}); }
  const Value& value(ValueId id) const { return values.at(static_cast<std::size_t>(id)); }
  Value& value(ValueId id) { return values.at(static_cast<std::size_t>(id)); }
  /// Of a flat value.
  const FlatLayout& layout_of(const Value& value) const {
    return layouts.at(static_cast<std::size_t>(value.layout));
  }
  /// Index of the segment; throws InvariantError if there is none.
  int segment_index(const std::string& name) const;
  const Segment& segment(const std::string& name) const;
  Segment& segment(const std::string& name);
};

/// The value whose memory a value lies in: its own, unless it is written in place.
ValueId storage_of(const Program& program, ValueId id);

/// What `rank` holds of a value: the shape its kernels see.
///   (4, 64, 256) tp=replicate dp=shard(0), dp 2  ->  (2, 64, 256)
///   tp=shard(1: 24 16 24) of (4, 64), TP rank 1  ->  (4, 16)
///   flat, padded to 1024 on this TP rank, 2 owners  ->  (512)
///   with an extent: its bound
Shape local_shape(const Program& program, const Value& value, Rank rank);

/// How many rows each extent of a program has, once the op that chooses has run; -1: not known yet.
/// None at all: nothing is known, and every extent counts as its bound.
using RowCounts = std::vector<std::int64_t>;
/// The same with as many rows as there are.
Shape local_shape(const Program& program, const Value& value, Rank rank, const RowCounts& rows);
/// Counts, in the experts that a rank's tokens chose, those of all extents whose source they are.
/// Throws InvariantError if there are more than the bound.
void count_rows(const Program& program, ValueId source, std::span<const std::int64_t> chosen,
                RowCounts& rows);

}  // namespace shardproof

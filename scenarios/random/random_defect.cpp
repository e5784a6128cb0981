#include "scenarios/random/random_defect.hpp"

#include <algorithm>
#include <set>

#include "scenarios/plan/op_kinds.hpp"
#include "scenarios/plan/op_neighbours.hpp"
#include "scenarios/random/dice.hpp"

namespace shardproof {

namespace {

class Defects {
 public:
  Defects(const Program& program, Dice dice) : program_(program), dice_(dice) {}

  std::optional<RandomDefect> draw() {
    const char* edit = dice_.one_of({"drop", "double", "regroup", "swap_shards", "scale", "scale"});
    const std::vector<const Op*> fitting = ops_for(edit);
    if (fitting.empty()) return std::nullopt;
    const Op& op = *dice_.one_of(fitting);
    RandomDefect defect{JsonValue::object().set("edit", edit).set("op", full_name(op)),
                        full_name(op), places_of(op)};
    if (std::string(edit) == "regroup")
      defect.edit.set("group", op.group == Axis::tp ? "dp" : "tp");
    if (std::string(edit) == "scale") add_factor(defect.edit, op);
    return defect;
  }

 private:
  std::vector<const Op*> ops_for(const std::string& edit) const {
    std::vector<const Op*> fitting;
    for (const Segment& segment : program_.segments)
      for (const Op& op : segment.ops)
        if (fits(edit, op)) fitting.push_back(&op);
    return fitting;
  }

  bool fits(const std::string& edit, const Op& op) const {
    const ProcessGrid grid = program_.grid();
    if (edit == "scale") return computes(op);
    if (edit == "swap_shards") return op.kind == OpKind::load_parameter && is_cut_evenly(op);
    if (op.kind != OpKind::all_reduce || grid.size(*op.group) == 1) return false;
    return edit != "regroup" || grid.size(*op.group == Axis::tp ? Axis::dp : Axis::tp) > 1;
  }

  // What it writes are numbers, and not of the kind that is zero in a run that is right.
  bool computes(const Op& op) const {
    static const std::set<OpKind> others{OpKind::zero,      OpKind::checksum, OpKind::differ,
                                         OpKind::nonfinite, OpKind::route,    OpKind::wait,
                                         OpKind::split};
    const Judge judge = row_of(op.kind).judge;
    return op.outputs.size() == 1 && !others.contains(op.kind) && !is_collective(op.kind) &&
           (judge == Judge::bitwise || judge == Judge::bounded) &&
           program_.value(op.outputs[0]).dtype != Dtype::int64;
  }

  // Into parts of which the neighbour's has the same size.
  bool is_cut_evenly(const Op& op) const {
    const Value& value = program_.value(op.outputs[0]);
    const Shape shape = local_shape(program_, value, Rank{0});
    for (int rank = 1; rank < program_.grid().world(); ++rank)
      if (local_shape(program_, value, Rank{rank}) != shape) return false;
    return value.placement.tp.kind == AxisPlacement::Kind::shard;
  }

  void add_factor(JsonValue& edit, const Op& op) {
    edit.set("factor", dice_.one_of<double>({0.5, 2, 1.25, -1, 0}));
    if (program_.grid().world() > 1 && op.phase != Phase::data && dice_.chance(50))
      edit.set("ranks", JsonValue::array().append(dice_.between(0, program_.grid().world() - 1)));
  }

  std::vector<std::string> places_of(const Op& op) const {
    OpNeighbours neighbours;
    neighbours.add(program_);
    return neighbours.names_beside(full_name(op));
  }

  const Program& program_;
  Dice dice_;
};

}  // namespace

bool RandomDefect::is_at(const std::string& named_op) const {
  return std::ranges::any_of(places, [&](const std::string& place) {
    return named_op == place || named_op.starts_with(place + ".");
  });
}

std::optional<RandomDefect> random_defect(const Program& program, std::uint64_t seed) {
  return Defects(program, Dice(seed, "defect")).draw();
}

}  // namespace shardproof

#include "scenarios/plan/program.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof {

std::string full_name(const Op& op) { return op.module + "/" + name_of(op.phase) + "/" + op.name; }

std::string writer_name(const Op& op) {
  std::string name = full_name(op);
  if (op.kind == OpKind::wait && name.ends_with(".wait")) name.resize(name.size() - 5);
  return name;
}

namespace {
template <class T>
const T& attribute(const Op& op, const std::string& key) {
  const auto found = op.attributes.find(key);
  SHARDPROOF_EXPECTS(found != op.attributes.end(), full_name(op), "has no attribute", key);
  const T* value = std::get_if<T>(&found->second);
  SHARDPROOF_EXPECTS(value != nullptr, full_name(op), "attribute of another type:", key);
  return *value;
}
}  // namespace

std::int64_t integer(const Op& op, const std::string& key) {
  return attribute<std::int64_t>(op, key);
}
double real_number(const Op& op, const std::string& key) { return attribute<double>(op, key); }
const std::string& text(const Op& op, const std::string& key) {
  return attribute<std::string>(op, key);
}

Attributes attributes_of_cut(const AxisPlacement& cut) {
  Attributes attributes{{"dim", std::int64_t{cut.dim}}};
  std::vector<std::int64_t> widths;
  for (const std::vector<std::int64_t>& block : cut.widths)
    widths.insert(widths.end(), block.begin(), block.end());
  if (!widths.empty()) attributes["widths"] = std::move(widths);
  return attributes;
}

AxisPlacement cut_of(const Op& op, int ranks) {
  Widths blocks;
  if (op.attributes.contains("widths")) {
    const auto& widths = attribute<std::vector<std::int64_t>>(op, "widths");
    SHARDPROOF_EXPECTS(std::ssize(widths) % ranks == 0, full_name(op), widths.size(), ranks);
    for (auto block = widths.begin(); block != widths.end(); block += ranks)
      blocks.emplace_back(block, block + ranks);
  }
  return shard(static_cast<int>(integer(op, "dim")), std::move(blocks));
}

bool Action::Variant::runs_in(int step, int micro_step) const {
  const auto named = [](const std::vector<int>& numbers, int number) {
    return numbers.empty() || std::ranges::find(numbers, number) != numbers.end();
  };
  return named(steps, step) && named(micro_steps, micro_step);
}

int Program::segment_index(const std::string& name) const {
  const auto found = std::find_if(segments.begin(), segments.end(),
                                  [&](const Segment& segment) { return segment.name == name; });
  SHARDPROOF_EXPECTS(found != segments.end(), "no segment", name);
  return static_cast<int>(found - segments.begin());
}

const Segment& Program::segment(const std::string& name) const {
  return segments[static_cast<std::size_t>(segment_index(name))];
}

Segment& Program::segment(const std::string& name) {
  return segments[static_cast<std::size_t>(segment_index(name))];
}

ValueId storage_of(const Program& program, ValueId id) {
  for (ValueId before = id; before >= 0; before = program.value(id).in_place_of) {
    SHARDPROOF_EXPECTS(before <= id, program.value(id).name, "is written in place of", before);
    id = before;
  }
  return id;
}

Shape local_shape(const Program& program, const Value& value, Rank rank) {
  const ProcessGrid grid = program.grid();
  if (value.layout < 0) return local_shape(value.shape, value.placement, grid, rank);
  const FlatLayout& layout = program.layouts.at(static_cast<std::size_t>(value.layout));
  return {owned_stretch(flat_table(layout, grid, rank), value.placement, grid, rank).count};
}

Shape local_shape(const Program& program, const Value& value, Rank rank, const RowCounts& rows) {
  Shape shape = local_shape(program, value, rank);
  if (value.extent < 0 || rows.empty()) return shape;
  const std::int64_t count = rows.at(static_cast<std::size_t>(value.extent));
  if (count >= 0) shape[0] = std::min(shape[0], count);
  return shape;
}

void count_rows(const Program& program, ValueId source, std::span<const std::int64_t> chosen,
                RowCounts& rows) {
  rows.resize(program.extents.size(), -1);
  for (std::size_t i = 0; i < program.extents.size(); ++i) {
    const Extent& extent = program.extents[i];
    if (extent.source != source) continue;
    rows[i] = std::count(chosen.begin(), chosen.end(), extent.expert);
    SHARDPROOF_EXPECTS(rows[i] <= extent.bound, extent.name, rows[i], extent.bound);
  }
}

}  // namespace shardproof

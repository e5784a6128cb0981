#include "scenarios/plan/print/print.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/counts.hpp"
#include "scenarios/plan/print/layer_fold.hpp"
#include "scenarios/plan/print/print_partition.hpp"
#include "scenarios/plan/print/text_table.hpp"
#include "scenarios/plan/program_json.hpp"
#include "scenarios/precision/precision.hpp"

namespace shardproof {

namespace {

constexpr std::string_view parameter_prefix = "parameter/";

std::string plural(std::int64_t count, const std::string& noun, const char* ending = "s") {
  return with_thousands(count) + " " + noun + (count == 1 ? "" : ending);
}

// "{0,1} {2,3}"; of many ranks by their rule: "1,024 x {0,1,..,7}, the next +8".
std::string groups_text(const ProcessGrid& grid, Axis axis) {
  constexpr int all_are_read = 64;
  if (grid.world() > all_are_read) {
    const int apart = axis == Axis::tp ? 1 : grid.size(Axis::tp);
    const int next = axis == Axis::tp ? grid.size(Axis::tp) : 1;
    const int last = apart * (grid.size(axis) - 1);
    const std::string ranks = grid.size(axis) == 1 ? "0" : fmt::format("0,{},..,{}", apart, last);
    return fmt::format("{} of {}: {{{}}}, each next one {} on",
                       with_thousands(grid.world() / grid.size(axis)),
                       plural(grid.size(axis), "rank"), ranks, next);
  }
  std::string text;
  for (int r = 0; r < grid.world(); ++r) {
    if (grid.group_rank(Rank{r}, axis).value != 0) continue;
    std::string group;
    for (const Rank member : grid.group(Rank{r}, axis))
      group += (group.empty() ? "" : ",") + std::to_string(member.value);
    text += (text.empty() ? "{" : " {") + group + "}";
  }
  return text;
}

std::string grid_text(const Program& program, const Scenario& scenario) {
  const ProcessGrid grid = program.grid();
  const std::string steps =
      scenario.trains()
          ? fmt::format("ZeRO {}, {} of {}", scenario.parallel.zero_stage,
                        plural(program.steps, "step"), plural(program.accumulation, "micro-step")) +
                (program.first_step > 0 ? ", from step " + std::to_string(program.first_step) : "")
          : "inference, " + plural(program.steps, "forward pass", "es");
  return fmt::format("plan of {}: {} = tp {} x dp {}, {}\n", scenario.name,
                     plural(grid.world(), "rank"), program.tp, program.dp, steps) +
         "  TP groups  " + groups_text(grid, Axis::tp) + "\n  DP groups  " +
         groups_text(grid, Axis::dp) + "\n  weights    " +
         (scenario.weights == "generated" ? "generated, seed " + std::to_string(scenario.seed)
                                          : scenario.weights) +
         "\n";
}

// "12" where all TP ranks have as much, "8 to 12" where they do not.
std::string range_text(std::int64_t least, std::int64_t most) {
  return (least == most ? "" : with_thousands(least) + " to ") + with_thousands(most);
}

// The least and the most of what unlike ranks hold.
template <class Measure>
std::string range_text(const Program& program, const Measure& measure) {
  std::vector<std::int64_t> numbers;
  for (const Rank rank : unlike_ranks(program)) numbers.push_back(measure(rank));
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  return range_text(*least, *most);
}

std::string ownership_text(const Program& program) {
  const std::vector<OwnedParameter> parameters = owned_parameters(program);
  LayerFold fold;
  std::int64_t total = 0;
  bool uneven = false;
  for (const OwnedParameter& parameter : parameters) {
    const Value& value = *parameter.value;
    uneven |= parameter.least_bytes != parameter.bytes;
    fold.add(parameter.name, to_string(value.shape) + to_string(value.placement));
    total += parameter.bytes;
  }
  TextTable table("<<<<>");
  table.row({"parameter", "shape", "dtype", "placement", "bytes a rank"});
  for (const LayerFold::Line& line : fold.lines()) {
    const OwnedParameter& parameter = parameters[line.first];
    const std::string times = line.count > 1 ? std::to_string(line.count) + " x " : "";
    table.row({line.name, to_string(parameter.value->shape), name_of(parameter.value->dtype),
               to_string(parameter.value->placement),
               times + range_text(parameter.least_bytes, parameter.bytes)});
  }
  return "\nWho owns what\n" + table.text() + "  " + plural(std::ssize(parameters), "parameter") +
         ", " + (uneven ? "at most " : "") + bytes_text(total) + " a rank\n";
}

// Flat vectors that live through the whole run: what ZeRO divides.
std::string flat_state_text(const Program& program) {
  TextTable table("<<>>>");
  table.row({"flat vector", "dtype", "elements", "padded", "a rank's slice"});
  bool any = false;
  for (const Value& value : program.values) {
    if (value.lifetime != Lifetime::state || value.layout < 0) continue;
    const FlatLayout& layout = program.layouts.at(static_cast<std::size_t>(value.layout));
    const auto column = [&](auto number) {
      return range_text(program, [&](Rank rank) {
        return number(flat_table(layout, program.grid(), rank), rank);
      });
    };
    table.row({value.name, name_of(value.dtype),
               column([](const FlatTable& flat, Rank) { return flat.elements; }),
               column([](const FlatTable& flat, Rank) { return flat.padded; }),
               column([&](const FlatTable& flat, Rank rank) {
                 return owned_stretch(flat, value.placement, program.grid(), rank).count;
               })});
    any = true;
  }
  return any ? "\nOptimizer state of one TP rank\n" + table.text() : "";
}

std::string collectives_text(const Accounts& accounts, const std::string& per,
                             const std::string& title) {
  LayerFold fold;
  std::vector<const CollectiveAccount*> chosen;
  std::int64_t bytes = 0;
  for (const CollectiveAccount& collective : accounts.collectives) {
    if (collective.per != per) continue;
    fold.add(collective.origin,
             fmt::format("{} {} {} {} {} {}", collective.kind, name_of(collective.group),
                         name_of(collective.dtype), collective.elements, collective.least_elements,
                         collective.times));
    chosen.push_back(&collective);
    bytes = sum(bytes, collective.bytes);
  }
  if (chosen.empty()) return "";
  TextTable table("<<<<>>>");
  table.row({"collective", "kind", "group", "dtype", "elements", "bytes", "times in the run"});
  for (const LayerFold::Line& line : fold.lines()) {
    const CollectiveAccount& collective = *chosen[line.first];
    const std::string times = line.count > 1 ? std::to_string(line.count) + " x " : "";
    table.row({line.name, collective.kind, name_of(collective.group), name_of(collective.dtype),
               range_text(collective.least_elements, collective.elements),
               with_thousands(collective.bytes), times + with_thousands(collective.times)});
  }
  return "\n" + title + ": " + plural(std::ssize(chosen), "collective") + ", " + bytes_text(bytes) +
         " from each rank\n" + table.text();
}

// The gathered scopes outside the steps: many small collectives, one line for each kind of them.
std::string scope_collectives_text(const Accounts& accounts) {
  struct Line {
    CollectiveAccount first;
    std::int64_t count = 0;
    std::int64_t bytes = 0;
  };
  std::vector<std::pair<std::string, Line>> lines;
  std::int64_t count = 0, bytes = 0;
  for (const CollectiveAccount& collective : accounts.collectives) {
    if (collective.per != "run") continue;
    const auto slash = std::min(collective.origin.find('/'), collective.origin.size());
    const std::string name = "*" + collective.origin.substr(slash);
    auto line = std::find_if(lines.begin(), lines.end(),
                             [&](const auto& entry) { return entry.first == name; });
    if (line == lines.end()) line = lines.insert(lines.end(), {name, {collective, 0, 0}});
    const std::int64_t in_run = product(collective.bytes, collective.times);
    line->second.count += collective.times;
    line->second.bytes = sum(line->second.bytes, in_run);
    count += collective.times;
    bytes = sum(bytes, in_run);
  }
  if (lines.empty()) return "";
  TextTable table("<<<<>>");
  table.row({"collective", "kind", "group", "dtype", "times in the run", "bytes in the run"});
  for (const auto& [name, line] : lines)
    table.row({name, line.first.kind, name_of(line.first.group), name_of(line.first.dtype),
               with_thousands(line.count), with_thousands(line.bytes)});
  return "\nBefore the first and after the last step: " + plural(count, "collective") + ", " +
         bytes_text(bytes) + " from each rank\n" + table.text();
}

std::string memory_text(const Accounts& accounts, const Scenario& scenario) {
  // The rank that needs most in all may have less of one kind.
  const auto row = [](TextTable& table, const char* name, std::int64_t one, std::int64_t other) {
    const auto [least, most] = std::minmax(one, other);
    table.row(
        {name, least == most ? bytes_text(most) : bytes_text(least) + " to " + bytes_text(most)});
  };
  const MemoryAccount& small = accounts.smallest_rank;
  const MemoryAccount& large = accounts.largest_rank;
  TextTable table("<<");
  row(table, "parameters", small.parameters, large.parameters);
  if (scenario.trains()) {
    row(table, "gradients", small.gradients, large.gradients);
    row(table, "optimizer", small.optimizer, large.optimizer);
  }
  row(table, "buffers", small.buffers, large.buffers);
  row(table, "activations, at most", small.activations_peak, large.activations_peak);
  row(table, "all together, at most", small.total_peak, large.total_peak);
  return "\nMemory of a rank\n" + table.text();
}

std::string precision_text(const Scenario& scenario) {
  const PrecisionPolicy policy = precision_policy(scenario);
  const bool trains = scenario.trains();
  TextTable table("<<");
  table.row({"working", std::string(name_of(policy.working)) + ": weights, activations" +
                            (trains ? ", gradients" : "")});
  table.row({"compute", std::string(name_of(policy.compute)) + ": sums inside a kernel" +
                            (trains ? ", loss" : "")});
  if (trains) table.row({"master", std::string(name_of(policy.master)) + ": optimizer state"});
  table.row({"on the wire",
             fmt::format("tp {}, dp {}, each addition rounded; order: {}", name_of(policy.tp_wire),
                         name_of(policy.dp_wire), name_of(policy.order))});
  if (!trains) return "\nPrecision\n" + table.text();
  table.row({"mean over dp", policy.divide_before ? "divided by D before the reduction"
                                                  : "multiplied by RN(1/D) after the reduction"});
  return "\nPrecision\n" + table.text();
}

std::string keys_text(const std::vector<std::string>& keys, const std::string& title) {
  std::string text;
  for (const std::string& key : keys) text += "  " + key + "\n";
  return text.empty() ? "" : "\n" + title + "\n" + text;
}

}  // namespace

std::vector<OwnedParameter> owned_parameters(const Program& program) {
  std::vector<OwnedParameter> parameters;
  const std::vector<Rank> ranks = unlike_ranks(program);
  for (const Value& value : program.values) {
    if (value.lifetime != Lifetime::state || !value.name.starts_with(parameter_prefix)) continue;
    std::vector<std::int64_t> bytes;
    for (const Rank rank : ranks)
      bytes.push_back(element_count(local_shape(program, value, rank)) *
                      static_cast<std::int64_t>(size_bytes(value.dtype)));
    const auto [least, most] = std::minmax_element(bytes.begin(), bytes.end());
    parameters.push_back({value.name.substr(parameter_prefix.size()), &value, *most, *least});
  }
  return parameters;
}

std::string print_plan(const Program& program, const Accounts& accounts, const Scenario& scenario) {
  return grid_text(program, scenario) + print_partition(scenario) + ownership_text(program) +
         flat_state_text(program) +
         collectives_text(accounts, "micro_step",
                          scenario.trains() ? "Each micro-step" : "Each forward pass") +
         collectives_text(accounts, "step", "Each step") + scope_collectives_text(accounts) +
         memory_text(accounts, scenario) + precision_text(scenario) +
         keys_text(scenario.filled, "DeepSpeed keys that Hugging Face's Trainer fills in") +
         keys_text(scenario.defaulted, "DeepSpeed keys left to their defaults") +
         keys_text(scenario.without_effect, "DeepSpeed keys without effect on numbers") +
         keys_text(scenario.notices, "To be known beside the verdict") +
         "\nTrace of one execution: " + bytes_text(accounts.trace_bytes) +
         " of tensors\nProgram hash: " + hash_of(program) + "\n";
}

std::string print_op_names(const Program& program) {
  std::string text;
  for (const Segment& segment : program.segments) {
    text += segment.name + "\n";
    TextTable table("<<");
    for (const Op& op : segment.ops) table.row({full_name(op), name_of(op.kind)});
    text += table.text();
  }
  return text;
}

std::string print_ops() {
  const auto operands = [](int count) {
    return count < 0 ? std::string("1+") : std::to_string(count);
  };
  TextTable table("<>><<<<");
  table.row({"op", "in", "out", "shapes", "placement", "rounding", "judged"});
  for (const OpRow& row : op_table())
    table.row({row.name, operands(row.inputs), operands(row.outputs), row.shapes, row.placement,
               row.rounding, name_of(row.judge)});
  return table.text();
}

}  // namespace shardproof

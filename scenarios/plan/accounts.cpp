#include "scenarios/plan/accounts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "scenarios/counts.hpp"
#include "scenarios/plan/lifetimes.hpp"
#include "scenarios/plan/memory_layout.hpp"
#include "scenarios/plan/segment_index.hpp"

namespace shardproof {

namespace {

// How often a variant runs: never where there is no step.
std::int64_t runs_of(const Program& program, const Action::Variant& variant,
                     const std::string& per) {
  const auto named = [](const std::vector<int>& numbers, std::int64_t begin, std::int64_t count) {
    if (numbers.empty()) return count;
    const std::set<int> once(numbers.begin(), numbers.end());
    return std::ranges::count_if(once, [&](int n) { return n >= begin && n < begin + count; });
  };
  if (per == "run") return 0;
  const std::int64_t steps = named(variant.steps, program.first_step, program.steps);
  if (per != "micro_step") return variant.micro_steps.empty() ? steps : 0;
  return steps * named(variant.micro_steps, 0, program.accumulation);
}

// Calls visit(segment index, runs, per) for every run action of the schedule.
template <class Visit>
void walk(const Program& program, const SegmentIndex& index, const std::vector<Action>& actions,
          std::int64_t times, const std::string& per, const Visit& visit) {
  for (const Action& action : actions) {
    switch (action.kind) {
      case Action::Kind::run: {
        std::int64_t varied = 0;
        for (const Action::Variant& variant : action.variants) {
          const std::int64_t runs = runs_of(program, variant, per);
          visit(index(variant.segment), runs, per);
          varied += runs;
        }
        visit(index(action.segment), times - varied, per);
        break;
      }
      case Action::Kind::repeat_steps:
        walk(program, index, action.body, times * program.steps, "step", visit);
        break;
      case Action::Kind::repeat_micro_steps:
        walk(program, index, action.body, times * program.accumulation, "micro_step", visit);
        break;
      case Action::Kind::decide: walk(program, index, action.otherwise, times, per, visit); break;
      case Action::Kind::host:
      case Action::Kind::abort: break;
    }
  }
}

// Collectives in the order of the schedule; one that several segments issue is one line.
struct CollectiveList {
  std::vector<CollectiveAccount> lines;
  std::map<std::tuple<std::string, std::string, Axis>, std::size_t> index;  // by origin, per, group

  void add(CollectiveAccount account) {
    const auto [line, added] =
        index.try_emplace({account.origin, account.per, account.group}, lines.size());
    if (added)
      lines.push_back(std::move(account));
    else
      lines[line->second].times += account.times;
  }
};

void count_collectives(const Program& program, const std::vector<Rank>& ranks, int segment,
                       std::int64_t runs, const std::string& per, CollectiveList& out) {
  for (const Op& op : program.segments[static_cast<std::size_t>(segment)].ops) {
    if (!is_collective(op.kind) || runs == 0) continue;
    std::vector<std::int64_t> elements;
    for (const Rank rank : ranks)
      elements.push_back(element_count(local_shape(program, program.value(op.inputs[0]), rank)));
    CollectiveAccount account;
    account.origin = full_name(op);
    account.kind = name_of(op.kind);
    account.group = op.group.value();
    account.dtype = dtype_from_name(text(op, "wire")).value();
    const auto [least, most] = std::minmax_element(elements.begin(), elements.end());
    account.elements = *most;
    account.least_elements = program.value(op.inputs[0]).extent < 0 ? *least : 0;
    account.bytes = product(account.elements, static_cast<std::int64_t>(size_bytes(account.dtype)));
    account.per = per;
    account.times = runs;
    out.add(std::move(account));
  }
}

std::int64_t bytes_of(const Program& program, const Value& value, Rank rank) {
  return product(element_count(local_shape(program, value, rank)),
                 static_cast<std::int64_t>(size_bytes(value.dtype)));
}

std::int64_t recorded_bytes(const Program& program, const Segment& segment, Rank rank) {
  std::int64_t bytes = 0;
  for (const Op& op : segment.ops)
    if (op.recorded)
      for (const ValueId id : op.outputs)
        bytes = sum(bytes, bytes_of(program, program.value(id), rank));
  return bytes;
}

// A flat vector is recorded by parameter, with its padding; a rank may hold a part of them alone.
std::int64_t most_tensors_of(const Program& program, const Value& value) {
  if (value.layout < 0) return 1;
  return std::ssize(program.layouts.at(static_cast<std::size_t>(value.layout)).entries) + 1;
}

std::int64_t recorded_tensors(const Program& program, const Segment& segment) {
  std::int64_t tensors = 0;
  for (const Op& op : segment.ops)
    if (op.recorded)
      for (const ValueId id : op.outputs) tensors += most_tensors_of(program, program.value(id));
  return tensors;
}

std::int64_t& state_account(MemoryAccount& memory, const std::string& name) {
  if (name.starts_with("parameter/")) return memory.parameters;
  if (name.starts_with("accumulator/") || name == "gradient/*" || name == "optimizer/*/gradient")
    return memory.gradients;
  if (name.starts_with("optimizer/")) return memory.optimizer;
  return memory.buffers;
}

MemoryAccount memory_of(const Program& program, Rank rank) {
  MemoryAccount memory;
  for (std::size_t i = 0; i < program.values.size(); ++i)
    if (program.values[i].lifetime == Lifetime::state)
      state_account(memory, program.values[i].name) +=
          static_cast<std::int64_t>(block_bytes(program, static_cast<ValueId>(i), rank));
  const MemoryLayout layout = memory_layout(program, rank);
  memory.activations_peak = static_cast<std::int64_t>(layout.bytes - layout.state_bytes);
  memory.total_peak = static_cast<std::int64_t>(layout.bytes);
  return memory;
}

void find_largest(const Program& program, Rank rank, Accounts& accounts) {
  for (std::size_t i = 0; i < program.values.size(); ++i) {
    const Value& value = program.values[i];
    const auto bytes =
        static_cast<std::int64_t>(block_bytes(program, static_cast<ValueId>(i), rank));
    accounts.largest_value = std::max(accounts.largest_value, bytes);
    if (value.name.starts_with("parameter/") && value.layout < 0)
      accounts.largest_weight =
          std::max(accounts.largest_weight, element_count(local_shape(program, value, rank)));
  }
}

}  // namespace

std::vector<std::int64_t> segment_runs(const Program& program) {
  std::vector<std::int64_t> runs(program.segments.size(), 0);
  walk(program, SegmentIndex(program), program.schedule, 1, "run",
       [&](int segment, std::int64_t times, const std::string&) {
         runs[static_cast<std::size_t>(segment)] += times;
       });
  return runs;
}

std::vector<Rank> unlike_ranks(const Program& program) {
  const bool uneven =
      std::any_of(program.values.begin(), program.values.end(), [](const Value& value) {
        return !value.placement.tp.widths.empty() || !value.placement.dp.widths.empty();
      });
  std::vector<Rank> ranks;
  for (int tp = 0; tp < (uneven ? program.tp : 1); ++tp)
    ranks.push_back(program.grid().rank_at(GroupRank{tp}, GroupRank{0}));
  return ranks;
}

Accounts accounts_of(const Program& program) {
  Accounts accounts;
  const std::vector<Rank> ranks = unlike_ranks(program);
  CollectiveList collectives;
  walk(program, SegmentIndex(program), program.schedule, 1, "run",
       [&](int segment, std::int64_t runs, const std::string& per) {
         count_collectives(program, ranks, segment, runs, per, collectives);
       });
  accounts.collectives = std::move(collectives.lines);
  std::vector<MemoryAccount> memories;
  for (const Rank rank : ranks) memories.push_back(memory_of(program, rank));
  const auto [smallest, largest] =
      std::minmax_element(memories.begin(), memories.end(),
                          [](const auto& a, const auto& b) { return a.total_peak < b.total_peak; });
  accounts.smallest_rank = *smallest;
  accounts.largest_rank = *largest;
  const std::vector<std::int64_t> runs = segment_runs(program);
  for (const Rank rank : ranks) find_largest(program, rank, accounts);
  const std::int64_t alike = program.grid().world() / std::ssize(ranks);  // ranks like each of them
  for (const Rank rank : ranks)
    for (std::size_t s = 0; s < runs.size(); ++s)
      accounts.trace_bytes =
          sum(accounts.trace_bytes,
              product(product(runs[s], recorded_bytes(program, program.segments[s], rank)), alike));
  for (std::size_t s = 0; s < runs.size(); ++s)
    accounts.tensors_of_rank = sum(
        accounts.tensors_of_rank, product(runs[s], recorded_tensors(program, program.segments[s])));
  return accounts;
}

}  // namespace shardproof

// Every value's lifetime is known before the program runs, so its place can be, too. The largest
// blocks are placed first, each as low as it fits, and the small ones find room between them. Where
// one then reaches beyond what is needed at one time, it is placed earlier the next time: in the
// programs of the catalog no byte is left over.
#include "scenarios/plan/memory_layout.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "scenarios/counts.hpp"
#include "scenarios/plan/lifetimes.hpp"
#include "scenarios/plan/occupied_memory.hpp"
#include "scenarios/plan/segment_index.hpp"

namespace shardproof {

namespace {

std::size_t most_at_one_time(const std::vector<Block>& blocks) {
  std::map<std::int64_t, std::int64_t> change;
  for (const Block& block : blocks)
    for (const auto& [begin, end] : block.spans) {
      change[begin] += static_cast<std::int64_t>(block.bytes);
      change[end] -= static_cast<std::int64_t>(block.bytes);
    }
  std::int64_t live = 0, most = 0;
  for (const auto& [time, bytes] : change) most = std::max(most, live = sum(live, bytes));
  return static_cast<std::size_t>(most);
}

std::size_t end_of(const Block& block) { return block.offset + block.bytes; }

// In the order given. Returns the first that reaches beyond `enough`, or the end.
std::vector<Block*>::iterator place(std::vector<Block*>& order, std::size_t enough) {
  OccupiedMemory memory(order);
  auto beyond = order.end();
  for (auto block = order.begin(); block != order.end(); ++block) {
    (*block)->offset = memory.lowest_place(**block);
    if (beyond == order.end() && end_of(**block) > enough) beyond = block;
    memory.place(**block);
  }
  return beyond;
}

std::size_t end_of(const std::vector<Block>& blocks) {
  std::size_t end = 0;
  for (const Block& block : blocks) end = std::max(end, end_of(block));
  return end;
}

}  // namespace

std::size_t pack(std::vector<Block>& blocks) {
  const std::size_t enough = most_at_one_time(blocks);
  std::vector<Block*> order;
  for (Block& block : blocks)
    if (block.bytes > 0) order.push_back(&block);
  std::ranges::stable_sort(order, std::greater(), &Block::bytes);
  std::vector<Block> best;
  for (std::size_t work = 0; best.empty() || work < 100'000; work += 1 + order.size()) {
    const auto beyond = place(order, enough);
    if (best.empty() || end_of(blocks) < end_of(best)) best = blocks;
    if (beyond == order.end()) break;
    std::rotate(order.begin() + (beyond - order.begin()) / 2, beyond, beyond + 1);
  }
  blocks = std::move(best);
  return end_of(blocks);
}

namespace {

// The segments in the order in which the schedule comes to them, each once, and then the others.
std::vector<std::size_t> segments_in_turn(const Program& program) {
  const SegmentIndex index(program);
  std::vector<std::size_t> turns;
  std::set<std::size_t> seen;
  const auto come_to = [&](std::size_t segment) {
    if (seen.insert(segment).second) turns.push_back(segment);
  };
  const std::function<void(const std::vector<Action>&)> walk = [&](const auto& actions) {
    for (const Action& action : actions) {
      for (const Action::Variant& variant : action.variants)
        come_to(static_cast<std::size_t>(index(variant.segment)));
      if (action.kind == Action::Kind::run)
        come_to(static_cast<std::size_t>(index(action.segment)));
      walk(action.body);
      walk(action.otherwise);
    }
  };
  walk(program.schedule);
  for (std::size_t s = 0; s < program.segments.size(); ++s) come_to(s);
  return turns;
}

// When values that are no state live, if every op takes one unit of time. A loop needs no second
// turn: every segment ends with what it began with, but for the scopes, which open and close within
// one.
std::map<ValueId, std::vector<Block::Span>> times_of(const Program& program) {
  std::map<ValueId, std::vector<Block::Span>> times;
  std::map<ValueId, std::int64_t> scoped;  // since when
  std::int64_t now = 0;
  const auto end_scope = [&] {
    for (const auto& [id, begin] : scoped) times[id].push_back({begin, now});
    scoped.clear();
  };
  for (const std::size_t turn : segments_in_turn(program)) {
    const Segment& segment = program.segments[turn];
    const SegmentLifetimes lifetimes = lifetimes_of(program, segment);
    for (std::size_t i = 0; i < segment.ops.size(); ++i, ++now) {
      for (const ValueId id : lifetimes.take[i]) times[id].push_back({now, now + 1});
      for (const ValueId id : lifetimes.give[i]) times[id].back().end = now + 1;
      for (const ValueId id : segment.ops[i].outputs)
        if (program.value(id).lifetime == Lifetime::scope)
          scoped.try_emplace(storage_of(program, id), now);
    }
    if (!segment.closes.empty()) end_scope();
  }
  end_scope();
  return times;
}

}  // namespace

MemoryLayout memory_layout(const Program& program, Rank rank) {
  MemoryLayout layout;
  layout.offset.resize(program.values.size(), 0);
  for (std::size_t i = 0; i < program.values.size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (program.value(id).lifetime != Lifetime::state || storage_of(program, id) != id) continue;
    layout.offset[i] = layout.state_bytes;
    layout.state_bytes =
        static_cast<std::size_t>(sum(static_cast<std::int64_t>(layout.state_bytes),
                                     static_cast<std::int64_t>(block_bytes(program, id, rank))));
  }
  std::vector<ValueId> ids;
  std::vector<Block> blocks;
  for (auto& [id, spans] : times_of(program)) {
    ids.push_back(id);
    blocks.push_back({.bytes = block_bytes(program, id, rank), .spans = std::move(spans)});
  }
  layout.bytes = layout.state_bytes + pack(blocks);
  for (std::size_t k = 0; k < ids.size(); ++k)
    layout.offset[static_cast<std::size_t>(ids[k])] = layout.state_bytes + blocks[k].offset;
  for (std::size_t i = 0; i < program.values.size(); ++i)
    layout.offset[i] =
        layout.offset[static_cast<std::size_t>(storage_of(program, static_cast<ValueId>(i)))];
  return layout;
}

}  // namespace shardproof

#include "scenarios/plan/occupied_memory.hpp"

#include <algorithm>

namespace shardproof {

OccupiedMemory::OccupiedMemory(const std::vector<Block*>& blocks) {
  for (const Block* block : blocks)
    for (const Block::Span& span : block->spans)
      times_.insert(times_.end(), {span.begin, span.end});
  std::ranges::sort(times_);
  times_.erase(std::unique(times_.begin(), times_.end()), times_.end());
  while (leaves_ < times_.size()) leaves_ *= 2;
  nodes_.resize(2 * leaves_);
}

void OccupiedMemory::add(Stretches& stretches, Stretch stretch) {
  const auto first = std::ranges::lower_bound(stretches, stretch.begin, {}, &Stretch::end);
  const auto last = std::ranges::upper_bound(stretches, stretch.end, {}, &Stretch::begin);
  if (first >= last) {
    stretches.insert(first, stretch);
    return;
  }
  first->begin = std::min(first->begin, stretch.begin);
  first->end = std::max((last - 1)->end, stretch.end);
  stretches.erase(first + 1, last);
}

// Leaf i stands for the times from times_[i] on, up to the next.
std::size_t OccupiedMemory::leaf_of(std::int64_t time) const {
  return leaves_ +
         static_cast<std::size_t>(std::ranges::lower_bound(times_, time) - times_.begin());
}

template <class Visit>
void OccupiedMemory::visit_nodes(const Block::Span& span, const Visit& visit) const {
  std::size_t low = leaf_of(span.begin), high = leaf_of(span.end);  // half-open
  const std::size_t first = low, last = high - 1;
  for (; low < high; low /= 2, high /= 2) {
    if (low % 2 == 1) visit(low++, true);
    if (high % 2 == 1) visit(--high, true);
  }
  // Those above what has been visited lie on the ways from the two outermost leaves to the root.
  for (std::size_t a = first / 2, b = last / 2; b > 0; a /= 2, b /= 2) {
    visit(a, false);
    if (a != b) visit(b, false);
  }
}

std::size_t OccupiedMemory::lowest_place(const Block& block) const {
  Stretches taken;
  for (const Block::Span& span : block.spans)
    visit_nodes(span, [&](std::size_t node, bool whole) {
      const Stretches& more = whole ? nodes_[node].some : nodes_[node].all;
      taken.insert(taken.end(), more.begin(), more.end());
    });
  std::ranges::sort(taken, {}, &Stretch::begin);
  std::size_t free = 0;
  for (const Stretch& stretch : taken) {
    if (stretch.begin >= free + block.bytes) break;
    free = std::max(free, stretch.end);
  }
  return free;
}

void OccupiedMemory::place(const Block& block) {
  const Stretch stretch{block.offset, block.offset + block.bytes};
  for (const Block::Span& span : block.spans)
    visit_nodes(span, [&](std::size_t node, bool whole) {
      add(nodes_[node].some, stretch);
      if (whole) add(nodes_[node].all, stretch);
    });
}

}  // namespace shardproof

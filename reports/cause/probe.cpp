#include "reports/cause/probe.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "reports/compare/element_compare.hpp"
#include "reports/compare/rounding_set.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t most_tiles = 16;
constexpr std::int64_t most_arguments = 1 << 22;  // numbers that a tile takes

// The tile of the first wrong element, and others all over the result.
std::vector<std::size_t> some_tiles(std::size_t first, std::size_t count) {
  std::set<std::size_t> tiles{first};
  const std::size_t wanted = std::min(most_tiles, count);
  for (std::size_t i = 0; i < wanted; ++i) tiles.insert(i * count / wanted);
  return {tiles.begin(), tiles.end()};
}

std::int64_t arguments_of_a_tile(const JudgedUnit& unit, std::size_t tiles) {
  std::int64_t elements = 0;
  for (const SharedTensor& argument : unit.arguments) elements += argument->elements();
  return elements / static_cast<std::int64_t>(tiles);
}

// In the order of their places, whatever the order of the tiles was.
void sort_by_place(Probed& numbers) {
  std::vector<std::size_t> order(numbers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return numbers.places[i]; });
  const auto put = [&](auto& of) {
    if (of.empty()) return;
    auto sorted = of;
    for (std::size_t i = 0; i < order.size(); ++i) sorted[i] = of[order[i]];
    of = std::move(sorted);
  };
  put(numbers.stored);
  put(numbers.value);
  put(numbers.room);
  put(numbers.recorded);
  put(numbers.wrong);
  put(numbers.places);
}

}  // namespace

bool Probed::accepts(std::size_t i, double number) const {
  if (!std::isfinite(number)) return false;
  if (is_bitwise()) return value[i] == number && std::signbit(value[i]) == std::signbit(number);
  return reports::accepts(storage, value[i], room[i], 0, number);
}

Probe::Probe(JudgedUnit unit, std::int64_t first_failed, Position position)
    : unit_(std::move(unit)), position_(std::move(position)) {
  const UnitJudgement judgement(unit_);
  tiles_ = some_tiles(judgement.tile_of(first_failed), judgement.tiles());
  all_tiles_ = tiles_.size() == judgement.tiles();
  cheap_ = arguments_of_a_tile(unit_, judgement.tiles()) <= most_arguments;
  numbers_ = looked_at(judgement);
}

Probed Probe::looked_at(const UnitJudgement& judgement) const {
  Probed numbers;
  numbers.storage = unit_.precision.output;
  numbers.are_all = all_tiles_;
  for (const std::size_t tile : tiles_) {
    const UnitJudgement::Evaluated found = judgement.evaluated(tile);
    const std::vector<double> room = room_of(found.unit);
    for (std::size_t i = 0; i < found.recorded.size(); ++i) {
      const std::int64_t place = judgement.index_of(tile, static_cast<std::int64_t>(i));
      const std::int64_t stored = position_(place);
      if (stored < 0) continue;
      numbers.places.push_back(place);
      numbers.stored.push_back(stored);
      numbers.value.push_back(found.unit.value[i]);
      if (!room.empty()) numbers.room.push_back(room[i]);
      numbers.recorded.push_back(found.recorded[i]);
      const bool passed =
          passes(numbers.storage, found.unit, i, found.recorded[i], unit_.non_finite);
      numbers.wrong.push_back(passed ? 0 : 1);
      numbers.wrong_count += passed ? 0 : 1;
    }
  }
  sort_by_place(numbers);
  return numbers;
}

std::optional<Probed> Probe::numbers_of(const JudgedUnit& other) const {
  try {
    const UnitJudgement judgement(other);
    if (judgement.tiles() < tiles_.back() + 1) return std::nullopt;
    Probed numbers = looked_at(judgement);
    if (numbers.places != numbers_.places) return std::nullopt;
    return numbers;
  } catch (const InvariantError&) {  // its function does not take such arguments
    return std::nullopt;
  }
}

Explained Probe::explained_by(const JudgedUnit& other) const {
  Explained found;
  const auto numbers = numbers_of(other);
  if (!numbers) return {0, false};
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    if (numbers_.wrong[i] == 0)
      found.right = found.right && numbers->wrong[i] == 0;
    else
      found.wrong += numbers->wrong[i] == 0 ? 1 : 0;
  }
  return found;
}

}  // namespace shardproof::reports

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "reports/compare/common_factor.hpp"
#include "reports/units/unit_judgement.hpp"

namespace shardproof::reports {

/// Elements of a wrong result that a hypothesis must explain, in the order of their places.
struct Probed {
  Dtype storage = Dtype::fp64;
  std::vector<std::int64_t> places;  // in the result
  std::vector<std::int64_t> stored;  // in the dataset that holds them
  std::vector<double> value;         // what the function gives
  std::vector<double> room;          // around it, before the last rounding; empty: none, bits
  std::vector<double> recorded;
  std::vector<std::uint8_t> wrong;
  std::int64_t wrong_count = 0;
  bool are_all = true;  // else some of many

  std::size_t size() const { return recorded.size(); }
  bool is_bitwise() const { return room.empty(); }
  /// Whether element i may be this number.
  bool accepts(std::size_t i, double number) const;
  /// Whether so many elements have `bits` significant bits together, at least.
  bool has_bits(std::int64_t of_elements, std::int64_t bits = bits_beyond_chance) const {
    return of_elements * format_of(storage).precision >= bits;
  }
};

/// What a hypothesis makes of the numbers.
struct Explained {
  std::int64_t wrong = 0;  // of the wrong elements those that it allows
  bool right = true;       // it allows all that were right, too
};

/// Asks a unit that was found wrong what it would be if something were otherwise. Of a large result
/// it looks at some tiles only, the first wrong one and others all over it: however large a tensor
/// is, a question costs about as much.
class Probe {
 public:
  /// Where an element of the result lies in the dataset that the search is about; -1: not in it.
  using Position = std::function<std::int64_t(std::int64_t place)>;
  Probe(JudgedUnit unit, std::int64_t first_failed, Position position);

  const JudgedUnit& unit() const { return unit_; }
  const Probed& numbers() const { return numbers_; }
  /// Whether so many questions may be asked as there are hypotheses.
  bool is_cheap() const { return cheap_; }

  /// A unit with the same result, and arguments of the same shapes, in the place of this one.
  Explained explained_by(const JudgedUnit& other) const;
  bool is_explained_by(const JudgedUnit& other) const { return holds(explained_by(other)); }
  bool holds(const Explained& found) const {
    return found.right && found.wrong == numbers_.wrong_count;
  }
  /// The numbers of another unit at the same places; nothing if it does not take its arguments.
  std::optional<Probed> numbers_of(const JudgedUnit& other) const;

 private:
  Probed looked_at(const UnitJudgement& judgement) const;

  JudgedUnit unit_;
  Position position_;
  std::vector<std::size_t> tiles_;
  bool all_tiles_ = true;
  bool cheap_ = true;
  Probed numbers_;
};

}  // namespace shardproof::reports

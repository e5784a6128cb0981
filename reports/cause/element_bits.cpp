#include "reports/cause/element_bits.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "reports/compare/rounding_set.hpp"
#include "reports/verdict/findings.hpp"

namespace shardproof::reports {

namespace {

constexpr std::int64_t most_flipped = 16;

double with_flipped_bit(Dtype dtype, double value, int bit) {
  std::vector<std::byte> bytes(size_bytes(dtype));
  encode(dtype, {&value, 1}, bytes);
  const auto at = static_cast<std::size_t>(bit / 8);
  bytes[at] ^= static_cast<std::byte>(1U << (bit % 8));
  double flipped = 0;
  decode(dtype, bytes, {&flipped, 1});
  return flipped;
}

bool explains_all(const Probed& numbers, int bit) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers.wrong[i] != 0 &&
        !numbers.accepts(i, with_flipped_bit(numbers.storage, numbers.recorded[i], bit)))
      return false;
  return true;
}

// "bit 13 of element [0, 3, 5]", the first of several.
std::string words_of_flip(const Suspect& suspect, int bit) {
  const Probed& numbers = suspect.probe->numbers();
  const std::string number = "bit " + std::to_string(bit);
  if (numbers.wrong_count > 1)
    return number + " of " + std::to_string(numbers.wrong_count) + " elements is flipped";
  return number + " of element " + index_text(suspect.divergence.index) + " is flipped";
}

}  // namespace

std::optional<Cause> flipped_bit_of(const Suspect& suspect) {
  if (!suspect.probe) return std::nullopt;
  const Probed& numbers = suspect.probe->numbers();
  if (numbers.storage == Dtype::int64 || numbers.wrong_count > most_flipped ||
      (numbers.wrong_count == static_cast<std::int64_t>(numbers.size()) && numbers.size() > 1))
    return std::nullopt;
  std::vector<int> bits;
  for (int bit = 0; bit < 8 * static_cast<int>(size_bytes(numbers.storage)); ++bit)
    if (explains_all(numbers, bit)) bits.push_back(bit);
  if (bits.size() != 1) return std::nullopt;
  // Of few bits, in a set that holds several numbers, chance may flip one; and half of the numbers
  // that lie side by side, as those of a sum in another order, differ in the last bit alone.
  const bool certain =
      bits[0] > 1 && (numbers.is_bitwise() || numbers.has_bits(numbers.wrong_count));
  return Cause{"flipped bit", static_cast<double>(bits[0]), 1.0, words_of_flip(suspect, bits[0]),
               certain};
}

std::optional<Cause> fewer_bits(const Suspect& suspect) {
  if (!suspect.probe) return std::nullopt;
  const Probed& numbers = suspect.probe->numbers();
  if (numbers.storage == Dtype::int64) return std::nullopt;
  const int precision = format_of(numbers.storage).precision;
  for (const Dtype narrow : {Dtype::bf16, Dtype::fp16, Dtype::fp32}) {
    const int missing = precision - format_of(narrow).precision;
    if (missing <= 0) continue;
    std::int64_t wrong = 0;
    bool fits = true;
    for (std::size_t i = 0; i < numbers.size() && fits; ++i) {
      const double recorded = numbers.recorded[i];
      fits = numbers.wrong[i] == 0 || round_to(narrow, recorded) == recorded;
      // What must be a number of the narrow format anyway proves nothing.
      if (numbers.wrong[i] != 0 && recorded != 0 &&
          round_to(narrow, numbers.value[i]) != round_to(numbers.storage, numbers.value[i]))
        ++wrong;
    }
    if (!fits || wrong < 2 || wrong * missing < bits_beyond_chance) continue;
    return Cause{std::string("rounded to ") + name_of(narrow), std::nullopt, 1.0,
                 std::string("rounded to ") + name_of(narrow) + " on the way", true};
  }
  return std::nullopt;
}

// ---- elements elsewhere

namespace {

constexpr std::size_t most_elements = 1 << 18;  // of a tensor that is looked at whole
constexpr std::size_t most_shifts = 64;
constexpr std::size_t most_rows = 1 << 11;

/// The numbers as a matrix of the last dimension, and which element lies where.
struct Matrix {
  const Probed& numbers;
  std::size_t rows, columns;
  bool transposed = false;

  std::size_t at(std::size_t row, std::size_t column) const {
    return transposed ? column * rows + row : row * columns + column;
  }
  Matrix turned() const { return {numbers, columns, rows, !transposed}; }
  bool is_wrong(std::size_t row) const {
    for (std::size_t c = 0; c < columns; ++c)
      if (numbers.wrong[at(row, c)] != 0) return true;
    return false;
  }
  // Whether a row holds what another must.
  bool holds(std::size_t row, std::size_t other) const {
    for (std::size_t c = 0; c < columns; ++c)
      if (!numbers.accepts(at(other, c), numbers.recorded[at(row, c)])) return false;
    return true;
  }
  // Rows of one number, or of few bits, may be alike.
  bool tells(std::size_t row) const {
    const double first = numbers.recorded[at(row, 0)];
    for (std::size_t c = 1; c < columns; ++c)
      if (numbers.recorded[at(row, c)] != first)
        return numbers.has_bits(static_cast<std::int64_t>(columns));
    return false;
  }
};

std::optional<Matrix> matrix_of(const Suspect& suspect) {
  if (!suspect.probe) return std::nullopt;
  const Probed& numbers = suspect.probe->numbers();
  if (!numbers.are_all || numbers.size() > most_elements || numbers.wrong_count < 2 ||
      numbers.storage == Dtype::int64)
    return std::nullopt;
  const StoredDataset* dataset = suspect.dataset;
  const bool is_box = dataset != nullptr && dataset->info.regions.size() == 1;
  const Shape& shape =
      is_box ? dataset->info.regions[0].extent : suspect.probe->unit().result->shape();
  const std::size_t columns =
      shape.empty() ? numbers.size() : static_cast<std::size_t>(shape.back());
  if (columns == 0 || numbers.size() % columns != 0) return std::nullopt;
  return Matrix{numbers, numbers.size() / columns, columns};
}

// Which row each wrong row holds instead; nothing unless all are some row.
std::optional<Cause> rows_elsewhere(const Matrix& matrix, const char* what) {
  if (matrix.rows < 2 || matrix.rows > most_rows) return std::nullopt;
  std::int64_t moved = 0;
  std::string first;
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    if (!matrix.is_wrong(row)) continue;
    if (!matrix.tells(row)) return std::nullopt;
    std::size_t other = 0;
    while (other < matrix.rows && !matrix.holds(row, other)) ++other;
    if (other == matrix.rows) return std::nullopt;
    if (moved++ == 0)
      first = std::string(what) + " " + std::to_string(row) + " holds what " + what + " " +
              std::to_string(other) + " must";
  }
  if (moved == 0) return std::nullopt;
  return Cause{std::string(what) + "s elsewhere", std::nullopt, 1.0,
               std::string("right ") + what + "s in wrong places: " + first,
               matrix.numbers.is_bitwise()};
}

std::optional<Cause> transposed(const Matrix& matrix) {
  const Probed& numbers = matrix.numbers;
  if (matrix.rows < 2 || matrix.columns < 2) return std::nullopt;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!numbers.accepts(i % matrix.rows * matrix.columns + i / matrix.rows, numbers.recorded[i]))
      return std::nullopt;
  return Cause{"transposed", std::nullopt, 1.0, "it is transposed", numbers.is_bitwise()};
}

// Whether all that was recorded lies `by` elements before it was put.
bool is_shifted(const Probed& numbers, std::ptrdiff_t by) {
  const auto size = static_cast<std::ptrdiff_t>(numbers.size());
  if (2 * std::abs(by) > size) return false;
  for (std::ptrdiff_t i = std::max<std::ptrdiff_t>(0, by); i < std::min(size, size + by); ++i)
    if (!numbers.accepts(static_cast<std::size_t>(i - by),
                         numbers.recorded[static_cast<std::size_t>(i)]))
      return false;
  return true;
}

// Some, since what was shifted in is no element of the tensor.
std::vector<std::size_t> largest_wrong(const Probed& numbers) {
  constexpr std::size_t some = 8;
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers.wrong[i] != 0) wrong.push_back(i);
  const std::size_t count = std::min(some, wrong.size());
  std::ranges::partial_sort(wrong, wrong.begin() + static_cast<std::ptrdiff_t>(count),
                            std::ranges::greater{},
                            [&](std::size_t i) { return std::fabs(numbers.recorded[i]); });
  wrong.resize(count);
  return wrong;
}

std::optional<Cause> shifted(const Probed& numbers) {
  if (!numbers.has_bits(numbers.wrong_count)) return std::nullopt;
  std::size_t tried = 0;
  for (const std::size_t to : largest_wrong(numbers))
    for (std::size_t from = 0; from < numbers.size() && tried < most_shifts; ++from) {
      if (from == to || !numbers.accepts(from, numbers.recorded[to])) continue;
      ++tried;
      const auto by = static_cast<std::ptrdiff_t>(to) - static_cast<std::ptrdiff_t>(from);
      if (!is_shifted(numbers, by)) continue;
      const std::string far = std::to_string(std::abs(by)) + " element" +
                              (std::abs(by) == 1 ? "" : "s") +
                              (by > 0 ? " too far on" : " too early");
      return Cause{"shifted", static_cast<double>(by), 1.0, "it lies " + far, numbers.is_bitwise()};
    }
  return std::nullopt;
}

// A full tensor's elements where another rank has its own.
std::optional<Cause> slice_of_rank(const Suspect& suspect) {
  const Evidence* evidence = suspect.evidence.get();
  if (evidence == nullptr || evidence->value >= 0 || suspect.dataset == nullptr ||
      evidence->unit.result->elements() > static_cast<std::int64_t>(most_elements))
    return std::nullopt;
  const Probe whole(evidence->unit, evidence->first_failed,
                    [](std::int64_t place) { return place; });
  const Probed &all = whole.numbers(), &mine = suspect.probe->numbers();
  const DatasetInfo& info = suspect.dataset->info;
  if (!all.are_all || !mine.are_all) return std::nullopt;
  for (const StoredDataset& other : suspect.trace.reader().datasets().at(info.path)) {
    if (other.info.regions == info.regions ||
        element_count(other.info.regions) != element_count(info.regions))
      continue;
    const auto holds = [&](std::size_t i) {
      const Shape index = index_in_full(other.info.regions, mine.stored[i]);
      const auto at = static_cast<std::size_t>(ravel(index, info.full_shape));
      return reports::accepts(all.storage, all.value[at], all.is_bitwise() ? 0 : all.room[at], 0,
                              mine.recorded[i]);
    };
    bool is_slice = mine.has_bits(mine.wrong_count);
    for (std::size_t i = 0; i < mine.size() && is_slice; ++i) is_slice = holds(i);
    if (is_slice)
      return Cause{"slice of rank " + std::to_string(other.rank), 1.0, 1.0,
                   has_slice_of(suspect, other.rank), all.is_bitwise()};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Cause> rearranged(const Suspect& suspect) {
  const auto matrix = matrix_of(suspect);
  if (!matrix) return std::nullopt;
  if (auto cause = slice_of_rank(suspect)) return cause;
  if (auto cause = transposed(*matrix)) return cause;
  if (auto cause = shifted(matrix->numbers)) return cause;
  if (auto cause = rows_elsewhere(*matrix, "row")) return cause;
  return rows_elsewhere(matrix->turned(), "column");
}

}  // namespace shardproof::reports

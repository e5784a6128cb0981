#include "reference/ops/experts.hpp"

namespace shardproof::reference {

namespace {

// Of each of some rows the sum of the two largest numbers, a NaN being the smallest.
Tensor two_best(const Tensor& rows, Shape shape, Dtype dtype) {
  const Tokens best = chosen_experts(rows, 2);
  Tensor sums(std::move(shape));
  for (std::int64_t row = 0; row < sums.size(); ++row) {
    const double* numbers = rows.values.data() + row * rows.columns();
    sums[row] = round_to(dtype, numbers[best[2 * row]] + numbers[best[2 * row + 1]]);
  }
  return sums;
}

}  // namespace

Tensor compared_scores(const Tensor& scores, const Tensor* correction, ExpertGroups groups,
                       Dtype dtype) {
  const std::int64_t experts = scores.columns(), tokens = scores.rows();
  Tensor compared = scores;
  if (correction)
    for (std::int64_t i = 0; i < compared.size(); ++i)
      compared[i] = round_to(dtype, compared[i] + (*correction)[i % experts]);
  if (!groups.limit()) return compared;
  const std::int64_t size = experts / groups.count;
  const Tensor worth = two_best(Tensor({tokens * groups.count, size}, compared.values),
                                {tokens, groups.count}, dtype);
  const Tokens kept = chosen_experts(worth, groups.kept);
  for (std::int64_t i = 0; i < compared.size(); ++i) {
    const std::int64_t token = i / experts, group = i % experts / size;
    bool is_kept = false;
    for (std::int64_t c = 0; c < groups.kept; ++c)
      is_kept |= kept[token * groups.kept + c] == group;
    if (!is_kept) compared[i] = 0;
  }
  return compared;
}

}  // namespace shardproof::reference

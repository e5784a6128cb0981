// The mixture of experts. N tokens, k experts each of E; C features.
//
//   weights of a token: exp(z_e - m) / sum, m the largest z of those that are summed: over the
//   selected experts where the weights are divided by their own sum, which the sum over all experts
//   would only cancel in; else over all. dz = p * (g - sum p g)
//   or of scores: s_e / divisor * factor, the divisor 1 or the sum of s over the selected
//
// Jiang et al. 2024, arXiv:2401.04088, section 2.1; DeepSeek-AI 2024, arXiv:2405.04434, eq. 20, and
// arXiv:2412.19437, section 2.1.2.
// Sums of a token over experts run from first to last; the dot product of a weight's gradient is
// the sum over the threads, each with every kThreads-th feature, of block_sum. Which row of its
// expert a token gets is counted, not drawn: no atomics.
#include <cmath>
#include <cstdint>

#include "real/cuda/bits.hpp"
#include "real/cuda/functions.hpp"
#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/launch.hpp"
#include "real/cuda/workspace.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

// ---- Choosing ----------------------------------------------------------------------------------

/// One token's logits or scores.
template <class C>
struct Logits {
  Input<C> z;
  std::int64_t begin;
  std::int64_t experts;

  __device__ C operator[](std::int64_t expert) const { return z[begin + expert]; }
};

/// Whether number a, of x, is chosen before number b, of y: larger ones are, a NaN last, of equal
/// ones the first.
template <class C>
__device__ bool before(C x, std::int64_t a, C y, std::int64_t b) {
  const bool x_nan = x != x, y_nan = y != y;
  if (x_nan != y_nan) return y_nan;
  return x == y || x_nan ? a < b : x > y;
}

/// What one token's experts are compared by: scores, corrected, and 0 in the groups that are not
/// kept.
template <class C>
struct Compared {
  Logits<C> of;
  Input<C> correction;  // null: none
  std::int64_t group;   // experts in one
  std::uint64_t kept = ~std::uint64_t{0};

  __device__ Compared(const Logits<C>& scores, Input<C> corrected_by, ExpertGroups groups)
      : of(scores), correction(corrected_by), group(scores.experts / groups.count) {
    if (!groups.limit()) return;
    std::uint64_t chosen = 0;
    for (std::int64_t i = 0; i < groups.kept; ++i)
      chosen |= std::uint64_t{1} << best_group_but(chosen, groups.count);
    kept = chosen;
  }
  __device__ C operator[](std::int64_t expert) const {
    const bool is_kept = group == of.experts || (kept >> (expert / group) & 1) != 0;
    if (!is_kept) return C{0};
    return correction.is_null() ? of[expert] : of[expert] + correction[expert];
  }
  /// The first of those in [begin, end) that are chosen after `last`; with last < 0, of all.
  __device__ std::int64_t next(std::int64_t last, std::int64_t begin, std::int64_t end) const {
    std::int64_t best = -1;
    for (std::int64_t j = begin; j < end; ++j) {
      if (last >= 0 && !before((*this)[last], last, (*this)[j], j)) continue;
      if (best < 0 || before((*this)[j], j, (*this)[best], best)) best = j;
    }
    return best;
  }

 private:
  /// The sum of a group's two best.
  __device__ C worth(std::int64_t g) const {
    const std::int64_t first = next(-1, g * group, (g + 1) * group);
    return (*this)[first] + (*this)[next(first, g * group, (g + 1) * group)];
  }
  __device__ std::int64_t best_group_but(std::uint64_t chosen, std::int64_t count) const {
    std::int64_t best = -1;
    C most{};
    for (std::int64_t g = 0; g < count; ++g) {
      if ((chosen >> g & 1) != 0) continue;
      const C candidate = worth(g);
      if (best >= 0 && !before(candidate, g, most, best)) continue;
      best = g;
      most = candidate;
    }
    return best;
  }
};

/// The experts of one token.
struct Selected {
  Global<const std::int64_t> expert;
  std::int64_t begin;
  std::int64_t choices;

  __device__ std::int64_t operator[](std::int64_t choice) const { return expert[begin + choice]; }
};

/// exp(z_j - m) and their sum.
template <class C>
struct Exponentials {
  C largest = -INFINITY;
  C sum = 0;

  __device__ Exponentials(const Logits<C>& z, const Selected& selected, RouteForm form) {
    const bool chosen = form == RouteForm::renormalized;
    const std::int64_t count = chosen ? selected.choices : z.experts;
    for (std::int64_t i = 0; i < count; ++i) largest = larger(z[chosen ? selected[i] : i], largest);
    for (std::int64_t i = 0; i < count; ++i) sum += exp_of(z[chosen ? selected[i] : i] - largest);
  }
  __device__ C share(C logit) const { return exp_of(logit - largest) / sum; }
};

/// The sum of the scores of the chosen, and a little, by which they are divided; 1 where they are
/// not.
template <class C>
__device__ C divisor_of(const Logits<C>& scores, const Selected& selected, RouteForm form) {
  if (form == RouteForm::scores) return C{1};
  C sum = 0;
  for (std::int64_t s = 0; s < selected.choices; ++s) sum += scores[selected[s]];
  return sum + static_cast<C>(kLeastScore);
}

/// A thread for each token.
template <class C>
__global__ void route_kernel(RouteExtents e, RouteForm form, ExpertGroups groups, C factor,
                             Input<C> logits, Input<C> correction, Global<std::int64_t> selected,
                             Output<C> weights) {
  for (std::int64_t n = first_element(); n < e.tokens; n += grid_threads()) {
    const Logits<C> z{logits, n * e.experts, e.experts};
    const Compared<C> compared(z, correction, groups);
    std::int64_t expert = -1;
    for (std::int64_t s = 0; s < e.choices; ++s)
      selected[n * e.choices + s] = expert = compared.next(expert, 0, e.experts);
    const Selected chosen{selected.as<const std::int64_t>(), n * e.choices, e.choices};
    if (takes_scores(form)) {
      const C divisor = divisor_of(z, chosen, form);
      for (std::int64_t s = 0; s < e.choices; ++s)
        weights.set(chosen.begin + s, z[chosen[s]] / divisor * factor);
      continue;
    }
    const Exponentials<C> exponentials(z, chosen, form);
    for (std::int64_t s = 0; s < e.choices; ++s) {
      const C share = exponentials.share(z[chosen[s]]);
      weights.set(chosen.begin + s, form == RouteForm::scaled ? share * factor : share);
    }
  }
}

void route(Device& device, const KernelCall& call) {
  const TensorView &logits = call.in(0), &selected = call.out(0), &weights = call.out(1);
  const RouteExtents e(logits, selected, weights);
  const ExpertGroups groups = call.attributes.expert_groups;
  expect_choice(e, call.has_input(1) ? &call.in(1) : nullptr, groups);
  in_compute_type_of(weights, [&]<class C>(C) {
    const Input<C> correction = call.has_input(1) ? Input<C>(call.in(1)) : Input<C>();
    launch_elements(device, call, e.tokens, route_kernel<C>, e, call.attributes.route, groups,
                    static_cast<C>(call.attributes.factor), Input<C>(logits), correction,
                    integers_to_write(selected), Output<C>(weights));
  });
}

/// Tells of the experts that there are not.
__device__ inline bool exists(std::int64_t expert, std::int64_t experts, const ErrorWord& errors) {
  if (0 <= expert && expert < experts) return true;
  errors.tell(KernelError::Code::expert, expert, experts);
  return false;
}

/// dscore_e = (g_e - sum of g share) / divisor of the chosen, g = factor * dweight; of plain scores
/// g_e.
template <class C>
__device__ void scores_backward(const Logits<C>& scores, const Selected& chosen, RouteForm form,
                                C factor, const Input<C>& dweights, const Output<C>& dscores) {
  const C divisor = divisor_of(scores, chosen, form);
  C mean = 0;
  if (form == RouteForm::score_shares)
    for (std::int64_t s = 0; s < chosen.choices; ++s)
      mean += scores[chosen[s]] / divisor * (factor * dweights[chosen.begin + s]);
  for (std::int64_t j = 0; j < scores.experts; ++j) dscores.set(scores.begin + j, C{0});
  for (std::int64_t s = 0; s < chosen.choices; ++s)
    dscores.set(scores.begin + chosen[s], (factor * dweights[chosen.begin + s] - mean) / divisor);
}

/// A thread for each token.
template <class C>
__global__ void route_backward_kernel(RouteExtents e, RouteForm form, C factor, Input<C> dweights,
                                      Input<C> logits, Global<const std::int64_t> selected,
                                      Output<C> dlogits, ErrorWord errors) {
  for (std::int64_t n = first_element(); n < e.tokens; n += grid_threads()) {
    const Logits<C> z{logits, n * e.experts, e.experts};
    const Selected chosen{selected, n * e.choices, e.choices};
    bool all = true;
    for (std::int64_t s = 0; s < e.choices; ++s)
      if (!exists(chosen[s], e.experts, errors)) all = false;
    if (!all) continue;
    if (takes_scores(form)) {
      scores_backward(z, chosen, form, factor, dweights, dlogits);
      continue;
    }

    const Exponentials<C> exponentials(z, chosen, form);
    const auto upstream = [&](std::int64_t s) { return factor * dweights[chosen.begin + s]; };
    C mean = 0;
    for (std::int64_t s = 0; s < e.choices; ++s)
      mean += exponentials.share(z[chosen[s]]) * upstream(s);
    for (std::int64_t j = 0; j < e.experts; ++j) {
      bool takes_part = form == RouteForm::scaled;
      C own = 0;
      for (std::int64_t s = 0; s < e.choices; ++s)
        if (chosen[s] == j) {
          takes_part = true;
          own = upstream(s);
        }
      dlogits.set(z.begin + j, takes_part ? exponentials.share(z[j]) * (own - mean) : C{0});
    }
  }
}

void route_backward(Device& device, const KernelCall& call) {
  const TensorView &dweights = call.in(0), &logits = call.in(1), &selected = call.in(2);
  const RouteExtents e(logits, selected, dweights);
  expect_same_count(logits, call.out());
  const RouteForm form = call.attributes.route;
  in_compute_type_of(call.out(), [&]<class C>(C) {
    const C factor =
        form == RouteForm::renormalized ? C{1} : static_cast<C>(call.attributes.factor);
    launch_elements(device, call, e.tokens, route_backward_kernel<C>, e, form, factor,
                    Input<C>(dweights), Input<C>(logits), integers(selected), Output<C>(call.out()),
                    on_gpu(device).error_word(call.tag));
  });
}

// ---- Rows --------------------------------------------------------------------------------------

/// A part of a table with something for each expert: for hundreds of experts it is more than a
/// kernel can be given by value, and so it lies in the call's workspace.
template <class T>
struct TablePart {
  static constexpr std::int64_t kCount = 32;
  T items[kCount];
};

template <class T>
__global__ void write_table_kernel(TablePart<T> part, std::int64_t begin, std::int64_t count,
                                   Global<T> table) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads())
    table[begin + i] = part.items[i];
}

/// item_of(tensor) for each tensor, for kernels to read.
template <class T, class ItemOf>
Global<T> table_of(Device& device, const KernelCall& call, Workspace& workspace,
                   std::span<const TensorView> tensors, ItemOf item_of) {
  const std::int64_t all = std::ssize(tensors);
  const Global<T> table = workspace.take<T>(all);
  for (std::int64_t begin = 0; begin < all; begin += TablePart<T>::kCount) {
    TablePart<T> part{};
    const std::int64_t count = std::min(TablePart<T>::kCount, all - begin);
    for (std::int64_t i = 0; i < count; ++i)
      part.items[i] = item_of(tensors[static_cast<std::size_t>(begin + i)]);
    launch_elements(device, call, count, write_table_kernel<T>, part, begin, count, table);
  }
  return table;
}

/// The tensors as Input<C>, Output<C>.
template <class Operand>
Global<Operand> operands_of(Device& device, const KernelCall& call, Workspace& workspace,
                            std::span<const TensorView> tensors) {
  return table_of<Operand>(device, call, workspace, tensors,
                           [](const TensorView& tensor) { return Operand(tensor); });
}

/// The expert's own.
template <class T>
__device__ const T& of_expert(const Global<T>& table, std::int64_t expert) {
  return table.template as<const T>()[expert];
}

/// Where the rows of chosen experts lie: choice s of token n, number n * k + s, is row row[n * k +
/// s] of expert[n * k + s], which is chosen[expert] times and has rows[expert] rows.
struct ExpertPlaces {
  std::int64_t tokens;
  std::int64_t choices;  // k
  std::int64_t experts;
  bool by_token;
  Global<const std::int64_t> expert;
  Global<std::int64_t> rows;
  Global<std::int64_t> chosen;
  Global<std::int64_t> row;
  Global<std::int64_t> in_order_of_experts;  // the numbers of a token's choices

  __host__ __device__ std::int64_t count() const { return tokens * choices; }
  /// The number of the choice that is i-th in the order of an expert's rows.
  __device__ std::int64_t number(std::int64_t i) const {
    return by_token ? i : i % tokens * choices + i / tokens;
  }
  /// Whether there are such an expert and such a row: who asks for others has been told.
  __device__ bool exists(std::int64_t number) const {
    const std::int64_t e = expert[number];
    if (e < 0 || e >= experts) return false;
    const std::int64_t has = rows[e], own = row[number];
    return own < has;
  }
};

/// A thread for each choice.
__global__ void order_choices_kernel(ExpertPlaces at, ErrorWord errors) {
  for (std::int64_t i = first_element(); i < at.count(); i += grid_threads()) {
    const std::int64_t own = at.expert[i], first = i / at.choices * at.choices;
    exists(own, at.experts, errors);
    std::int64_t before = 0;
    for (std::int64_t j = first; j < first + at.choices; ++j) {
      const std::int64_t other = at.expert[j];
      if (other < own || (other == own && j < i)) ++before;
    }
    at.in_order_of_experts[first + before] = i;
  }
}

/// A block for each expert, a stretch of the order for each thread: it counts the expert's rows in
/// its stretch, and numbers them from where the threads before it end.
__global__ void number_rows_kernel(ExpertPlaces at) {
  __shared__ Shared<std::int64_t, kThreads> counts;
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t begin = at.count() * thread / kThreads;
  const std::int64_t end = at.count() * (thread + 1) / kThreads;
  for (std::int64_t e = blockIdx.x; e < at.experts; e += gridDim.x) {
    std::int64_t own = 0;
    for (std::int64_t i = begin; i < end; ++i)
      if (at.expert[at.number(i)] == e) ++own;
    counts[thread] = own;
    __syncthreads();
    std::int64_t next = 0;
    for (int before = 0; before < thread; ++before) next += counts[before];
    for (std::int64_t i = begin; i < end; ++i)
      if (at.expert[at.number(i)] == e) at.row[at.number(i)] = next++;
    if (thread == kThreads - 1) at.chosen[e] = next;
    __syncthreads();  // before the next counts
  }
}

/// By one block: tells of the first expert that has other rows than it is chosen times.
__global__ void check_rows_kernel(ExpertPlaces at, ErrorWord errors) {
  std::int64_t e = threadIdx.x;
  while (e < at.experts && at.chosen[e] == at.rows[e]) e += kThreads;
  const std::int64_t first = -block_max(-e);
  if (threadIdx.x == 0 && first < at.experts)
    errors.tell(KernelError::Code::rows, at.chosen[first], at.rows[first]);
}

/// The places in the experts' tensors `rows`. The device is told if there is no such expert, or if
/// one's tensor has other rows than it was chosen times.
ExpertPlaces places(Device& device, const KernelCall& call, Workspace& workspace,
                    const TensorView& selected, std::span<const TensorView> rows,
                    std::int64_t width) {
  for (const TensorView& of_expert : rows)
    SHARDPROOF_EXPECTS(of_expert.shape.size() == 2 && of_expert.shape[1] == width,
                       to_string(of_expert.shape), "is not of width", width);
  const std::int64_t count = selected.elements();
  const ExpertPlaces at{
      .tokens = leading_rows(selected),
      .choices = last_extent(selected),
      .experts = std::ssize(rows),
      .by_token = call.attributes.expert_rows == ExpertRows::by_token,
      .expert = integers(selected),
      .rows = table_of<std::int64_t>(device, call, workspace, rows,
                                     [](const TensorView& tensor) { return tensor.shape[0]; }),
      .chosen = workspace.take<std::int64_t>(std::ssize(rows)),
      .row = workspace.take<std::int64_t>(count),
      .in_order_of_experts = workspace.take<std::int64_t>(count)};
  const ErrorWord errors = on_gpu(device).error_word(call.tag);
  launch_elements(device, call, count, order_choices_kernel, at, errors);
  launch_rows(device, call, at.experts, number_rows_kernel, at);
  launch_blocks(device, call, 1, check_rows_kernel, at, errors);
  return at;
}

/// Bits are moved: U has as many as an element.
template <class U>
__global__ void dispatch_kernel(ExpertPlaces at, std::int64_t width, Global<const U> x,
                                Global<Global<U>> rows) {
  for (std::int64_t i = first_element(); i < at.count() * width; i += grid_threads()) {
    const std::int64_t number = i / width, feature = i % width;
    if (!at.exists(number)) continue;
    const std::int64_t row = at.row[number];
    of_expert(rows, at.expert[number])[row * width + feature] =
        x[number / at.choices * width + feature];
  }
}

void moe_dispatch(Device& device, const KernelCall& call) {
  const TensorView &x = call.in(0), &selected = call.in(1);
  const std::int64_t width = last_extent(x);
  SHARDPROOF_EXPECTS(leading_rows(x) == leading_rows(selected), to_string(x.shape),
                     to_string(selected.shape));
  for (const TensorView& to : call.outputs)
    SHARDPROOF_EXPECTS(to.dtype == x.dtype, name_of(to.dtype), name_of(x.dtype));
  Workspace workspace(device, call);
  const ExpertPlaces at = places(device, call, workspace, selected, call.outputs, width);
  in_bits_of(x, [&]<class U>(U) {
    const auto rows =
        table_of<Global<U>>(device, call, workspace, call.outputs,
                            [](const TensorView& to) { return bits_to_write<U>(to); });
    launch_elements(device, call, at.count() * width, dispatch_kernel<U>, at, width, bits_of<U>(x),
                    rows);
  });
}

/// y[n] = the sum over the experts of token n of weights[choice] * rows[expert][row], in the order
/// of the experts. Without weights, of the rows alone.
template <class C>
__global__ void combine_kernel(ExpertPlaces at, std::int64_t width, Global<Input<C>> rows,
                               Input<C> weights, Output<C> y) {
  for (std::int64_t i = first_element(); i < at.tokens * width; i += grid_threads()) {
    const std::int64_t token = i / width, feature = i % width;
    C sum = 0;
    bool first = true;
    for (std::int64_t s = 0; s < at.choices; ++s) {
      const std::int64_t number = at.in_order_of_experts[token * at.choices + s];
      if (!at.exists(number)) continue;
      const std::int64_t row = at.row[number];
      const C x = of_expert(rows, at.expert[number])[row * width + feature];
      const C term = weights.is_null() ? x : weights[number] * x;
      sum = first ? term : sum + term;  // from the first one: 0 + (-0) would be +0
      first = false;
    }
    y.set(i, sum);
  }
}

/// Of the experts' rows. Without weights, null.
void combine(Device& device, const KernelCall& call, const TensorView& selected,
             const TensorView* weights, std::span<const TensorView> rows) {
  const TensorView& y = call.out();
  const std::int64_t width = last_extent(y);
  SHARDPROOF_EXPECTS(leading_rows(y) == leading_rows(selected), to_string(y.shape),
                     to_string(selected.shape));
  Workspace workspace(device, call);
  const ExpertPlaces at = places(device, call, workspace, selected, rows, width);
  in_compute_type_of(y, [&]<class C>(C) {
    launch_elements(device, call, at.tokens * width, combine_kernel<C>, at, width,
                    operands_of<Input<C>>(device, call, workspace, rows),
                    weights == nullptr ? Input<C>() : Input<C>(*weights), Output<C>(y));
  });
}

void moe_dispatch_backward(Device& device, const KernelCall& call) {
  combine(device, call, call.in(0), nullptr, call.inputs_from(1));
}

void moe_combine(Device& device, const KernelCall& call) {
  const TensorView &selected = call.in(0), &weights = call.in(1);
  SHARDPROOF_EXPECTS(weights.shape == selected.shape, to_string(weights.shape));
  combine(device, call, selected, &weights, call.inputs_from(2));
}

/// A block for each choice: dweights[choice] = dy . row, drow = weight * dy.
template <class C>
__global__ void combine_backward_kernel(ExpertPlaces at, std::int64_t width, Input<C> dy,
                                        Input<C> weights, Global<Input<C>> rows, Output<C> dweights,
                                        Global<Output<C>> drows) {
  for (std::int64_t number = blockIdx.x; number < at.count(); number += gridDim.x) {
    if (!at.exists(number)) continue;
    const std::int64_t expert = at.expert[number];
    const std::int64_t row = at.row[number] * width, token = number / at.choices * width;
    C sum = 0;
    for (std::int64_t c = threadIdx.x; c < width; c += kThreads) {
      const C upstream = dy[token + c];
      sum += upstream * of_expert(rows, expert)[row + c];
      of_expert(drows, expert).set(row + c, weights[number] * upstream);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) dweights.set(number, sum);
  }
}

void moe_combine_backward(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &selected = call.in(1), &weights = call.in(2);
  const TensorView& dweights = call.out();
  const std::span<const TensorView> rows = call.inputs_from(3), drows = call.outputs_from(1);
  const std::int64_t width = last_extent(dy);
  SHARDPROOF_EXPECTS(leading_rows(dy) == leading_rows(selected) &&
                         weights.shape == selected.shape && dweights.shape == selected.shape,
                     to_string(dy.shape), to_string(weights.shape), to_string(dweights.shape));
  SHARDPROOF_EXPECTS(std::ranges::equal(rows, drows, {}, &TensorView::shape, &TensorView::shape));
  Workspace workspace(device, call);
  const ExpertPlaces at = places(device, call, workspace, selected, rows, width);
  in_compute_type_of(dweights, [&]<class C>(C) {
    launch_rows(device, call, at.count(), combine_backward_kernel<C>, at, width, Input<C>(dy),
                Input<C>(weights), operands_of<Input<C>>(device, call, workspace, rows),
                Output<C>(dweights), operands_of<Output<C>>(device, call, workspace, drows));
  });
}

}  // namespace

std::span<const KernelRow> expert_kernels() {
  static constexpr KernelRow rows[] = {
      {OpKind::route, route},
      {OpKind::route_backward, route_backward},
      {OpKind::moe_dispatch, moe_dispatch},
      {OpKind::moe_dispatch_backward, moe_dispatch_backward},
      {OpKind::moe_combine, moe_combine},
      {OpKind::moe_combine_backward, moe_combine_backward},
  };
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU

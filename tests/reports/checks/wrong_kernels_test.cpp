// Kernels that go wrong on one rank, below a program that is as it must be: the verdict names op,
// rank and element. What rounding may do to an element is the oracle's bound on it, and the faults
// are of that size.
//
// A bound grows with the width of the sum, and with it what a wrong number can hide behind. So the
// same cases run at the widths of a model of 7 B, when SHARDPROOF_WIDTHS=7B asks for it: one case
// at a time, minutes, 19 GB of memory and 16 GB of disk each (docs/performance.md).
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>

#include "real/run/rank_run.hpp"
#include "reference/bounds/replay.hpp"
#include "reports/compare/element_compare.hpp"
#include "reports/judge.hpp"
#include "reports/units/plan_unit.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/errors.hpp"
#include "sim/simulate.hpp"
#include "tests/support/sweep.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wrong_kernel.hpp"

namespace shardproof::tests {
namespace {

using real::KernelCall;
using real::TensorView;

// ---- what runs: one layer, TP 2, ZeRO 1, bf16, AdamW, one step

struct Widths {
  std::string name;
  std::int64_t hidden, inner, heads, kv_heads, vocabulary, tokens;
};

/// The narrow one sums over enough terms for two bounds to be several numbers of bf16.
Widths widths() {
  static const Widths all[] = {{"narrow", 64, 8192, 4, 2, 256, 16},
                               {"7B", 4096, 14336, 32, 8, 32768, 128}};
  const char* asked = std::getenv("SHARDPROOF_WIDTHS");
  const std::string name = asked == nullptr ? "narrow" : asked;
  for (const Widths& widths : all)
    if (widths.name == name) return widths;
  throw ScenarioError("SHARDPROOF_WIDTHS=" + name + ": expected narrow or 7B");
}

Scenario one_step() {
  const Widths w = widths();
  const auto set = [](const std::string& key, std::int64_t value) {
    return key + "=" + std::to_string(value);
  };
  Scenario scenario =
      read_scenario(sweep_file("tiny-tp1-dp2-zero1-bf16"),
                    {"tensor_parallel.autotp_size=2", "train_micro_batch_size_per_gpu=1", "steps=1",
                     "num_hidden_layers=1", "tie_word_embeddings=true", "initializer_range=0.02",
                     set("hidden_size", w.hidden), set("intermediate_size", w.inner),
                     set("num_attention_heads", w.heads), set("num_key_value_heads", w.kv_heads),
                     set("vocab_size", w.vocabulary), set("max_position_embeddings", w.tokens),
                     set("data.sequence", w.tokens)});
  scenario.executions = {Execution::sim};
  return scenario;
}

/// Of the ranks, this one is wrong.
constexpr Rank wrong_rank{1};

// ---- what an element must be

/// An element of a tensor.
TensorView element(const TensorView& x, std::int64_t i) { return stretch(x, i, 1); }
double get(const TensorView& x, std::int64_t i) {
  double value = 0;
  const TensorView at = element(x, i);
  decode(at.dtype, {at.data, at.bytes()}, {&value, 1});
  return value;
}
/// One rounding.
void set(const TensorView& x, std::int64_t i, double value) {
  const TensorView at = element(x, i);
  encode(at.dtype, {&value, 1}, {at.data, at.bytes()});
}

/// `count` elements, `stride` apart.
std::vector<double> elements(const TensorView& x, std::int64_t first, std::int64_t stride,
                             std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t k = 0; k < count; ++k) values.push_back(get(x, first + k * stride));
  return values;
}

const Op& op_named(const Program& program, const std::string& name) {
  for (const Segment& segment : program.segments)
    for (const Op& op : segment.ops)
      if (full_name(op) == name) return op;
  throw std::out_of_range(name);
}

/// The oracle's function of an op of the wrong rank, with its bound, one element at a time.
class Oracle {
 public:
  Oracle(const Scenario& scenario, const Program& program, const std::string& op)
      : unit_(reports::plan_unit(program, op_named(program, op), 0, precision_policy(scenario),
                                 wrong_rank)
                  .value()) {}

  /// Of element i of a product's output: x (rows, I), weight (O, I) -> (rows, O), or
  /// dy (rows, O), x (rows, I) -> (O, I).
  reference::UnitResult at(const KernelCall& call, std::int64_t i) const {
    const TensorView &a = call.in(0), &b = call.in(1);
    const std::int64_t row = i / call.out().shape.back(), column = i % call.out().shape.back();
    const bool of_weight = unit_.kind == reference::UnitKind::matmul_backward_weight;
    BOOST_REQUIRE((of_weight || unit_.kind == reference::UnitKind::matmul));
    const std::int64_t O = a.shape.back(), I = b.shape.back();
    const std::int64_t terms = of_weight ? a.elements() / O : I;
    const Shape shape = of_weight ? Shape{terms, 1} : Shape{1, terms};
    const std::vector<double> x =
        of_weight ? elements(a, row, O, terms) : elements(a, row * I, 1, terms);
    const std::vector<double> w =
        of_weight ? elements(b, column, I, terms) : elements(b, column * I, 1, terms);
    const reference::Operand operands[] = {{shape, x}, {shape, w}};
    return reference::replay(unit_.kind, unit_.attributes, unit_.precision, operands);
  }

 private:
  reports::PlanUnit unit_;
};

double bound_of(const reference::UnitResult& one) { return one.bound.at(0) + one.error.at(0); }

bool is_right(const TensorView& y, std::int64_t i, const reference::UnitResult& one) {
  return reports::passes(y.dtype, one, 0, get(y, i));
}

// ---- what goes wrong

/// What a fault has left behind.
struct Fault {
  std::int64_t first_wrong = -1;  // element of the rank's output
  double got = 0;
  reference::UnitResult oracle;  // of that element
};

/// Every element is 1.05 of itself. Wrong is what that takes out of its set.
Fault scale_all(const KernelCall& call, const Oracle& oracle) {
  const TensorView& y = call.out();
  for (std::int64_t i = 0; i < y.elements(); ++i) set(y, i, 1.05 * get(y, i));
  for (std::int64_t i = 0; i < y.elements(); ++i)
    if (const auto one = oracle.at(call, i); !is_right(y, i, one)) return {i, get(y, i), one};
  return {};
}

/// One element is off by so many of its bounds: the first in the last two sevenths whose bound is
/// two spacings of its dtype. What was there is about half a spacing from what is right, at most,
/// and so is each of two more roundings from what it rounds: two bounds lead out of the set, and
/// half of one does not.
Fault shift_one(const KernelCall& call, const Oracle& oracle, double bounds) {
  const TensorView& y = call.out();
  for (std::int64_t i = 5 * y.elements() / 7; i < y.elements(); ++i) {
    const auto one = oracle.at(call, i);
    const double shifted = get(y, i) + bounds * bound_of(one);
    const double spacing = std::max(ulp(y.dtype, get(y, i)), ulp(y.dtype, shifted));
    if (bound_of(one) < 2 * spacing) continue;
    set(y, i, shifted);
    return {i, get(y, i), one};
  }
  return {};
}

/// The lowest bit of one element: the first in the last two sevenths of whose set the number beside
/// it is none.
Fault flip_one(const KernelCall& call, const Oracle& oracle) {
  const TensorView& y = call.out();
  for (std::int64_t i = 5 * y.elements() / 7; i < y.elements(); ++i) {
    const auto one = oracle.at(call, i);
    *element(y, i).data ^= std::byte{1};  // little-endian
    if (!is_right(y, i, one)) return {i, get(y, i), one};
    *element(y, i).data ^= std::byte{1};
  }
  return {};
}

// ---- what the verdict says of it

using MakeWrong = std::function<Fault(const KernelCall&, const Oracle&)>;

struct Seen {
  reports::Verdict verdict;
  Fault fault;
  int calls = 0;  // that went wrong

  std::string outcome(const std::string& check) const {
    for (const reports::CheckResult& result : verdict.checks)
      if (result.name == check) return name_of(result.outcome);
    return "absent";
  }
};

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

double peak_gb() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e9;
}

Seen run(OpKind kind, const std::string& op, const MakeWrong& make_wrong) {
  const Scenario scenario = one_step();
  const Program program = real::checked_program(scenario);
  BOOST_TEST_REQUIRE(program.tp == 2);
  BOOST_TEST_REQUIRE(program.dp == 1);
  const Oracle oracle(scenario, program, op);
  const TemporaryFolder folder;
  Seen seen;
  {
    real::CpuDevice right;
    WrongKernelDevice wrong(kind, op, [&](const KernelCall& call) {
      seen.fault = make_wrong(call, oracle);
      ++seen.calls;
    });
    const Stopwatch watch;
    const std::vector<real::Device*> devices{&right, &wrong};
    BOOST_REQUIRE(!sim::simulate_program_on(devices, scenario, program, folder / "sim").failure);
    BOOST_TEST_MESSAGE("sim: " << watch.seconds() << " s, " << peak_gb() << " GB");
  }
  const Stopwatch watch;
  seen.verdict = reports::judge({scenario, {}, {{"sim", folder / "sim"}}, {}});
  BOOST_TEST_MESSAGE("judge: " << watch.seconds() << " s");
  return seen;
}

void expect_pass(const Seen& seen) {
  BOOST_TEST(seen.calls == 1);
  BOOST_TEST(name_of(seen.verdict.conclusion) == "pass");
  BOOST_TEST(!seen.verdict.first_divergence.has_value());
}

/// `index` in the full tensor.
void expect_named(const Seen& seen, const std::string& op, const std::vector<std::int64_t>& index) {
  BOOST_TEST_REQUIRE(seen.calls == 1);
  BOOST_TEST_REQUIRE(seen.fault.first_wrong >= 0);
  BOOST_TEST(name_of(seen.verdict.conclusion) == "fail");
  BOOST_REQUIRE(seen.verdict.first_divergence.has_value());
  const reports::FirstDivergence& first = *seen.verdict.first_divergence;
  BOOST_TEST_MESSAGE("element " << to_string(first.index) << " is " << first.got << " for "
                                << first.expected << ", bound " << first.bound << ", "
                                << first.wrong_elements << " wrong");
  BOOST_TEST(first.op == op);
  BOOST_TEST(first.rank == wrong_rank.value);
  BOOST_TEST(first.ranks == std::vector<int>{wrong_rank.value}, boost::test_tools::per_element());
  BOOST_TEST(first.index == index, boost::test_tools::per_element());
  BOOST_TEST(first.got == seen.fault.got);
  BOOST_TEST(std::abs(first.expected - seen.fault.oracle.value.at(0)) <=
             2 * seen.fault.oracle.error.at(0));
  // The judge may add up magnitudes in fp32, and says by how much that widens a bound.
  BOOST_TEST(first.bound == bound_of(seen.fault.oracle), boost::test_tools::tolerance(2e-3));
  BOOST_TEST(seen.outcome("plan_units") == "fail");
  // It is below the program, and what each op read is what was written.
  for (const char* check : {"plan", "policy", "leaves", "edges", "continuity"})
    BOOST_TEST(seen.outcome(check) == "pass", check);
}

const std::string down_proj = "model.layers.0.mlp.down_proj";

Seen run_partial(const MakeWrong& make_wrong) {
  return run(OpKind::matmul, down_proj + "/forward/matmul", make_wrong);
}

/// Each rank of the TP group has a partial sum of all of the output: (2, 1, tokens, hidden).
std::vector<std::int64_t> index_in_partial(std::int64_t element) {
  return {wrong_rank.value, 0, element / widths().hidden, element % widths().hidden};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(wrong_kernels)

BOOST_AUTO_TEST_CASE(one_that_does_nothing_wrong_passes) {
  expect_pass(run_partial([](const KernelCall&, const Oracle&) { return Fault{}; }));
}

BOOST_AUTO_TEST_CASE(a_partial_that_is_five_percent_too_large) {
  const Seen seen = run_partial(scale_all);

  expect_named(seen, down_proj + "/forward/matmul", index_in_partial(seen.fault.first_wrong));
  BOOST_TEST(seen.verdict.first_divergence->wrong_elements > 1);
}

BOOST_AUTO_TEST_CASE(one_element_of_a_partial_that_is_off_by_two_of_its_bounds) {
  const Seen seen = run_partial(
      [](const KernelCall& call, const Oracle& oracle) { return shift_one(call, oracle, 2); });

  expect_named(seen, down_proj + "/forward/matmul", index_in_partial(seen.fault.first_wrong));
  BOOST_TEST(seen.verdict.first_divergence->wrong_elements == 1);
}

BOOST_AUTO_TEST_CASE(one_that_is_off_by_half_of_its_bound_may_be_rounding) {
  const Seen seen = run_partial(
      [](const KernelCall& call, const Oracle& oracle) { return shift_one(call, oracle, 0.5); });

  expect_pass(seen);
  BOOST_TEST(seen.fault.first_wrong >= 0);
}

// The wrong rank has the second half of the columns of the one replica's gradient: (1, hidden,
// inner).
BOOST_AUTO_TEST_CASE(the_lowest_bit_of_one_element_of_a_gradient) {
  const std::string op = down_proj + "/backward/matmul_backward_weight";

  const Seen seen = run(OpKind::matmul_backward_weight, op, flip_one);

  const std::int64_t columns = widths().inner / 2, element = seen.fault.first_wrong;
  expect_named(seen, op, {0, element / columns, columns + element % columns});
  BOOST_TEST(seen.verdict.first_divergence->wrong_elements == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests

#pragma once

// What every Communicator must do, as one suite. The including test program defines make_cluster()
// and orders().
// The expected bits come from a third, naive evaluation of the orders in fp64 (expected_result), so
// that neither the formulas of sim/ nor the messages of real/ are their own judge.

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "real/comm/communicator.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/process_grid.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::contract {

using real::CollectiveRequest;
using real::Communicator;
using Kind = CollectiveRequest::Kind;
using Bytes = std::vector<std::byte>;

/// Bytes on the host as a tensor, for devices whose memory is the host's.
inline real::TensorView view(Dtype dtype, const Bytes& bytes) {
  return {dtype,
          {static_cast<std::int64_t>(bytes.size() / size_bytes(dtype))},
          const_cast<std::byte*>(bytes.data())};
}

/// The ranks of a grid, or those of them that live in this process.
class Cluster {
 public:
  virtual ~Cluster() = default;
  virtual std::vector<Rank> ranks() const = 0;
  virtual Communicator& of(Rank rank) = 0;
  /// Whether a member that comes with something else is an EnvironmentError on all.
  virtual bool tells_mismatches() const { return true; }
};

/// Null if this program cannot run that grid (an MPI job has one size).
std::unique_ptr<Cluster> make_cluster(const ProcessGrid& grid, ReductionOrder order);
/// Those in which its communicators add.
std::vector<ReductionOrder> orders();

inline const std::vector<ProcessGrid::Extents> grids = {
    {.tp = 1, .dp = 1}, {.tp = 2, .dp = 1}, {.tp = 1, .dp = 2}, {.tp = 2, .dp = 2},
    {.tp = 4, .dp = 1}, {.tp = 3, .dp = 1}, {.tp = 1, .dp = 3}, {.tp = 1, .dp = 4},
    {.tp = 2, .dp = 4}, {.tp = 4, .dp = 2}};
inline const std::vector<std::int64_t> counts = {0, 1, 2, 3, 5, 7, 64, 1000};
inline constexpr Kind kinds[] = {Kind::all_reduce_sum, Kind::all_reduce_max, Kind::all_gather};

inline Bytes encoded(Dtype dtype, const std::vector<double>& values) {
  Bytes bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return bytes;
}
inline std::vector<double> decoded(Dtype dtype, const Bytes& bytes) {
  std::vector<double> values(bytes.size() / size_bytes(dtype));
  decode(dtype, bytes, values);
  return values;
}

/// One collective as every member issues it.
struct Case {
  Kind kind;
  Axis axis;
  Dtype dtype;
  Dtype wire;
  std::int64_t count;
  bool special = false;  // with NaN, infinities, zeros of both signs, overflow and subnormals
};
inline std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << name_of(c.kind) << " over " << name_of(c.axis) << ", " << c.count << " x "
             << name_of(c.dtype) << ", wire " << name_of(c.wire) << (c.special ? ", special" : "");
}

/// What a rank contributes: numbers of very different magnitude, so that the order of a sum shows.
/// Any process can make any rank's.
inline Bytes input_of(Rank rank, const Case& c) {
  std::mt19937_64 generator(static_cast<std::uint64_t>(rank.value) * 1000 +
                            static_cast<std::uint64_t>(c.count));
  const double largest = c.dtype == Dtype::fp64 ? std::numeric_limits<double>::max() : 0x1.fep127;
  const std::vector<double> specials = {NAN,
                                        -NAN,
                                        INFINITY,
                                        -INFINITY,
                                        0.0,
                                        -0.0,
                                        largest,
                                        -largest,
                                        std::ldexp(1.0, -130),
                                        -std::ldexp(1.0, -133)};
  std::vector<double> values(static_cast<std::size_t>(c.count));
  for (double& value : values) {
    const auto draw = generator();
    const double fraction = static_cast<double>(draw >> 11) * 0x1p-53 - 0.5;
    value = std::ldexp(fraction, static_cast<int>(draw % 24));
    if (c.special && draw % 3 != 0) value = specials[draw % specials.size()];
    if (c.dtype == Dtype::int64) value = std::trunc(value);
  }
  return encoded(c.dtype, values);
}

/// The members in the order in which element i of N is added.
inline std::vector<std::size_t> addition_order(ReductionOrder order, std::int64_t i, std::int64_t N,
                                               std::size_t n) {
  std::size_t first = 0;
  if (order == ReductionOrder::ring)
    for (std::size_t c = 0; c < n; ++c) {
      const auto begin = static_cast<std::int64_t>(c) * N / static_cast<std::int64_t>(n);
      const auto end = static_cast<std::int64_t>(c + 1) * N / static_cast<std::int64_t>(n);
      if (begin <= i && i < end) first = (c + 1) % n;
    }
  std::vector<std::size_t> members;
  for (std::size_t k = 0; k < n; ++k) members.push_back((first + k) % n);
  return members;
}

inline double combine(Kind kind, Dtype wire, double a, double b) {
  if (std::isnan(a) || std::isnan(b) || std::isnan(a + b)) {
    if (kind == Kind::all_reduce_sum || std::isnan(a) || std::isnan(b))
      return std::numeric_limits<double>::quiet_NaN();
  }
  // fp64 has more than twice the digits of fp32 plus two: this rounds as fp32 arithmetic does.
  return kind == Kind::all_reduce_max ? (b > a ? b : a) : round_to(wire, a + b);
}

inline Bytes expected_result(const Case& c, ReductionOrder order,
                             const std::vector<Bytes>& inputs) {
  if (inputs.size() == 1) return inputs[0];
  if (c.kind == Kind::all_gather && c.wire == c.dtype) {
    Bytes all;
    for (const Bytes& input : inputs) all.insert(all.end(), input.begin(), input.end());
    return all;
  }
  std::vector<std::vector<double>> travelling;
  for (const Bytes& input : inputs)
    travelling.push_back(decoded(c.wire, encoded(c.wire, decoded(c.dtype, input))));
  std::vector<double> result;
  if (c.kind == Kind::all_gather) {
    for (const auto& part : travelling) result.insert(result.end(), part.begin(), part.end());
    return encoded(c.dtype, result);
  }
  const ReductionOrder used = c.kind == Kind::all_reduce_max ? ReductionOrder::rank_order : order;
  for (std::int64_t i = 0; i < c.count; ++i) {
    const auto members = addition_order(used, i, c.count, inputs.size());
    double value = travelling[members[0]][static_cast<std::size_t>(i)];
    for (std::size_t k = 1; k < members.size(); ++k)
      value = combine(c.kind, c.wire, value, travelling[members[k]][static_cast<std::size_t>(i)]);
    result.push_back(value);
  }
  return encoded(c.dtype, result);
}

/// The sums of an element over the members `among` (bits) in every order and every grouping.
inline std::vector<double> sums_in_any_order(Dtype wire, const std::vector<double>& x,
                                             unsigned among) {
  if (std::has_single_bit(among)) return {x[static_cast<std::size_t>(std::countr_zero(among))]};
  std::vector<double> sums;
  for (unsigned part = (among - 1) & among; part != 0; part = (part - 1) & among)
    for (const double a : sums_in_any_order(wire, x, part))
      for (const double b : sums_in_any_order(wire, x, among & ~part))
        sums.push_back(combine(Kind::all_reduce_sum, wire, a, b));
  return sums;
}

/// Whether a library may have added so: each element is one of the sums that there are.
inline bool is_sum_in_some_order(const Case& c, const std::vector<Bytes>& inputs,
                                 const Bytes& output) {
  const auto same_bits = [&](double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || encoded(c.dtype, {a}) == encoded(c.dtype, {b});
  };
  std::vector<std::vector<double>> travelling;
  for (const Bytes& input : inputs)
    travelling.push_back(decoded(c.wire, encoded(c.wire, decoded(c.dtype, input))));
  const std::vector<double> got = decoded(c.dtype, output);
  for (std::size_t i = 0; i < got.size(); ++i) {
    std::vector<double> x;
    for (const auto& member : travelling) x.push_back(member[i]);
    const auto sums = sums_in_any_order(c.wire, x, (1U << x.size()) - 1);
    if (std::ranges::none_of(sums, [&](double sum) { return same_bits(sum, got[i]); }))
      return false;
  }
  return static_cast<std::int64_t>(got.size()) == c.count;
}

/// A collective of one local rank on its way.
struct Issued {
  Rank rank;
  Case what;
  Bytes input;
  Bytes output;
  Communicator::Ticket ticket = 0;
  bool complete = false;
};

inline Issued issue(Cluster& cluster, const ProcessGrid& grid, Rank rank, const Case& c,
                    const std::string& origin = "layer/all") {
  Issued issued{.rank = rank, .what = c, .input = input_of(rank, c), .output = {}};
  const auto copies = c.kind == Kind::all_gather ? static_cast<std::size_t>(grid.size(c.axis)) : 1;
  issued.output.assign(copies * issued.input.size(), std::byte{0x7f});
  issued.ticket = cluster.of(rank).start(
      {c.kind, c.axis, c.wire, view(c.dtype, issued.input), view(c.dtype, issued.output), origin});
  return issued;
}

/// Lets the ranks try in turn; false if a whole round brings no one further.
inline bool complete_all(Cluster& cluster, std::vector<Issued>& all) {
  for (bool advanced = true; advanced;) {
    advanced = false;
    for (Issued& issued : all)
      if (!issued.complete && cluster.of(issued.rank).try_complete(issued.ticket))
        issued.complete = advanced = true;
  }
  return std::ranges::all_of(all, [](const Issued& issued) { return issued.complete; });
}

inline void expect_result(const ProcessGrid& grid, ReductionOrder order, const Issued& issued) {
  std::vector<Bytes> inputs;
  for (const Rank member : grid.group(issued.rank, issued.what.axis))
    inputs.push_back(input_of(member, issued.what));
  const bool any = order == ReductionOrder::library && inputs.size() > 1 &&
                   issued.what.kind == Kind::all_reduce_sum;
  BOOST_TEST((any ? is_sum_in_some_order(issued.what, inputs, issued.output)
                  : issued.output == expected_result(issued.what, order, inputs)),
             issued.what << ", " << name_of(order) << ", grid " << grid.size(Axis::tp) << " x "
                         << grid.size(Axis::dp) << ", rank " << issued.rank.value);
}

/// All local ranks issue the cases one after another and complete each before the next.
inline void run_cases(const std::vector<Case>& cases) {
  int grids_run = 0;
  for (const auto& extents : grids)
    for (const ReductionOrder order : orders()) {
      const ProcessGrid grid(extents);
      const auto cluster = make_cluster(grid, order);
      if (!cluster) continue;
      ++grids_run;
      for (const Case& c : cases) {
        std::vector<Issued> all;
        all.reserve(cluster->ranks().size());
        for (const Rank rank : cluster->ranks()) all.push_back(issue(*cluster, grid, rank, c));
        BOOST_REQUIRE(complete_all(*cluster, all));
        for (const Issued& issued : all) expect_result(grid, order, issued);
      }
    }
  BOOST_REQUIRE(grids_run > 0);
}

BOOST_AUTO_TEST_SUITE(communicator_contract)

BOOST_AUTO_TEST_CASE(every_kind_dtype_count_and_order_gives_the_bits_of_the_definition) {
  std::vector<Case> cases;
  for (const Kind kind : kinds)
    for (const Axis axis : {Axis::tp, Axis::dp})
      for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16})
        for (const std::int64_t count : counts) cases.push_back({kind, axis, dtype, dtype, count});
  for (const Kind kind : {Kind::all_gather, Kind::all_reduce_max})
    for (const std::int64_t count : counts)
      cases.push_back({kind, Axis::tp, Dtype::int64, Dtype::int64, count});
  run_cases(cases);
}

// Beyond 2^53 fp64 does not tell neighbours apart, and there are negative ones.
BOOST_AUTO_TEST_CASE(the_largest_integer_is_exact) {
  constexpr std::int64_t big = std::int64_t{1} << 60;
  const ProcessGrid grid({.tp = 3, .dp = 1});
  const auto cluster = make_cluster(grid, orders().front());
  if (!cluster) return;
  std::vector<std::vector<std::int64_t>> inputs, outputs(3, std::vector<std::int64_t>(3));
  for (const std::int64_t r : {0, 1, 2}) inputs.push_back({big + (r == 1), -3 - r, -big + r});
  const auto integers = [](std::vector<std::int64_t>& values) {
    return real::TensorView{
        Dtype::int64, {std::ssize(values)}, reinterpret_cast<std::byte*>(values.data())};
  };
  std::vector<Issued> all;
  all.reserve(3);
  for (const Rank rank : cluster->ranks()) {
    const auto at = static_cast<std::size_t>(rank.value);
    Issued& issued = all.emplace_back(Issued{.rank = rank, .what = {}, .input = {}, .output = {}});
    issued.ticket =
        cluster->of(rank).start({Kind::all_reduce_max, Axis::tp, Dtype::int64, integers(inputs[at]),
                                 integers(outputs[at]), "integers"});
  }

  BOOST_REQUIRE(complete_all(*cluster, all));

  for (const Rank rank : cluster->ranks())
    BOOST_TEST(outputs[static_cast<std::size_t>(rank.value)] ==
                   (std::vector<std::int64_t>{big + 1, -3, -big + 2}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nan_infinities_zeros_overflow_and_subnormals_come_out_as_defined) {
  std::vector<Case> cases;
  for (const Kind kind : kinds)
    for (const Axis axis : {Axis::tp, Axis::dp})
      for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16})
        cases.push_back({kind, axis, dtype, dtype, 1000, true});
  run_cases(cases);
}

BOOST_AUTO_TEST_CASE(values_are_rounded_to_a_narrower_wire_and_cast_back) {
  std::vector<Case> cases;
  for (const Kind kind : kinds)
    for (const Axis axis : {Axis::tp, Axis::dp})
      for (const std::int64_t count : {std::int64_t{7}, std::int64_t{64}}) {
        cases.push_back({kind, axis, Dtype::fp32, Dtype::bf16, count});
        cases.push_back({kind, axis, Dtype::fp64, Dtype::fp32, count});
        cases.push_back({kind, axis, Dtype::fp64, Dtype::bf16, count, true});
      }
  run_cases(cases);
}

BOOST_AUTO_TEST_CASE(collectives_of_both_axes_may_be_on_their_way_at_once) {
  for (const auto& extents : grids) {
    const ProcessGrid grid(extents);
    const auto cluster = make_cluster(grid, orders().front());
    if (!cluster) continue;
    const Case along_tp{Kind::all_reduce_sum, Axis::tp, Dtype::fp32, Dtype::fp32, 7};
    const Case along_dp{Kind::all_gather, Axis::dp, Dtype::bf16, Dtype::bf16, 5};
    std::vector<Issued> all;
    all.reserve(3 * cluster->ranks().size());
    for (const Rank rank : cluster->ranks()) all.push_back(issue(*cluster, grid, rank, along_tp));
    for (const Rank rank : cluster->ranks()) all.push_back(issue(*cluster, grid, rank, along_dp));
    for (const Rank rank : cluster->ranks()) all.push_back(issue(*cluster, grid, rank, along_tp));

    BOOST_REQUIRE(complete_all(*cluster, all));

    for (const Issued& issued : all) expect_result(grid, orders().front(), issued);
  }
}

/// x0 = 2^24, x1 = x2 = 1 in fp32: (x0 + x1) + x2 = 2^24, since each 1 is half a spacing and the
/// tie goes to the even 2^24; (x1 + x2) + x0 = 2^24 + 2. The ring adds chunk 0 the second way,
/// chunks 1 and 2 as (x2 + x0) + x1 and (x0 + x1) + x2.
BOOST_AUTO_TEST_CASE(three_ranks_by_hand_ring_and_rank_order_differ) {
  const double big = 0x1p24;
  for (const auto& [order, expected] :
       {std::pair{ReductionOrder::rank_order, std::vector{big, big, big}},
        std::pair{ReductionOrder::ring, std::vector{big + 2, big, big}}}) {
    const auto has = orders();
    if (std::ranges::find(has, order) == has.end()) continue;
    const ProcessGrid grid({.tp = 3, .dp = 1});
    const auto cluster = make_cluster(grid, order);
    if (!cluster) continue;
    std::vector<Issued> all;
    all.reserve(3);
    for (const Rank rank : cluster->ranks()) {
      const double x = rank.value == 0 ? big : 1;
      Issued& issued =
          all.emplace_back(Issued{.rank = rank, .what = {}, .input = {}, .output = {}});
      issued.input = encoded(Dtype::fp32, {x, x, x});
      issued.output.resize(issued.input.size());
      issued.ticket = cluster->of(rank).start({Kind::all_reduce_sum, Axis::tp, Dtype::fp32,
                                               view(Dtype::fp32, issued.input),
                                               view(Dtype::fp32, issued.output), "hand"});
    }

    BOOST_REQUIRE(complete_all(*cluster, all));

    for (const Issued& issued : all)
      BOOST_TEST(decoded(Dtype::fp32, issued.output) == expected, boost::test_tools::per_element());
  }
}

/// Rank 0 issues `a`, all others `b`: an error must name both, and nobody may hang.
inline void expect_mismatch(const Case& a, const Case& b, const std::string& origin_a,
                            const std::string& origin_b) {
  const auto names_both = [&](const EnvironmentError& error) {
    const std::string text = error.what();
    return text.find(origin_a.substr(0, 150)) != text.npos &&
           text.find(origin_b.substr(0, 150)) != text.npos &&
           text.find(name_of(a.kind)) != text.npos && text.find(name_of(b.kind)) != text.npos;
  };
  for (const auto& extents : grids) {
    const ProcessGrid grid(extents);
    if (grid.size(Axis::tp) != grid.world() || grid.world() == 1) continue;
    const auto cluster = make_cluster(grid, orders().front());
    if (!cluster || !cluster->tells_mismatches()) continue;
    std::vector<Issued> all;
    all.reserve(cluster->ranks().size());
    for (const Rank rank : cluster->ranks()) {
      const bool odd = rank.value == 0;
      all.push_back(issue(*cluster, grid, rank, odd ? a : b, odd ? origin_a : origin_b));
    }
    for (const Issued& issued : all)
      BOOST_CHECK_EXCEPTION(cluster->of(issued.rank).try_complete(issued.ticket), EnvironmentError,
                            names_both);
  }
}

BOOST_AUTO_TEST_CASE(a_member_with_another_kind_count_dtype_wire_or_op_is_named) {
  const Case c{Kind::all_reduce_sum, Axis::tp, Dtype::fp32, Dtype::fp32, 8};
  Case other = c;
  other.kind = Kind::all_reduce_max;
  expect_mismatch(c, other, "o_proj/all_reduce", "o_proj/all_reduce");
  other = c;
  other.count = 9;
  expect_mismatch(c, other, "o_proj/all_reduce", "o_proj/all_reduce");
  other = c;
  other.dtype = Dtype::bf16;  // 16 elements: as many bytes
  other.count = 16;
  expect_mismatch(c, other, "o_proj/all_reduce", "o_proj/all_reduce");
  other = c;
  other.wire = Dtype::bf16;
  expect_mismatch(c, other, "o_proj/all_reduce", "o_proj/all_reduce");
  expect_mismatch(c, c, "layers.0.o_proj/all_reduce", "layers.0.down_proj/all_reduce");
  const std::string long_name(300, 'x');
  expect_mismatch(c, c, long_name + "/forward", long_name + "/backward");
}

BOOST_AUTO_TEST_CASE(an_output_of_the_wrong_size_or_dtype_is_refused_at_once) {
  for (const auto& extents : grids) {
    const auto cluster = make_cluster(ProcessGrid(extents), orders().front());
    if (!cluster) continue;
    const Bytes input(8), output(4);
    for (const Rank rank : cluster->ranks())
      for (const Dtype dtype : {Dtype::fp32, Dtype::bf16})
        BOOST_CHECK_THROW(
            cluster->of(rank).start({Kind::all_reduce_sum, Axis::tp, Dtype::fp32,
                                     view(Dtype::fp32, input), view(dtype, output), "short"}),
            InvariantError);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract

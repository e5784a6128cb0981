// What the check `suspects` makes of the units that it was told of.
#include "reports/verdict/suspects.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

namespace shardproof::reports {
namespace {

Failure failure(const std::string& execution, const std::string& op, int rank, int step,
                std::int64_t sequence) {
  Failure failure;
  failure.sequence = sequence;
  failure.divergence.execution = execution;
  failure.divergence.op = op;
  failure.divergence.rank = rank;
  failure.divergence.ranks = {rank};
  failure.divergence.moment = {Moment::Stage::step, step, 0};
  return failure;
}

const Signature twice{Signature::Kind::factor, 2, 0.001};

/// `late` was found first, and `early` on two ranks, then once more.
Suspects some_suspects() {
  Suspects suspects;
  suspects.count(100, 4.595);
  suspects.add(failure("sim", "late", 0, 0, 9), twice, 20);
  suspects.add(failure("sim", "early", 1, 0, 3), twice, 30);
  suspects.add(failure("sim", "early", 2, 0, 3), twice, 40);
  suspects.add(failure("sim", "early", 0, 1, 12), twice, 50);
  return suspects;
}

BOOST_AUTO_TEST_SUITE(suspects_of_a_run)

BOOST_AUTO_TEST_CASE(units_of_one_op_are_one_suspect_with_the_ranks_of_its_first_moment) {
  const std::vector<SuspectOp> list = some_suspects().list();

  BOOST_TEST_REQUIRE(list.size() == 2U);
  BOOST_TEST(list[0].first.op == "early");
  BOOST_TEST(list[0].first.ranks == (std::vector<int>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(list[0].units == 3);
  BOOST_TEST(list[0].z == 30);
  BOOST_TEST(sentence_of(list[0]) ==
             "sim: early, step 0, micro-step 0, ranks 1, 2: factor 2 +- 0.001, 30 deviations");
}

BOOST_AUTO_TEST_CASE(a_suspect_is_shown_and_fails_a_strict_run) {
  const CheckResult shown = some_suspects().tally(false).result();
  const CheckResult strict = some_suspects().tally(true).result();

  BOOST_TEST((shown.outcome == Outcome::trend));
  BOOST_TEST(shown.failed == 0);
  BOOST_TEST(shown.reason.starts_with("sim: early, step 0"));
  BOOST_TEST(shown.reason.ends_with("; 1 more op"));
  BOOST_TEST((strict.outcome == Outcome::fail));
  BOOST_TEST(strict.failed == 2);
  BOOST_TEST(some_suspects().tally(true).failures().size() == 2U);
}

BOOST_AUTO_TEST_CASE(without_any_it_passes_and_says_how_near_it_came) {
  Suspects suspects;
  suspects.count(100, suspicious / 2);
  const CheckResult result = suspects.tally(true).result();

  BOOST_TEST((result.outcome == Outcome::pass));
  BOOST_TEST((result.proof == Proof::statistical));
  BOOST_TEST(result.compared == 100);
  BOOST_TEST(result.max_ratio.value() == 0.5);
}

BOOST_AUTO_TEST_CASE(nothing_compared_and_more_than_the_threshold_is_for_are_unknown) {
  Suspects many;
  many.count(most_elements + 1, 0);

  BOOST_TEST((Suspects().tally(false).result().outcome == Outcome::unknown));
  BOOST_TEST((many.tally(false).result().outcome == Outcome::unknown));
}

BOOST_AUTO_TEST_CASE(the_threshold_is_that_of_so_many_elements_and_one_in_a_million) {
  const double n = static_cast<double>(most_elements);

  BOOST_TEST(2 * n * std::exp(-suspicious * suspicious / 2) <= 1e-6);
  BOOST_TEST(2 * n * std::exp(-suspicious * suspicious / 2) > 0.9e-6);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reports

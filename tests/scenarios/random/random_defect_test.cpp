// Defects that are drawn fit their program, and know where they must be told.
#include "scenarios/random/random_defect.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "real/lowering/lowering.hpp"
#include "scenarios/config/injection_config.hpp"
#include "scenarios/plan/edits.hpp"
#include "scenarios/random/random_scenario.hpp"
#include "tests/support/sweep.hpp"

namespace shardproof::tests {
namespace {

BOOST_AUTO_TEST_SUITE(random_defects)

BOOST_AUTO_TEST_CASE(every_kind_is_drawn_and_fits_on_every_rank) {
  const Scenario scenario = sweep("llama-tp2-dp2-zero2-bf16");
  const Program program = real::lower(scenario);
  std::set<std::string> edits;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto defect = random_defect(program, seed);
    BOOST_TEST_REQUIRE(defect.has_value());
    BOOST_TEST_INFO_SCOPE(write_json(defect->edit));
    edits.insert(defect->edit.find("edit")->text);
    const auto injections = injections_from_json(
        JsonValue::array().append(defect->edit),
        {.world = scenario.world(), .steps = scenario.steps, .micro_steps = 1});
    for (int rank = 0; rank < scenario.world(); ++rank)
      BOOST_CHECK_NO_THROW(apply_injections(program, injections, Rank{rank}));
  }

  BOOST_TEST((edits == std::set<std::string>{"drop", "double", "regroup", "scale", "swap_shards"}));
}

BOOST_AUTO_TEST_CASE(one_rank_alone_has_no_collective_to_lose) {
  const Program program = real::lower(sweep("tiny-tp1-dp1-zero0-fp64"));

  int drawn = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    if (const auto defect = random_defect(program, seed)) {
      ++drawn;
      BOOST_TEST(defect->edit.find("edit")->text == "scale");
    }
  BOOST_TEST(drawn > 5);
}

BOOST_AUTO_TEST_CASE(a_defect_is_told_at_its_op_or_beside_it) {
  const Program program = real::lower(sweep("llama-tp2-dp2-zero2-bf16"));
  const std::string op = "model.layers.0.mlp.down_proj/forward/all_reduce";
  std::optional<RandomDefect> defect;
  for (std::uint64_t seed = 0; !defect || defect->op != op; ++seed)
    defect = random_defect(program, seed);

  BOOST_TEST(defect->is_at(op));
  BOOST_TEST(defect->is_at(op + ".scaled"));
  BOOST_TEST(defect->is_at("model.layers.0.mlp.down_proj/forward/matmul"));
  BOOST_TEST(defect->is_at("model.layers.0.mlp.down_proj/forward/add_bias"));
  BOOST_TEST(!defect->is_at("model.layers.0.mlp/forward/swiglu"));
  BOOST_TEST(!defect->is_at("model.layers.1.mlp.down_proj/forward/all_reduce"));
  BOOST_TEST(!defect->is_at(""));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests

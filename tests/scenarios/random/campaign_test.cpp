// What a campaign leaves, of a laboratory that says what it is told to.
#include "scenarios/random/campaign.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "scenarios/random/minimize.hpp"
#include "tests/scenarios/random/laboratory.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(campaigns)

BOOST_AUTO_TEST_CASE(what_ends_wrongly_is_kept_and_made_smaller) {
  const TemporaryFolder folder;
  const CampaignOptions options{.seed = 5, .count = 2, .runs = 20, .out = folder.path().string()};

  const int wrong = run_campaign(options, that_says(fail_at("x")));

  BOOST_TEST(wrong == 2);
  const JsonValue told = read_json(folder / "fuzz.json");
  BOOST_TEST(told.find("next_seed")->integer == 7);
  BOOST_TEST(told.find("right")->integer == 0);
  BOOST_TEST(told.find("wrong")->elements.at(1).find("seed")->integer == 6);
  const JsonValue drawn = read_json(folder / "seed-5.json");
  BOOST_TEST(write_json(drawn) == write_json(draw_clean(5, that_says(pass)).scenario));
  BOOST_TEST(effort_of(read_json(folder / "seed-5.small.json")).is_less_than(effort_of(drawn)));
}

BOOST_AUTO_TEST_CASE(what_is_right_leaves_its_count_alone) {
  const TemporaryFolder folder;
  const CampaignOptions options{
      .seed = 5, .count = 2, .faulty = true, .out = folder.path().string()};

  const int wrong = run_campaign(options, that_says(pass, /*has_effect=*/false));

  BOOST_TEST(wrong == 0);
  BOOST_TEST(read_json(folder / "fuzz.json").find("without_effect")->integer == 2);
  BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests

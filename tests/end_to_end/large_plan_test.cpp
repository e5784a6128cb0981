// The plan of a model that nobody runs on one machine: Llama 3.1 405B on 16,384 ranks.
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

const std::string file = "../scenarios/catalog/plan/llama-3.1-405b-tp8-dp2048-zero1-bf16.json";

const JsonValue& plan() {
  static const JsonValue json = [] {
    const ProgramResult result = run_program({SHARDPROOF, "plan", file, "--json"});
    BOOST_TEST_REQUIRE(result.exit_code == 0, result.err);
    return parse_json(result.out, "plan");
  }();
  return json;
}

// The collectives of a micro-step: how many of a kind there are, and their bytes.
struct Sent {
  int count = 0;
  std::int64_t bytes = 0;
};
Sent in_micro_step(const std::string& origin_begins, const std::string& kind) {
  Sent sent;
  for (const JsonValue& collective : plan().find("collectives")->elements) {
    if (collective.find("per")->text != "micro_step" || collective.find("kind")->text != kind ||
        !collective.find("origin")->text.starts_with(origin_begins))
      continue;
    BOOST_TEST(collective.find("group")->text == "tp");
    ++sent.count;
    sent.bytes += collective.find("bytes")->integer;
  }
  return sent;
}

BOOST_AUTO_TEST_SUITE(large_plan)

// Of one layer, h = 16384 wide, a rank of 8 holds
//   q, o         2 x 16384 x 16384 / 8     67,108,864
//   k, v         2 x  1024 x 16384 / 8      4,194,304
//   gate, up, down 3 x 53248 x 16384 / 8  327,155,712
//   two norms    2 x 16384                     32,768       398,491,648 in all, 126 times
// and beside the layers the embedding whole, 128256 x 16384, an eighth of lm_head, and a norm.
BOOST_AUTO_TEST_CASE(a_rank_holds_an_eighth_of_what_is_cut_and_all_of_what_is_not) {
  std::int64_t bytes = 0;
  for (const JsonValue& parameter : plan().find("parameters")->elements)
    bytes += parameter.find("bytes_per_rank")->integer;
  const std::int64_t parameters =
      126 * 398'491'648LL + 2'101'346'304LL + 2'101'346'304LL / 8 + 16'384;

  BOOST_TEST(parameters == 52'573'978'624);
  BOOST_TEST(bytes == 2 * parameters);  // bf16
  BOOST_TEST(plan().find("memory")->find("largest_rank")->find("parameters")->integer == bytes);
}

// Forward o_proj and down_proj, backward q, k, v, gate and up: each reduces (8192, 16384) in bf16.
BOOST_AUTO_TEST_CASE(a_block_reduces_seven_times_over_tp_in_a_micro_step) {
  const std::int64_t activations = 8192 * 16384 * 2;
  const Sent block = in_micro_step("model.layers.77.", "all_reduce");
  BOOST_TEST(block.count == 7);
  BOOST_TEST(block.bytes == 7 * activations);

  const Sent all = in_micro_step("", "all_reduce");
  BOOST_TEST(all.count == 126 * 7 + 1);  // and the gradient of lm_head's input
  BOOST_TEST(all.bytes == (126 * 7 + 1) * activations);
  const Sent gathered = in_micro_step("", "all_gather");  // the logits
  BOOST_TEST(gathered.count == 1);
  BOOST_TEST(gathered.bytes == 8192 * 128'256 / 8 * 2);
}

// 52,573,978,624 is a multiple of 2 x 2048: a slice has 25,670,888 elements, and the master weight
// and the two moments of each take 4 bytes, in blocks of 64 bytes.
BOOST_AUTO_TEST_CASE(a_rank_keeps_the_optimizer_of_one_slice_in_2048) {
  BOOST_TEST(52'573'978'624 % 4096 == 0);
  BOOST_TEST(plan().find("memory")->find("largest_rank")->find("optimizer")->integer ==
             3 * ((25'670'888 * 4 + 63) / 64 * 64));
}

BOOST_AUTO_TEST_CASE(more_bytes_than_64_bits_count_are_refused_and_not_wrapped) {
  JsonValue scenario = read_json(file);
  JsonValue* config = scenario.find("model")->find("config");
  *config = std::filesystem::absolute("../scenarios/catalog/models/llama-3.1-405b/config.json")
                .lexically_normal()
                .string();
  scenario.set("steps", 1'000'000);  // 1e6 x 2.4e16 bytes of trace
  const TemporaryFolder folder;
  std::ofstream(folder / "s.json") << write_json(scenario);
  const ProgramResult result = run_program({SHARDPROOF, "plan", folder / "s.json"});

  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(result.err.find("too large to count: ") != std::string::npos, result.err);
}

BOOST_AUTO_TEST_CASE(no_plan_takes_more_than_200_mb) {
  const ProgramResult text = run_program({SHARDPROOF, "plan", file});
  BOOST_TEST(text.out.find("TP groups  2,048 of 8 ranks: {0,1,..,7}, each next one 8 on\n") !=
             std::string::npos);
  BOOST_TEST(text.out.find("DP groups  8 of 2,048 ranks: {0,8,..,16376}, each next one 1 on\n") !=
             std::string::npos);
  plan();

  rusage children{};
  BOOST_TEST_REQUIRE(getrusage(RUSAGE_CHILDREN, &children) == 0);
  BOOST_TEST(children.ru_maxrss <= 200 * 1024);  // KiB
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests

#include "scenarios/partition/shard_widths.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <random>

#include "tests/support/error_of.hpp"

using namespace shardproof;
using tests::error_of;

using Row = std::vector<std::int64_t>;

BOOST_AUTO_TEST_CASE(widths_are_those_that_deepspeed_gives) {
  struct Vector {
    std::int64_t total;
    int tp;
    std::optional<std::int64_t> kv;
    std::int64_t grain;
    const char* name;
    Row widths;
  };
  const std::optional<std::int64_t> none;
  const Vector vectors[] = {
      {128, 4, none, 1, "x", {32, 32, 32, 32}},
      {10, 4, none, 1, "x", {3, 3, 2, 2}},
      {10, 3, none, 1, "lm_head", {4, 3, 3}},
      {101, 2, none, 1, "lm_head", {51, 50}},
      {129, 4, none, 1, "x", {33, 32, 32, 32}},
      {3, 4, none, 1, "x", {1, 1, 1, 0}},
      {384, 4, 6, 1, "q_proj", {128, 128, 64, 64}},
      {12, 3, 4, 1, "q_proj", {6, 3, 3}},
      {1024, 3, 8, 1, "k_proj", {384, 384, 256}},
      {2048, 3, 8, 1, "q_proj", {768, 768, 512}},
      {256, 3, 2, 1, "k_proj", {128, 128, 0}},
      {2048, 3, 2, 1, "q_proj", {1024, 1024, 0}},
      {12, 2, 3, 1, "model.layers.0.mlp", {6, 6}},
      {12, 2, 3, 1, "None", {8, 4}},
      {12, 2, 3, 1, "a.w1", {6, 6}},
      {12, 2, 3, 1, "lm_head", {6, 6}},
      {12, 2, 3, 1, "model.lm_head", {8, 4}},
      {12, 2, 3, 1, "embed_out", {6, 6}},
      {13, 2, 3, 1, "x", {7, 6}},
      {5, 2, 5, 1, "None", {3, 2}},
      {6, 2, 3, 1, "None", {4, 2}},
      {50257, 2, none, 64, "lm_head", {25152, 25105}},
      {50257, 8, none, 64, "lm_head", {6336, 6272, 6272, 6272, 6272, 6272, 6272, 6289}},
      {151936, 8, none, 64, "lm_head", {19008, 19008, 19008, 19008, 19008, 19008, 18944, 18944}},
      {32000, 4, none, 64, "lm_head", {8000, 8000, 8000, 8000}},
      {100, 4, none, 64, "x", {64, 0, 0, 36}},
      {63, 4, none, 64, "x", {16, 16, 16, 15}},
      {64, 4, none, 64, "x", {64, 0, 0, 0}},
      {130, 3, none, 64, "x", {64, 64, 2}},
      {10, 2, none, 4, "x", {4, 6}},
  };
  for (const Vector& v : vectors) BOOST_TEST_CONTEXT(v.total << " / " << v.tp << " " << v.name)
  BOOST_TEST((shard_widths(v.total, v.tp, v.name, {v.kv, v.grain}) == v.widths));
}

BOOST_AUTO_TEST_CASE(widths_sum_to_the_total_are_never_negative_and_fall_with_the_rank) {
  std::mt19937_64 random(20260901);
  BOOST_TEST_MESSAGE("seed 20260901");
  const auto up_to = [&](std::int64_t highest) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(highest)) + 1;
  };
  const char* names[] = {"self_attn.q_proj", "mlp.up_proj", "lm_head", "None"};
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t total = up_to(4096), kv = up_to(16), grain = up_to(128);
    const int tp = static_cast<int>(up_to(17));
    const char* name = names[random() % 4];
    const Row widths = shard_widths(total, tp, name, {kv, grain});
    BOOST_REQUIRE_EQUAL(widths.size(), static_cast<std::size_t>(tp));
    BOOST_REQUIRE_EQUAL(std::accumulate(widths.begin(), widths.end(), std::int64_t{0}), total);
    BOOST_REQUIRE(*std::min_element(widths.begin(), widths.end()) >= 0);
    const Row plain = shard_widths(total, tp, name, {kv, 1});
    BOOST_REQUIRE(std::is_sorted(plain.rbegin(), plain.rend()));
    if (total % tp == 0 && kv % tp == 0) BOOST_REQUIRE_EQUAL(plain.front(), plain.back());
  }
}

// What one column gives, the row after it must take: rank by rank.
BOOST_AUTO_TEST_CASE(columns_and_their_rows_agree) {
  for (std::int64_t kv = 1; kv <= 9; ++kv)
    for (std::int64_t group = 1; group <= 4; ++group)
      for (int tp = 1; tp <= 9; ++tp) {
        const std::int64_t head_dim = 6, queries = kv * group * head_dim;
        const WidthRule rule{kv, 1};
        const Row q = shard_widths(queries, tp, "model.layers.0.self_attn.q_proj", rule);
        const Row k = shard_widths(kv * head_dim, tp, "model.layers.0.self_attn.k_proj", rule);
        BOOST_TEST((q == shard_widths(queries, tp, "model.layers.0.self_attn.o_proj", rule)));
        for (std::size_t rank = 0; rank < q.size(); ++rank) {
          BOOST_TEST(q[rank] == group * k[rank]);
          BOOST_TEST(k[rank] % head_dim == 0);
        }
        BOOST_TEST((shard_widths(queries + 1, tp, "mlp.up_proj", rule) ==
                    shard_widths(queries + 1, tp, "mlp.down_proj", rule)));
      }
}

BOOST_AUTO_TEST_CASE(a_model_without_heads_is_refused) {
  BOOST_TEST(error_of([] {
               shard_widths(12, 2, "q_proj", {0, 1});
             }) == "the number of KV heads is 0: expected 1 or more");
}

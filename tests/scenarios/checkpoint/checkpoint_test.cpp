#include "scenarios/checkpoint/checkpoint.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "tests/scenarios/checkpoint/ranks.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::error_of;
using tests::loaded;
using tests::numbered;
using tests::Ranks;
using tests::sweep;
using tests::TemporaryFolder;

namespace fs = std::filesystem;

namespace {

Program program_of(const std::string& name, int tp, int dp, int zero, bool in_turn = false) {
  Scenario scenario = sweep(name);
  tests::lay_out(scenario, tp, dp);
  scenario.parallel.zero_stage = zero;
  scenario.parallel.round_robin_gradients = in_turn;
  return real::lower(scenario);
}

// One whole tensor on one rank.
void save_one(const std::string& path, std::vector<std::vector<PartToSave>> parts) {
  CheckpointOrigin origin = tests::origin_of(Program{});
  origin.dp = static_cast<int>(parts.size());
  begin_checkpoint(path);
  for (std::size_t rank = 0; rank < parts.size(); ++rank)
    write_rank_file(path, static_cast<int>(rank), parts[rank]);
  finish_checkpoint(path, origin);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoints)

BOOST_AUTO_TEST_CASE(what_is_saved_is_read_back_by_the_same_ranks) {
  const TemporaryFolder folder;
  for (const char* name : {"tiny-bias-tp2-dp2-zero1-bf16", "llama-uneven-tp3-dp2-zero1-bf16",
                           "gpt2-tp2-dp2-zero1-bf16", "inference-llama-tp2-dp2-bf16"}) {
    const Ranks ranks = numbered(real::lower(sweep(name)));
    save(ranks, folder / "c");

    BOOST_TEST((loaded(folder / "c", ranks.program).memory == ranks.memory), name);
  }
}

BOOST_AUTO_TEST_CASE(what_a_run_counts_is_read_back) {
  const TemporaryFolder folder;
  save(numbered(program_of("tiny-bias-tp2-dp2-zero1-bf16", 2, 1, 1)), folder / "c");
  const Checkpoint checkpoint(folder / "c");

  BOOST_TEST(checkpoint.origin().steps_done == 3);
  BOOST_TEST(checkpoint.origin().tp == 2);
  BOOST_TEST(checkpoint.origin().dp == 1);
  BOOST_TEST(checkpoint.origin().counters.at("updates") == 2);
  BOOST_TEST(checkpoint.origin().counters.at("loss_scale") == 65536);
  BOOST_TEST(write_json(checkpoint.origin().scenario) == "{\"name\":\"a test\"}");
}

BOOST_AUTO_TEST_CASE(another_grid_reads_the_same_elements_and_its_padding_is_zero) {
  const TemporaryFolder folder;
  const std::string name = "tiny-bias-tp2-dp2-zero1-bf16";
  save(numbered(program_of(name, 2, 2, 1)), folder / "from");
  for (const auto& [tp, dp, zero] : {std::tuple{1, 1, 0}, {1, 3, 1}, {4, 1, 1}, {2, 5, 1}}) {
    const Ranks expected = numbered(program_of(name, tp, dp, zero));

    BOOST_TEST((loaded(folder / "from", expected.program).memory == expected.memory));
    repartition(Checkpoint(folder / "from"), expected.program, tests::origin_of(expected.program),
                folder / "to");
    BOOST_TEST((loaded(folder / "to", expected.program).memory == expected.memory));
  }
  const CheckpointOrigin origin = Checkpoint(folder / "to").origin();
  BOOST_TEST(origin.tp == 2);
  BOOST_TEST(origin.dp == 5);
}

BOOST_AUTO_TEST_CASE(owners_that_take_turns_read_what_owners_in_order_saved_and_back) {
  const std::string name = "tiny-bias-tp2-dp2-zero1-bf16";
  const Ranks in_order = numbered(program_of(name, 2, 3, 1));
  const Ranks in_turn = numbered(program_of(name, 2, 3, 1, true));
  const TemporaryFolder folder;
  save(in_order, folder / "in_order");
  save(in_turn, folder / "in_turn");

  BOOST_TEST(!(in_order.memory == in_turn.memory));  // each owner has other slices
  BOOST_TEST((loaded(folder / "in_order", in_turn.program).memory == in_turn.memory));
  BOOST_TEST((loaded(folder / "in_turn", in_order.program).memory == in_order.memory));
}

BOOST_AUTO_TEST_CASE(a_state_that_is_not_the_same_is_refused_by_the_tensors_name) {
  const TemporaryFolder folder;
  const auto load = [&](const Program& program) {
    return error_of([&] { loaded(folder / "c", program); }, folder.path().string() + "/");
  };
  save(numbered(program_of("tiny-bias-tp2-dp2-zero1-bf16", 2, 1, 1)), folder / "c");

  BOOST_TEST(
      load(program_of("qwen2-tp2-dp2-zero1-fp32", 2, 1, 1)).starts_with("c: tensor \"parameter/"));
  BOOST_TEST(load(program_of("tiny-bias-tp2-dp2-zero0-fp32-rank_order", 2, 1, 1)) ==
             "c: tensor \"parameter/model.embed_tokens.weight\": is bf16 (64, 32), expected fp32 "
             "(64, 32)");
  BOOST_TEST(
      load(program_of("inference-llama-tp2-dp2-bf16", 2, 1, 0)) ==
      "c: tensor \"optimizer/lm_head.weight/exp_avg\": is no state of the run that is to go on");
}

BOOST_AUTO_TEST_CASE(ranks_that_hold_the_same_elements_must_hold_the_same_bits) {
  const TemporaryFolder folder;
  const std::vector<float> one{1, 2, 3, 4}, other{3, 4, 5}, wrong{3, 7, 5};
  const auto part = [](const std::vector<float>& values, std::int64_t begin) {
    return PartToSave{"w",
                      Dtype::fp32,
                      {5},
                      {{{begin}, {static_cast<std::int64_t>(values.size())}}},
                      {std::as_bytes(std::span(values))}};
  };

  save_one(folder / "c", {{part(one, 0)}, {part(other, 2)}});
  const std::vector<std::byte> all = Checkpoint(folder / "c").read("w", std::vector{whole({5})});
  std::vector<double> values(5);
  decode(Dtype::fp32, all, values);
  BOOST_TEST(values == (std::vector<double>{1, 2, 3, 4, 5}), boost::test_tools::per_element());

  save_one(folder / "c", {{part(one, 0)}, {part(wrong, 2)}});
  BOOST_TEST(error_of([&] { Checkpoint(folder / "c"); }, folder.path().string() + "/") ==
             "c/rank-00001.safetensors: tensor \"w\": differs from what rank-00000.safetensors "
             "holds of the same elements");
}

BOOST_AUTO_TEST_CASE(an_element_that_no_rank_saved_is_named) {
  const TemporaryFolder folder;
  const std::vector<float> values{1, 2, 3, 4};
  const PartToSave half{
      "w", Dtype::fp32, {4, 2}, {{{0, 0}, {2, 2}}}, {std::as_bytes(std::span(values))}};
  save_one(folder / "c", {{half}});

  BOOST_TEST(error_of([&] { Checkpoint(folder / "c"); }, folder.path().string() + "/") ==
             "c: tensor \"w\": no rank's file holds [2:4, 0:2] of (4, 2)");
}

BOOST_AUTO_TEST_CASE(nothing_but_a_checkpoint_is_replaced) {
  const TemporaryFolder folder;
  const Ranks ranks = numbered(program_of("tiny-bias-tp2-dp2-zero1-bf16", 1, 1, 0));
  fs::create_directory(folder / "thesis");
  std::ofstream(folder / "thesis/only_copy") << "precious";

  BOOST_TEST(error_of([&] { save(ranks, folder / "thesis"); }, folder.path().string() + "/") ==
             "thesis: exists and holds no checkpoint: it is not replaced; choose another --out");
  BOOST_TEST(fs::exists(folder / "thesis/only_copy"));
  BOOST_TEST(error_of([&] { Checkpoint(folder / "thesis"); }, folder.path().string() + "/") ==
             "thesis/manifest.json: there is no such file: the folder is no checkpoint, or not a "
             "whole one");
}

BOOST_AUTO_TEST_CASE(a_checkpoint_leaves_nothing_beside_it) {
  const TemporaryFolder folder;
  const Ranks ranks = numbered(program_of("tiny-bias-tp2-dp2-zero1-bf16", 2, 1, 1));
  save(ranks, folder / "c");
  save(ranks, folder / "c");

  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    names.insert(entry.path().lexically_relative(folder.path()).string());
  BOOST_TEST(names == (std::set<std::string>{"c", "c/manifest.json", "c/rank-00000.safetensors",
                                             "c/rank-00001.safetensors"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

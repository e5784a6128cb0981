// Every family against its published code: tests/oracle.
#include "reference/models/families.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "scenarios/errors.hpp"
#include "tests/reference/golden.hpp"

namespace shardproof::reference {

namespace {

using testing::difference_from_golden;
using testing::Golden;
using testing::golden_folder;

struct Variant {
  std::string folder;
  std::string logits = "lm_head/output";  // module and role
  std::string vanishing = "";             // as difference_from_golden has it
};

const std::vector<Variant> variants{
    {"llama-gqa"},
    {"llama-bias"},
    {"llama-rope-linear"},
    {"llama-rope-llama3"},
    {"llama-rope-yarn"},
    {"llama-rope-yarn-defaults"},
    {"llama-pad"},
    {"mistral-window"},
    {"qwen2-bias"},
    {"qwen2-tied"},
    {"qwen2-tied-pad"},
    {"qwen3-untied"},
    {"qwen3-tied"},
    {"phi3-mha"},
    {"phi3-gqa"},
    {"phi3-longrope-short"},
    {"phi3-longrope-long"},
    {"phi3-part-turned"},
    {"phi3-part-turned-longrope"},
    {"mixtral-unused-expert"},
    {"qwen3_moe-unused-expert"},
    {"qwen3_moe-plain-weights"},
    {"deepseek_v2-lite"},
    {"deepseek_v2-q-lora"},
    {"deepseek_v2-yarn"},
    {"deepseek_v3-groups"},
    {"deepseek_v3-plain-scores"},
    {"gpt2-tied"},
    {"gpt2-untied"},
    {"gemma2-capped", "lm_head/capped"},
    {"gemma2-uncapped"},
    {"olmo2-gqa"},
    {"olmo2-bias-pad"},
    {"gemma3_text-types"},
    {"gemma3_text-pattern", "lm_head/capped"},
    {"gpt_neox-parallel", "embed_out/output"},
    {"gpt_neox-one-after-the-other", "embed_out/output"},
    {"gpt_neox-tied", "embed_out/output"},
    {"opt-tied", "lm_head/output", ".k_proj.bias"},
    {"opt-untied"},
    {"bloom-heads-4"},
    {"bloom-heads-6"},
    {"chatglm-groups-2", "transformer.output_layer/output"},
    {"chatglm-groups-4", "transformer.output_layer/output"},
    {"chatglm-positions", "transformer.output_layer/output"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(families_test)

// Who adds golden vectors adds a row above; only a family that the oracle refuses needs none.
BOOST_AUTO_TEST_CASE(every_folder_of_a_known_family_is_compared) {
  std::set<std::string> compared;
  for (const Variant& variant : variants) compared.insert(variant.folder);
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder)) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    const std::string folder = entry.path().filename().string();
    found += compared.count(folder);
    if (compared.contains(folder)) continue;
    const ModelDescription model = model_from_json(read_model_json(golden_folder + folder));
    BOOST_CHECK_THROW(graph_of(model, {.batch = 1, .positions = 4}), ScenarioError);
  }
  BOOST_TEST(found == variants.size());
}

BOOST_AUTO_TEST_CASE(names_and_shapes_are_those_of_the_published_code) {
  for (const Variant& variant : variants) {
    const Safetensors weights(golden_folder + variant.folder + "/model.safetensors");
    const Golden golden(variant.folder);

    BOOST_TEST(weights.tensors().size() == golden.model.stored().size(), variant.folder);
    for (const ParameterDescription& p : golden.model.stored()) {
      BOOST_TEST_REQUIRE(weights.tensors().contains(p.name), p.name);
      BOOST_TEST(weights.tensors().at(p.name).shape == p.shape, p.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(logits_loss_and_gradients_are_those_of_the_published_code_in_fp64) {
  for (const Variant& variant : variants) {
    const double difference =
        difference_from_golden(Golden(variant.folder), "fp64", variant.logits, variant.vanishing);
    BOOST_TEST_MESSAGE(variant.folder << " fp64: " << difference);
    BOOST_TEST(difference < 1e-11, variant.folder << ": " << difference);
  }
}

BOOST_AUTO_TEST_CASE(and_as_published_in_fp32) {
  for (const Variant& variant : variants) {
    const double difference =
        difference_from_golden(Golden(variant.folder), "fp32", variant.logits, variant.vanishing);
    BOOST_TEST_MESSAGE(variant.folder << " fp32: " << difference);
    BOOST_TEST(difference < 1e-5, variant.folder << ": " << difference);
    BOOST_TEST(difference > 1e-9, "fp32 results cannot be that near: were they lifted?");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference

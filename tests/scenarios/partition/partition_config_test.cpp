// What may stand in tensor_parallel.partition_config, and what is said of what may not.
#include <boost/test/unit_test.hpp>

#include "tests/scenarios/partition/plans.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

const std::string kSpec = "tensor_parallel.partition_config.layer_specs[0].";

// The members of the only spec, with an '@' before the culprit.
void check_refused(const std::string& marked, const std::string& message) {
  const std::size_t at = marked.find('@');
  BOOST_REQUIRE(at != std::string::npos);
  const std::string members = marked.substr(0, at) + marked.substr(at + 1);
  const std::string error = error_of([&] { rules_of(specs("{" + members + "}"), 2); });
  const std::size_t column =
      std::string(R"("partition_config": {"layer_specs": [{)").size() + at + 1;
  BOOST_TEST(error == "ds.json:3:" + std::to_string(column) + ": " + message);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_spec_has_deepspeeds_defaults) {
  const PartitionRules rules = rules_of(specs(R"({"patterns": ["a", "b.*"]})"), 2);
  BOOST_REQUIRE(rules.custom.has_value());
  BOOST_TEST(rules.custom->use_default_specs);
  BOOST_TEST(!rules.custom->strict_mode);
  BOOST_REQUIRE_EQUAL(rules.custom->layer_specs.size(), 1U);
  const LayerSpec& spec = rules.custom->layer_specs[0];
  BOOST_TEST(spec.patterns[1].text() == "b.*");
  BOOST_TEST((spec.type == LayerSpec::Type::column));
  BOOST_TEST((!spec.shape && !spec.gather_output && !spec.grad_allreduce));
  BOOST_TEST(spec.model_types.empty());
}

BOOST_AUTO_TEST_CASE(everything_that_is_said_is_read_back) {
  const std::string section = R"("preset_model": "phi3", "tp_overlap_comm": true,
    "tp": {"tp_grain_size": 8},
    "partition_config": {"layer_specs": [
      {"patterns": ["a\\.b$", "c"], "partition_type": "ROW", "shape": [2, -1, [3, 4]],
       "partition_dim": 2, "model_types": ["Llama"]},
      {"patterns": ["d"], "shape": [3, -1]},
      {"patterns": ["e"], "gather_output": true},
      {"patterns": ["f"], "partition_type": "skip", "grad_allreduce": true}],
     "use_default_specs": false, "strict_mode": true, "tp_size": 2,
     "embedding_partition_dim": 1, "lm_head_patterns": ["lm_head"]})";
  const std::string text =
      R"({"train_micro_batch_size_per_gpu": 1, "optimizer": {"type": "AdamW"},
          "tensor_parallel": {"autotp_size": 2, )" +
      section + "}}";
  const DeepSpeedConfig first = deepspeed_from_json(parse_json(text, "ds.json"), 2);
  const DeepSpeedConfig back = deepspeed_from_json(to_json(first), 2);

  BOOST_TEST(write_json(to_json(back)) == write_json(to_json(first)));
  BOOST_TEST((first.without_effect ==
              std::vector<std::string>{"tensor_parallel.partition_config.embedding_partition_dim",
                                       "tensor_parallel.partition_config.lm_head_patterns"}));
  for (const DeepSpeedConfig* read : {&first, &back}) {
    const PartitionRules& rules = read->partition_rules;
    BOOST_TEST(read->tp_overlap_comm);
    BOOST_TEST(rules.preset == "phi3");
    BOOST_TEST(rules.grain == 8);
    BOOST_REQUIRE(rules.custom.has_value());
    BOOST_TEST((!rules.custom->use_default_specs && rules.custom->strict_mode));
    const std::vector<LayerSpec>& specs = rules.custom->layer_specs;
    BOOST_REQUIRE_EQUAL(specs.size(), 4U);
    BOOST_TEST((specs[0].type == LayerSpec::Type::row));
    BOOST_TEST(specs[0].patterns[0].text() == "a\\.b$");
    BOOST_TEST(specs[0].shape->dim == 2);
    BOOST_TEST((specs[0].shape->entries[2].sub_sizes == std::vector<std::int64_t>{3, 4}));
    BOOST_TEST((specs[0].model_types == std::vector<std::string>{"llama"}));
    BOOST_TEST((specs[1].shape->dim == 0 && specs[1].shape->entries[0].size == 3));
    BOOST_TEST(specs[2].gather_output);
    BOOST_TEST((specs[3].type == LayerSpec::Type::skip && specs[3].grad_allreduce));
  }
}

BOOST_AUTO_TEST_CASE(what_deepspeed_would_read_otherwise_than_meant_is_refused) {
  check_refused(R"("patterns": ["a"], @"partiton_type": "row")",
                "unknown key \"" + kSpec + "partiton_type\"; did you mean \"partition_type\"?");
  check_refused(R"("patterns": @".*q_proj")",
                kSpec +
                    "patterns = \".*q_proj\": expected a list of regular expressions (DeepSpeed"
                    " takes each character of a string for one)");
  check_refused(R"("patterns": ["a", @3])", kSpec + "patterns[1] = 3: expected a string");
  check_refused(R"("patterns": [@"a("])",
                kSpec + "patterns[0] = \"a(\": missing closing parenthesis, at character 3");
  check_refused(R"("patterns": ["a"], "partition_type": @null)",
                kSpec +
                    "partition_type = null: expected column, row or skip (DeepSpeed takes null"
                    " for a column)");
  check_refused(R"("patterns": ["a"], "partition_type": @"colum")",
                kSpec +
                    "partition_type = \"colum\": is not a valid PartitionType: expected column,"
                    " row or skip; did you mean \"column\"?");
  check_refused(R"("patterns": ["a"], "partition_dim": @-1)",
                kSpec + "partition_dim = -1: has no effect without a shape, where a column has 0");
  check_refused(R"("patterns": ["a"], "model_types": @"llama")",
                kSpec + "model_types = \"llama\": expected a list of strings");
  BOOST_TEST(error_of([] { rules_of(specs("{}"), 2); }) ==
             "ds.json:3:38: missing key \"" + kSpec +
                 "patterns\": expected a list of regular"
                 " expressions");
  BOOST_TEST(error_of([] { rules_of(R"("partition_config": {"layer_spec": []})", 2); }) ==
             "ds.json:3:22: unknown key \"tensor_parallel.partition_config.layer_spec\"; did you"
             " mean \"layer_specs\"?");
  BOOST_TEST(error_of([] { rules_of(specs("", R"(, "tp_size": 4)"), 2); }) ==
             "ds.json:3:52: tensor_parallel.partition_config.tp_size = 4: does not match"
             " tensor_parallel.autotp_size = 2");
}

BOOST_AUTO_TEST_CASE(every_form_of_a_shape_is_checked) {
  const auto check = [](const std::string& members, const std::string& why) {
    check_refused(R"("patterns": ["a"], )" + members, kSpec + why);
  };
  check(R"("shape": @3)",
        "shape = 3: shape must be a tuple of ints or a tuple at partition_dim, as a list");
  check(R"("shape": [2, -1], "partition_dim": @2)",
        "shape: partition_dim 2 is out of range for shape length 2");
  check(R"("shape": @[2, [1, 1]])",
        "shape: nested tuple only allowed at partition_dim=0, got at 1");
  check(R"("shape": @[[], -1])", "shape: sub-parameter size tuple cannot be empty");
  check(R"("shape": [@[[1], 2], -1])",
        "shape = [[1],2]: supports only 1-level nesting at partition_dim");
  check(R"("shape": @[[1, 0], -1])", "shape: sub-parameter sizes must be positive integers");
  check(R"("shape": [@[1, 1.5], -1])",
        "shape = [1,1.5]: sub-parameter sizes must be positive integers");
  check(R"("shape": @[2, 0])", "shape: shape dimensions must be positive integers or -1");
  check(R"("shape": @[0, -1])", "shape: partition_dim spec must be positive integer or -1");
  check(R"("shape": [2, @"x"])",
        "shape = \"x\": shape must contain only integers or a tuple at partition_dim");
  check(R"("shape": [@true, -1])",
        "shape = true: shape must contain only integers or a tuple at partition_dim");
  check(R"("shape": @[4])",
        "shape: a column cuts output features: partition_dim must be less than 0, and the shape"
        " must include at least one output dimension");
}

BOOST_AUTO_TEST_CASE(combinations_that_compute_nonsense_are_refused) {
  const auto check = [](const std::string& members, const std::string& why) {
    check_refused(R"("patterns": ["a"], )" + members, kSpec + why);
  };
  check(R"("shape": [-1, [2, 2]], "partition_dim": @1)",
        "shape: a column cuts output features: partition_dim must be less than 1");
  check(R"("partition_type": "row", "shape": [[2, 2], -1], "partition_dim": @0)",
        "shape: a row cuts the input features: partition_dim must be 1, got 0");
  check(R"("shape": [2, -1], "gather_output": @true)",
        "gather_output = true: gather_output does not yet support shaped sub-parameter layers");
  check(R"("partition_type": "row", "gather_output": @true)",
        "gather_output = true: only the output of a column can be gathered, and this is a row");
  for (const char* type : {"row", "column"})
    check("\"partition_type\": \"" + std::string(type) + "\", \"grad_allreduce\": @true",
          "grad_allreduce = true: would add gradients of different slices, since a " +
              std::string(type) + " is cut: only a skip can have it");
}

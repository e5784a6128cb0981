// The catalog of real bugs, planted: all are detected by the check of their class, and what is not
// told as it should be is listed here by name, so that a miss more, or one less, is seen.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

std::string absolute(const std::string& path) {
  return files::absolute(path).lexically_normal().string();
}

struct Score {
  ProgramResult result;
  JsonValue json;
  const JsonValue& of(const std::string& id) const {
    for (const JsonValue& fault : json.find("faults")->elements)
      if (fault.find("id")->text == id) return fault;
    throw std::runtime_error("no fault " + id);
  }
  std::int64_t count(const std::string& what) const {
    return json.find("all")->find(what)->integer;
  }
};

Score score(const std::string& catalog, const TemporaryFolder& folder,
            const std::vector<std::string>& ids = {}) {
  std::vector<std::string> command{SHARDPROOF, "faults", "--catalog", absolute(catalog)};
  command.insert(command.end(), ids.begin(), ids.end());
  Score scored{run_program(command, folder.path().string()), {}};
  const std::string file = folder / "shardproof-faults/faults.json";
  if (files::exists(file)) scored.json = read_json(file);
  return scored;
}

/// A catalog of one file.
void write_fault(const TemporaryFolder& folder, const std::string& id, const std::string& inject,
                 const std::string& expect, const std::string& overrides = "\"steps=1\"") {
  files::create_directories(folder / "faults");
  std::ofstream(folder / "faults/" + id + ".json")
      << R"({"what": "planted", "source": {"framework": "a test", "issue": "none"},
  "class": "value", "overrides": [)"
      << overrides << R"(],
  "scenario": ")"
      << absolute(sweep_file("tiny-bias-tp2-dp2-zero1-bf16")) << R"(",
  "inject": [)"
      << inject << R"(],
  "expect": )"
      << expect << "}\n";
}

const std::string twice =
    R"({"edit": "scale", "op": "model.layers.0.mlp/forward/swiglu", "factor": 2})";

std::string expectation(const std::string& op, const std::string& ranks, const std::string& cause) {
  return R"({"check": "op_local", "op": ")" + op + R"(", "ranks": )" + ranks + R"(, "cause": ")" +
         cause + "\"}";
}

BOOST_AUTO_TEST_SUITE(faults)

BOOST_AUTO_TEST_CASE(the_catalog_is_found_but_for_what_is_known_to_be_missed) {
  const TemporaryFolder folder;
  const std::set<std::string> known{
      "clip-by-max-instead-of-min", "double-buffer-index-not-advanced", "gradients-not-cleared",
      "mean-made-in-a-copy",        "norm-not-summed-over-owners",      "op-on-the-wrong-stream",
      "replicas-not-synchronised"};

  const Score scored = score("../scenarios/catalog/faults", folder);

  std::set<std::string> missed;
  for (const JsonValue& fault : scored.json.find("faults")->elements)
    if (!fault.find("miss")->text.empty()) missed.insert(fault.find("id")->text);
  BOOST_TEST(missed == known, boost::test_tools::per_element());
  BOOST_TEST(scored.result.exit_code == (known.empty() ? 0 : 1), scored.result.err);
  BOOST_TEST(scored.count("faults") >= 60);
  BOOST_TEST(scored.count("detected") == scored.count("faults"));
  BOOST_TEST(scored.count("by_check") == scored.count("faults"));
  BOOST_TEST(scored.count("flagged") == 0);
  BOOST_TEST(scored.count("op_right") == scored.count("named"));
  BOOST_TEST(100 * scored.count("ranks_right") >= 95 * scored.count("named"));
  BOOST_TEST(100 * scored.count("cause_right") >= 80 * scored.count("named"));
  BOOST_TEST(files::exists(folder / "shardproof-faults/faults.html"));
}

BOOST_AUTO_TEST_CASE(a_wrong_expectation_is_a_miss_and_the_judge_does_not_hear_of_it) {
  const TemporaryFolder folder;
  const std::string swiglu = "model.layers.0.mlp/forward/swiglu";
  write_fault(folder, "right", twice, expectation(swiglu, "\"all\"", "factor"));
  write_fault(folder, "wrong-cause", twice, expectation(swiglu, "\"all\"", "zeros"));
  write_fault(folder, "wrong-op", twice,
              expectation("lm_head/forward/matmul", "\"all\"", "factor"));
  write_fault(folder, "wrong-ranks", twice, expectation(swiglu, "[1]", "factor"));

  const Score scored = score(folder / "faults", folder);

  BOOST_TEST(scored.result.exit_code == 1);
  BOOST_TEST(scored.of("right").find("miss")->text == "");
  for (const auto& [id, part] : {std::pair{"wrong-cause", "cause_right"},
                                 {"wrong-op", "op_right"},
                                 {"wrong-ranks", "ranks_right"}}) {
    BOOST_TEST(scored.of(id).find("detected")->boolean, id);
    BOOST_TEST(!scored.of(id).find(part)->boolean, id);
    BOOST_TEST(write_json(*scored.of(id).find("found")->find("ranks")) ==
               write_json(*scored.of("right").find("found")->find("ranks")));
    BOOST_TEST(scored.result.out.find("partly: " + std::string(id)) != std::string::npos);
  }
}

// The norm's master lies with the other replica: rank 0 has nothing that could be left out.
BOOST_AUTO_TEST_CASE(an_edit_that_does_nothing_is_a_miss) {
  const TemporaryFolder folder;
  write_fault(folder, "idle",
              R"({"edit": "not_restored", "op": "checkpoint/load", "ranks": [0],
                  "value": "optimizer/model.norm.weight/master"})",
              expectation("checkpoint/load", "[0]", "not restored"),
              R"json("steps=2", "checkpoint={\"save_after\": [1], \"resume_after\": 1}")json");

  const Score scored = score(folder / "faults", folder);

  BOOST_TEST(scored.result.exit_code == 1);
  BOOST_TEST(!scored.of("idle").find("detected")->boolean);
  BOOST_TEST(scored.of("idle").find("miss")->text.starts_with("was not detected"));
}

BOOST_AUTO_TEST_CASE(a_magnitude_is_searched_where_it_is_asked_for) {
  const TemporaryFolder folder;
  const std::string op = "model.layers.0.mlp/forward/swiglu";
  write_fault(folder, "right", twice, expectation(op, "\"all\"", "factor"));

  const Score without = score(folder / "faults", folder, {"right"});
  const Score with = score(folder / "faults", folder, {"right", "--magnitudes"});

  BOOST_TEST((without.of("right").find("magnitude") == nullptr));
  const double smallest = with.of("right").find("magnitude")->find("found")->number;
  BOOST_TEST(smallest > 0x1p-10);  // bf16 cannot show less than half an ulp, 2^-9 of a number
  BOOST_TEST(smallest < 0.1);
}

BOOST_AUTO_TEST_CASE(a_bad_file_is_told_before_anything_runs) {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& inject, const std::string& expect) {
    write_fault(folder, "bad", inject, expect);
    const Score scored = score(folder / "faults", folder);
    BOOST_TEST(scored.result.exit_code == 2);
    BOOST_TEST(!files::exists(folder / "shardproof-faults/runs"));
    return scored.result.err;
  };
  const std::string op = "model.layers.0.mlp/forward/swiglu";
  const std::string right = expectation(op, "\"all\"", "factor");

  const std::string edit = refusal(R"({"edit": "drop", "op": "lm_head/forward/matmil"})", right);
  const std::string expected = refusal(twice, expectation("lm_head/forward/matmil", "[0]", "nan"));
  const std::string key = refusal(R"({"edit": "drop", "op": "a", "rank": [0]})", right);

  BOOST_TEST(edit.find("bad.json:4:14: inject: the program has no op") != std::string::npos, edit);
  BOOST_TEST(expected.find("bad.json:5:") != std::string::npos, expected);
  BOOST_TEST(expected.find("did you mean \"lm_head/forward/matmul\"?") != std::string::npos);
  BOOST_TEST(key.find("bad.json:4:") != std::string::npos, key);
  BOOST_TEST(key.find("did you mean \"ranks\"?") != std::string::npos, key);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests

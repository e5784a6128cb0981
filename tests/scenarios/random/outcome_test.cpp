// Which outcomes are those of one defect.
#include "scenarios/random/outcome.hpp"

#include <boost/test/unit_test.hpp>

namespace shardproof::tests {
namespace {

JsonValue summary(const std::string& verdict, const std::string& checks,
                  const std::string& divergence = "null") {
  return parse_json(R"({"verdict": ")" + verdict + R"(", "checks": [)" + checks +
                        R"(], "first_divergence": )" + divergence + "}",
                    "summary");
}

const std::string passed = R"({"name": "plan", "outcome": "pass", "reason": ""})";
const std::string failed = R"({"name": "op_local", "outcome": "fail", "reason": "it is wrong"})";
const std::string unknown = R"({"name": "edges", "outcome": "unknown", "reason": "no log"})";

BOOST_AUTO_TEST_SUITE(outcomes)

BOOST_AUTO_TEST_CASE(a_summary_tells_the_verdict_its_checks_and_the_op) {
  const Outcome outcome =
      outcome_of(summary("fail", passed + "," + failed + "," + unknown,
                         R"({"execution": "sim", "op": "model.norm/forward/rms_norm"})"));

  BOOST_TEST(outcome.verdict == "fail");
  BOOST_TEST((outcome.checks == std::vector<std::string>{"op_local", "edges"}));
  BOOST_TEST(outcome.execution == "sim");
  BOOST_TEST(outcome.op == "model.norm/forward/rms_norm");
  BOOST_TEST(outcome.sentence == "op_local: it is wrong");
  BOOST_TEST(!outcome.is_pass());
  BOOST_TEST(outcome_of(summary("pass", passed)).is_pass());
}

BOOST_AUTO_TEST_CASE(the_layer_says_nothing_of_the_way_and_the_op_does) {
  const Outcome a{"fail", {"op_local", "replicas"}, "sim", "layers.12.mlp/forward/all_reduce", ""};
  Outcome b{"fail", {"replicas"}, "sim", "layers.0.mlp/forward/all_reduce", ""};

  BOOST_TEST(is_same_way(b, a));
  BOOST_TEST(!is_same_way(a, b));  // by one check more
  b.op = "layers.12.mlp/backward/all_reduce";
  BOOST_TEST(!is_same_way(b, a));
  b = a;
  b.verdict = "unknown";
  BOOST_TEST(!is_same_way(b, a));
  b = a;
  b.execution = "real";
  BOOST_TEST(!is_same_way(b, a));
}

BOOST_AUTO_TEST_CASE(where_no_op_is_named_the_checks_tell) {
  const Outcome a{"unknown", {"edges"}, "", "", ""};

  BOOST_TEST(is_same_way(a, {"unknown", {"edges"}, "", "", "another sentence"}));
  BOOST_TEST(!is_same_way(a, {"unknown", {"policy"}, "", "", ""}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests

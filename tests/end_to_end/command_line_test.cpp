// The commands as a user types them: what they print, what they refuse, and that no option is
// ignored.
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

// A folder with the scenario that `init` writes.
class Begun {
 public:
  Begun() { BOOST_TEST(run({"init", file()}).exit_code == 0); }
  std::string file() const { return folder_ / "mine.json"; }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  ProgramResult run(std::vector<std::string> words) const {
    words.insert(words.begin(), SHARDPROOF);
    return run_program(words);
  }

 private:
  TemporaryFolder folder_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_scenario_that_init_writes_passes_and_is_not_written_over) {
  const Begun begun;
  const ProgramResult run = begun.run({"run", begun.file(), "--out", begun / "out"});
  BOOST_TEST(run.exit_code == 0, run.err);
  BOOST_TEST(has(run.out, "PASS mine: reference, sim, real agree"), run.out);
  const ProgramResult again = begun.run({"init", begun.file()});
  BOOST_TEST(again.exit_code == 2);
  BOOST_TEST(has(again.err, "is there already"), again.err);
}

BOOST_AUTO_TEST_CASE(an_option_beside_a_scenario_is_applied) {
  const Begun begun;
  const ProgramResult run =
      begun.run({"run", begun.file(), "--out", begun / "out", "--name", "other", "--precision",
                 "fp64", "--steps", "1", "--world", "2", "--executions", "reference,sim"});
  BOOST_TEST(run.exit_code == 0, run.err);
  const JsonValue ran = read_json(begun / "out/other/scenario.json");
  BOOST_TEST(ran.find("precision")->text == "fp64");
  BOOST_TEST(ran.find("steps")->integer == 1);
  BOOST_TEST(ran.find("world")->integer == 2);
  BOOST_TEST(ran.find("executions")->elements.size() == 2U);
}

BOOST_AUTO_TEST_CASE(our_own_cut_is_asked_for_by_an_option_or_in_the_scenario) {
  const Begun begun;
  const ProgramResult none = begun.run({"plan", begun.file(), "--cut", "own"});
  BOOST_TEST(none.exit_code == 2);
  BOOST_TEST(has(none.err, "--cut: cut = \"own\": Shardproof has no cut of its own for llama"),
             none.err);
  // Heads so wide that the preset's thirds fit the projection, and cut across them.
  const std::string phi3 = "../scenarios/catalog/sweep/phi3-gqa-own-tp2-dp1-zero1-fp32.json";
  const ProgramResult own = begun.run({"plan", phi3, "--override", "head_dim=6"});
  BOOST_TEST(own.exit_code == 0, own.err);
  BOOST_TEST(has(own.out, "warning: DeepSpeed would not run this cut, Shardproof's own of phi3"),
             own.out);
  const ProgramResult autotp =
      begun.run({"plan", phi3, "--override", "head_dim=6", "--cut", "autotp"});
  BOOST_TEST(autotp.exit_code == 2);
  BOOST_TEST(has(autotp.err, "parts of the wrong heads"), autotp.err);
  BOOST_TEST(has(autotp.err, "--cut own"), autotp.err);
}

// A norm over all heads, of which AutoTP would give each rank some.
BOOST_AUTO_TEST_CASE(a_cut_of_autotps_that_does_not_fit_a_norm_names_our_own_cut_as_a_way_out) {
  const Begun begun;
  const std::string olmo2 = "../scenarios/catalog/sweep/olmo2-own-tp2-dp2-zero1-bf16.json";
  const std::string llama = "tensor_parallel.preset_model=llama";
  const ProgramResult autotp = begun.run({"plan", olmo2, "--override", llama});
  BOOST_TEST(autotp.exit_code == 2);
  BOOST_TEST(has(autotp.err, "q_norm cannot take what model.layers.0.self_attn.q_proj gives"),
             autotp.err);
  BOOST_TEST(has(autotp.err, "--cut own"), autotp.err);
  const ProgramResult own = begun.run({"plan", olmo2, "--override", llama, "--cut", "own"});
  BOOST_TEST(own.exit_code == 0, own.err);
  BOOST_TEST(has(own.out, "AutoTP cuts model.layers.0.self_attn.q_proj, too (preset llama"),
             own.out);
}

BOOST_AUTO_TEST_CASE(plan_takes_what_run_takes) {
  const Begun begun;
  const ProgramResult plan = begun.run({"plan", begun.file(), "--world", "8"});
  BOOST_TEST(plan.exit_code == 0, plan.err);
  BOOST_TEST(has(plan.out, "8 ranks"), plan.out.substr(0, 200));
  const ProgramResult nothing = begun.run({"plan"});
  BOOST_TEST(nothing.exit_code == 2);
}

BOOST_AUTO_TEST_CASE(an_op_that_plan_names_can_be_planted_on_the_command_line) {
  const Begun begun;
  const std::string op = "model.layers.1.self_attn.o_proj/forward/all_reduce";
  const ProgramResult names = begun.run({"plan", begun.file(), "--ops"});
  BOOST_TEST(has(names.out, "  " + op + " "), names.out.substr(0, 400));
  const ProgramResult run =
      begun.run({"run", begun.file(), "--out", begun / "out", "--executions", "reference,sim",
                 "--inject", R"({"edit": "drop", "op": ")" + op + R"("})"});
  BOOST_TEST(run.exit_code == 1, run.err);
  BOOST_TEST(has(run.out, "FAIL mine: " + op), run.out);
  const ProgramResult unknown =
      begun.run({"plan", begun.file(), "--inject", R"({"edit": "drop", "op": "x"})"});
  BOOST_TEST(unknown.exit_code == 2);
}

BOOST_AUTO_TEST_CASE(a_models_folder_is_told_from_a_folder_of_scenarios) {
  const Begun begun;
  files::create_directory(begun / "my-llama");
  std::ofstream(begun / "my-llama/config.json") << "{}";
  const ProgramResult run = begun.run({"run", begun / "my-llama"});
  BOOST_TEST(run.exit_code == 2);
  BOOST_TEST(has(run.err, "write shardproof run --model " + (begun / "my-llama") +
                              " --deepspeed FILE --world RANKS"),
             run.err);
}

// The master is a view of the ranks' files for people: nobody looks at what does not stay.
BOOST_AUTO_TEST_CASE(traces_that_do_not_stay_get_no_master) {
  const Begun begun;
  for (const std::string keep : {"never", "failed"}) {
    const JsonValue scenario = read_json(begun.file());
    JsonValue changed = scenario;
    changed.set("trace", JsonValue::object().set("keep", keep));
    std::ofstream(begun / "s.json") << write_json(changed, 2);
    const ProgramResult run = begun.run({"execute", "sim", begun / "s.json", begun / keep});
    BOOST_TEST(run.exit_code == 0, run.err);
    BOOST_TEST(files::exists(begun / (keep + "/rank-00000.h5")));
    BOOST_TEST(files::exists(begun / (keep + "/trace.h5")) == (keep == "failed"));
  }
}

}  // namespace shardproof::tests

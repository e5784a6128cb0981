// Bad input ends in one line that says where and what, exit code 2, and earlier results as they
// were.
#include <signal.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/data/safetensors.hpp"
#include "scenarios/hdf5/attribute.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/settings/scenario.hpp"
#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

const std::string tiny = "tiny-tp1-dp1-zero0-fp64";

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}
std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// A folder with results of an earlier run of the scenario "s", and what a command does to them.
class Workplace {
 public:
  Workplace() {
    files::create_directories(folder_ / "out/s");
    write(folder_ / "out/s/.shardproof-results", "");
    write(earlier(), "earlier");
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  std::string earlier() const { return folder_ / "out/s/summary.json"; }

  /// The one line on stderr of a command that must be refused, without this folder's name.
  std::string refusal(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command{SHARDPROOF};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const ProgramResult result = run_program(command, folder_.path().string());
    BOOST_TEST(result.exit_code == 2, result.exit_code << result.out);
    BOOST_TEST(std::count(result.err.begin(), result.err.end(), '\n') == 1, result.err);
    BOOST_TEST(contents(earlier()) == "earlier");
    BOOST_TEST(!files::exists(folder_ / "out/s.part"));
    std::string line = result.err;
    replace(line, folder_.path().string() + "/", "");
    replace(line, "shardproof: ", "");
    replace(line, "\n", "");
    return line;
  }
  std::string run(const JsonValue& scenario) const { return run_text(write_json(scenario, 2)); }
  std::string run_text(const std::string& text) const {
    write(folder_ / "s.json", text);
    return refusal({"run", "s.json", "--out", "out"});
  }

 private:
  TemporaryFolder folder_;
};

// The catalog's scenario `name` with its model inline, named "s".
JsonValue scenario_s(const std::string& name = tiny) {
  JsonValue scenario = sweep_json(name);
  scenario.set("name", "s");
  JsonValue* config = scenario.find("model")->find("config");
  *config = read_json(config->text);
  return scenario;
}
JsonValue& deepspeed(JsonValue& scenario) { return *scenario.find("deepspeed"); }
JsonValue& config(JsonValue& scenario) { return *scenario.find("model")->find("config"); }
JsonValue object(const std::string& json) { return parse_json(json, "test"); }

// A scenario on a grid of tp x 1, with some keys of its config.json changed.
JsonValue on_tp(int tp, const std::string& changes) {
  JsonValue scenario = scenario_s();
  scenario.set("world", tp);
  deepspeed(scenario).set("tensor_parallel",
                          JsonValue::object().set("autotp_size", tp).set("preset_model", "llama"));
  for (const JsonMember& member : object(changes).members)
    config(scenario).set(member.key, member.value);
  return scenario;
}

bool mentions(const std::string& text, const std::vector<std::string>& parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const std::string& part) { return text.find(part) != std::string::npos; });
}

// Weights that the tiny model takes, the same value everywhere; `change` gets each before it is
// written.
void write_weights(const std::string& path,
                   const std::function<void(TensorToStore&)>& change = {}) {
  const ModelDescription model = sweep(tiny).model;
  std::vector<TensorToStore> tensors;
  for (const ParameterDescription& parameter : model.parameters) {
    const std::vector<float> values(static_cast<std::size_t>(element_count(parameter.shape)), 0.1F);
    TensorToStore tensor{parameter.name, Dtype::fp32, parameter.shape, {}};
    const auto bytes = std::as_bytes(std::span(values));
    tensor.bytes.assign(bytes.begin(), bytes.end());
    if (change) change(tensor);
    tensors.push_back(std::move(tensor));
  }
  write_safetensors(path, tensors);
}

// Traces of two tiny runs, of a small and of a larger model.
const std::string& trace_of(const std::string& changes) {
  static std::map<std::string, std::unique_ptr<TemporaryFolder>> folders;
  static std::map<std::string, std::string> traces;
  if (!traces.contains(changes)) {
    auto& folder = folders[changes] = std::make_unique<TemporaryFolder>();
    JsonValue scenario = on_tp(2, changes);
    scenario.set("executions", JsonValue::array().append("reference").append("sim"));
    const ProgramRun run = run_scenario(scenario, folder->path().string());
    BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
    traces[changes] = *folder / "out/s/sim";
  }
  return traces[changes];
}
std::string copy_of_trace(const Workplace& place) {
  files::copy(trace_of("{}"), place / "copy", files::copy_options::recursive);
  return place / "copy";
}

// The process that is this rank of the run which writes into `out`, once it has a trace open.
std::optional<int> process_of_rank(int rank, const std::string& out) {
  const auto word = [](const std::string& text) { return text + std::string(1, '\0'); };
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (!files::exists(out + "/s.part/real/rank-0000" + std::to_string(rank) + ".h5.part"))
      continue;
    for (const auto& entry : files::directory_iterator("/proc")) {
      const std::string process = entry.path().string();
      const std::string command = contents(process + "/cmdline");
      const std::string environment = contents(process + "/environ");
      if (mentions(command, {word("execute") + word("real"), out}) &&
          mentions(environment, {word("OMPI_COMM_WORLD_RANK=" + std::to_string(rank))}))
        return std::stoi(entry.path().filename().string());
    }
  }
  return std::nullopt;
}

}  // namespace

BOOST_AUTO_TEST_CASE(malformed_json_and_wrong_keys_are_refused_at_their_place) {
  const Workplace place;
  BOOST_TEST(place.run_text("{\n  \"name\": \"s\"\n  \"world\": 1\n}") ==
             "s.json:3:3: expected ',' or '}', got '\"'");
  BOOST_TEST(place.run_text("{\n  \"name\": \"s\",\n  \"name\": \"t\"\n}") ==
             "s.json:3:3: duplicate key \"name\"");
  BOOST_TEST(place.run(scenario_s().set("wrold", 2)) ==
             "s.json:57:3: unknown key \"wrold\"; did you mean \"world\"?");
  JsonValue scenario = scenario_s();
  deepspeed(scenario).set("gradient_cliping", 1.0);
  BOOST_TEST(place.run(scenario) ==
             "s.json:47:5: unknown key \"gradient_cliping\"; did you mean \"gradient_clipping\"?");
}

BOOST_AUTO_TEST_CASE(missing_files_are_named) {
  const Workplace place;
  BOOST_TEST(place.refusal({"run", "absent.json", "--out", "out"}) ==
             "absent.json: the file cannot be read");
  BOOST_TEST(place.refusal({"plan", "absent.json"}) == "absent.json: the file cannot be read");
  BOOST_TEST(place.refusal({"compare", "absent", "gone"}) == "absent: not a folder with a trace");
  write(place / "ds.json", "{\"train_micro_batch_size_per_gpu\": 1}");
  BOOST_TEST(place.refusal({"run", "--model", "absent", "--deepspeed", "ds.json", "--world", "1",
                            "--name", "s", "--out", "out"}) ==
             "--model: model.config = \"absent\": there is no \"absent\"");
  JsonValue scenario = scenario_s();
  scenario.find("model")->set("config", "absent.json");
  BOOST_TEST(place.run(scenario) ==
             "s.json:4:15: model.config = \"absent.json\": there is no \"absent.json\"");
  scenario = scenario_s();
  scenario.find("model")->set("weights", "absent.safetensors");
  BOOST_TEST(
      place.run(scenario) ==
      "s.json:24:16: model.weights = \"absent.safetensors\": there is no \"absent.safetensors\"");
  scenario = scenario_s();
  scenario.set("data", object(R"({"text": "absent.txt", "sequence": 8})"));
  BOOST_TEST(place.run(scenario) ==
             "s.json:52:13: data.text = \"absent.txt\": there is no \"absent.txt\"");
}

BOOST_AUTO_TEST_CASE(what_tensor_parallelism_does_not_divide_is_refused_with_both_numbers) {
  const Workplace place;
  BOOST_TEST(place.run(on_tp(2, "{}").set("world", 3)) ==
             "s.json:37:22: tensor_parallel.autotp_size = 2: does not divide world = 3");
  BOOST_TEST(place.run(on_tp(3, "{}")) ==
             "s.json:37:22: tensor_parallel.autotp_size = 3 does not divide num_attention_heads = "
             "4: model.layers.0.self_attn.q_proj cannot be cut evenly; \"uneven\": true in"
             " the scenario, or --override uneven=true, allows uneven cuts");
  BOOST_TEST(place.run(on_tp(4, R"({"num_key_value_heads": 2})")) ==
             "s.json:37:22: tensor_parallel.autotp_size = 4 does not divide num_key_value_heads = "
             "2: model.layers.0.self_attn.q_proj cannot be cut evenly; \"uneven\": true in"
             " the scenario, or --override uneven=true, allows uneven cuts");
  BOOST_TEST(place.run(on_tp(4, R"({"intermediate_size": 50})")) ==
             "s.json:37:22: tensor_parallel.autotp_size = 4 does not divide the 50 output features "
             "of model.layers.0.mlp.gate_proj evenly (13, 13, 12, 12); \"uneven\": true in"
             " the scenario, or --override uneven=true, allows uneven cuts");
}

BOOST_AUTO_TEST_CASE(what_is_not_implemented_is_refused_at_its_key) {
  const Workplace place;
  JsonValue scenario = scenario_s();
  deepspeed(scenario).set("zero_optimization", object(R"({"stage": 3})"));
  BOOST_TEST(place.run(scenario) ==
             "s.json:34:16: zero_optimization.stage = 3: partitioned parameters are not "
             "implemented: expected 0, 1 or 2");
  scenario = scenario_s();
  deepspeed(scenario).set("amp", object(R"({"enabled": true})"));
  BOOST_TEST(
      place.run(scenario) ==
      "s.json:47:12: amp = {\"enabled\":true}: automatic mixed precision is not implemented");
}

BOOST_AUTO_TEST_CASE(weights_that_lie_or_do_not_fit_are_refused_by_file_and_tensor) {
  const Workplace place;
  JsonValue scenario = scenario_s();
  scenario.find("model")->set("weights", "w.safetensors");
  write_weights(place / "w.safetensors");
  std::string bytes = contents(place / "w.safetensors");

  write(place / "w.safetensors", bytes.substr(0, bytes.size() - 1));
  BOOST_TEST(place.run(scenario) ==
             "w.safetensors: tensor \"lm_head.weight\": truncated: its data end at byte 86656, the "
             "file holds 86655");
  replace(bytes, "[32,48]", "[48,48]");
  write(place / "w.safetensors", bytes);
  BOOST_TEST(place.run(scenario) ==
             "w.safetensors: tensor \"model.layers.0.mlp.down_proj.weight\": data_offsets hold "
             "6144 bytes, shape (48, 48) and dtype fp32 need 9216");
  write_weights(place / "w.safetensors", [](TensorToStore& tensor) {
    if (tensor.name == "model.norm.weight") tensor.shape = {2, 16};
  });
  BOOST_TEST(place.run(scenario) ==
             "w.safetensors: the weights do not fit the model's config: model.norm.weight is (2, "
             "16), expected (32)");
  write_weights(place / "w.safetensors", [](TensorToStore& tensor) {
    if (tensor.name == "model.norm.weight") tensor.name = "model.norm.wait";
  });
  BOOST_TEST(place.run(scenario) ==
             "w.safetensors: the weights do not fit the model's config: missing model.norm.weight; "
             "extra model.norm.wait");
}

BOOST_AUTO_TEST_CASE(an_output_below_a_file_and_more_memory_than_there_is_are_refused) {
  const Workplace place;
  write(place / "file", "mine");
  write(place / "s.json", write_json(scenario_s()));
  BOOST_TEST(place.refusal({"run", "s.json", "--out", "file/out"}) ==
             "file: is a file; results cannot be written below it");
  BOOST_TEST(contents(place / "file") == "mine");

  const auto start = std::chrono::steady_clock::now();
  const std::string line = place.run(on_tp(1, R"({"hidden_size": 16384, "intermediate_size": 65536,
      "num_attention_heads": 128, "num_key_value_heads": 128, "num_hidden_layers": 200})"));
  BOOST_TEST(mentions(line, {"the run needs ", " of memory", ", and ", " are available"}), line);
  BOOST_TEST((std::chrono::steady_clock::now() - start < std::chrono::seconds(5)));
}

BOOST_AUTO_TEST_CASE(traces_that_cannot_be_compared_are_refused_by_file) {
  const Workplace place;
  const std::string good = trace_of("{}");
  BOOST_TEST(run_program({SHARDPROOF, "compare", good, good}).exit_code == 0);
  BOOST_TEST(place.refusal({"compare", good, trace_of(R"({"num_hidden_layers": 1})")})
                 .starts_with("two traces of different models: "));

  const std::string copy = copy_of_trace(place);
  files::rename(copy + "/rank-00001.h5", place / "aside.h5");
  BOOST_TEST(place.refusal({"compare", good, "copy"}) ==
             "copy/rank-00001.h5: missing: the trace of 2 ranks lacks rank 1");
  files::rename(place / "aside.h5", copy + "/rank-00001.h5");

  std::string bytes = contents(copy + "/rank-00001.h5");
  bytes[bytes.size() / 2] ^= 1;
  write(copy + "/rank-00001.h5", bytes);
  const std::string altered = place.refusal({"compare", good, "copy"});
  BOOST_TEST(mentions(altered, {"copy/rank-00001.h5: ", "altered"}), altered);

  auto file = hdf5::create_file(place / "copy/rank-00000.h5");
  hdf5::write_text(file, "schema", "shardproof-trace-2");
  hdf5::close_file(file);
  BOOST_TEST(place.refusal({"compare", good, "copy"}) ==
             "copy/rank-00000.h5: a trace of version shardproof-trace-2: this program reads "
             "shardproof-trace-3. Run its scenario again, or use the program that wrote it");
}

BOOST_AUTO_TEST_CASE(a_nan_in_a_weights_file_is_refused_with_tensor_and_index) {
  const Workplace place;
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  write_weights(place / "w.safetensors", [&](TensorToStore& tensor) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    if (tensor.name == name) std::memcpy(tensor.bytes.data() + 4 * 7, &nan, sizeof nan);
  });
  JsonValue scenario = on_tp(2, "{}");
  scenario.find("model")->set("weights", place / "w.safetensors");

  BOOST_TEST(place.run(scenario) == "w.safetensors: " + name + " at index (0, 7) is NaN");
}

BOOST_AUTO_TEST_CASE(a_rank_that_dies_is_named_and_ends_the_run) {
  const Workplace place;
  JsonValue scenario = on_tp(4, "{}").set("steps", 500);
  scenario.set("executions", JsonValue::array().append("real"));
  write(place / "s.json", write_json(scenario));
  auto running = std::async(std::launch::async, [&] {
    return run_program({SHARDPROOF, "run", place / "s.json", "--out", place / "out"});
  });

  const std::optional<int> victim = process_of_rank(2, place / "out");
  BOOST_REQUIRE(victim);
  ::kill(*victim, SIGKILL);

  const ProgramResult result = running.get();
  BOOST_TEST(result.exit_code == 3, result.out);
  BOOST_TEST(mentions(result.out, {"real: rank 2 was killed by signal 9"}), result.out);
}

}  // namespace shardproof::tests

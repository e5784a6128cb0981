// The program `shardproof`: a table of commands, each of which composes the wings.
//
// `run` is a plain process. Every execution, and the verdict, is a child of it (`execute`, `judge`:
// hidden commands that can be run by hand), so that a crash, a hang or a kill is a sentence in the
// report.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <set>

#include "real/host/launcher.hpp"
#include "real/host/rank_main.hpp"
#include "real/lowering/lowering.hpp"
#include "real/machine/versions.hpp"
#include "real/run/rank_run.hpp"
#include "reference/run/training.hpp"
#include "reference/units/expected_tensors.hpp"
#include "reports/compare/compare_traces.hpp"
#include "reports/judge.hpp"
#include "reports/render/html.hpp"
#include "reports/render/summary_json.hpp"
#include "reports/render/text.hpp"
#include "scenarios/checkpoint/consolidate.hpp"
#include "scenarios/checkpoint/rank_state.hpp"
#include "scenarios/driver/estimate.hpp"
#include "scenarios/driver/progress.hpp"
#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/run_record.hpp"
#include "scenarios/driver/supervisor.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/plan/edits.hpp"
#include "scenarios/plan/print/print.hpp"
#include "scenarios/plan/program_json.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/provenance.hpp"
#include "sim/simulate.hpp"

namespace shardproof {
namespace {

namespace files = std::filesystem;

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw EnvironmentError("cannot write " + path);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string this_program() { return files::read_symlink("/proc/self/exe").string(); }

// ---- shardproof run

struct RunOptions {
  std::vector<std::string> paths;  // scenario files, or folders of them
  CommandLineScenario given;       // instead of files
  std::string out = "shardproof-results";
  std::string launcher;
};

// The scenario files that a path names: itself, or the *.json of a folder, by name.
std::vector<std::string> scenario_files(const std::string& path) {
  if (!files::is_directory(path)) return {path};
  std::vector<std::string> found;
  for (const auto& entry : files::directory_iterator(path))
    if (entry.path().extension() == ".json") found.push_back(entry.path().string());
  if (found.empty()) throw ScenarioError(path + ": the folder holds no scenario file (*.json)");
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Scenario> scenarios_of(const RunOptions& options) {
  std::vector<Scenario> scenarios;
  for (const std::string& path : options.paths)
    for (const std::string& file : scenario_files(path))
      scenarios.push_back(read_scenario(file, options.given.overrides));
  if (!options.given.model.empty()) scenarios.push_back(scenario_from_command_line(options.given));
  std::set<std::string> names;
  for (const Scenario& scenario : scenarios)
    if (!names.insert(scenario.name).second)
      throw ScenarioError(scenario.file + ": a scenario named '" + scenario.name +
                          "' is in this run already; results are stored by name");
  return scenarios;
}

// What one engine saves of the run, at most.
std::int64_t checkpoint_bytes(const Scenario& scenario, const Accounts& accounts) {
  const MemoryAccount& rank = accounts.largest_rank;
  const std::int64_t sharded = scenario.world * (rank.parameters + rank.optimizer);
  const std::int64_t whole =
      scenario.checkpoint.consolidated ? scenario.world * rank.parameters : 0;
  return static_cast<std::int64_t>(scenario.checkpoint.save_after.size()) * (sharded + whole);
}

// What a run will take at most: all executions at once, or the judge after them. The factors are
// measured on the quickstart: an engine holds its arena, the weights as they are read, and the trace on
// its way to the file; the oracle fp64 weights, moments, gradients and a tape; the judge two units'
// tensors in fp64 and every rank's state.
Needs needs_of(const Scenario& scenario, const Accounts& accounts, const std::string& out) {
  constexpr std::int64_t process = std::int64_t{100} << 20;
  std::int64_t parameters = 0;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    parameters += element_count(parameter.shape);
  std::int64_t reference_trace = 0;
  for (const reference::Unit& unit : reference::expected_units(scenario))
    reference_trace += 8 * element_count(unit.shape);

  const std::int64_t cluster = accounts.largest_rank.total_peak * scenario.world;
  const std::int64_t widened = 8 / static_cast<std::int64_t>(size_bytes(scenario.training.working));
  const std::int64_t oracle =
      8 * 6 * parameters + 2 * widened * accounts.largest_rank.activations_peak * scenario.world;
  const std::int64_t executions =
      (scenario.runs("reference") ? process + oracle : 0) +
      (scenario.runs("sim") ? process + 3 * cluster : 0) +
      (scenario.runs("real") ? scenario.world * process + 3 * cluster : 0);
  const std::int64_t judge = process + 2 * oracle + 2 * cluster;
  const std::int64_t engines = (scenario.runs("sim") ? 1 : 0) + (scenario.runs("real") ? 1 : 0);

  Needs needs;
  needs.memory_bytes = static_cast<std::uint64_t>(std::max(executions, judge));
  needs.disk_bytes = static_cast<std::uint64_t>(
      engines * (accounts.trace_bytes + checkpoint_bytes(scenario, accounts)) +
      (scenario.runs("reference") ? reference_trace : 0));
  needs.disk_folder = out;
  return needs;
}

Job job_of(const RunFolder& folder, const std::string& name, std::vector<std::string> command) {
  return {name, std::move(command), {}, folder.file(name + ".log")};
}

std::vector<Job> execution_jobs(const Scenario& scenario, const RunFolder& folder,
                                const std::string& launcher) {
  std::vector<Job> jobs;
  for (const std::string& execution : scenario.executions) {
    files::create_directories(folder.file(execution));
    const std::vector<std::string> command{this_program(), "execute", execution,
                                           folder.file("scenario.json"), folder.file(execution)};
    Job job = job_of(folder, execution, command);
    if (execution == "real") {
      const real::LaunchCommand launch = real::launch_command(scenario.world, command, launcher);
      job.command = launch.arguments;
      job.environment = {launch.environment.begin(), launch.environment.end()};
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

// Removes the traces that the scenario does not want to keep; checkpoints stay.
void keep_traces(const Scenario& scenario, const RunFolder& folder, int exit_code) {
  if (scenario.trace_keep == "always" || (scenario.trace_keep == "failed" && exit_code != 0))
    return;
  for (const std::string& execution : scenario.executions) {
    const std::string path = folder.file(execution);
    std::vector<files::path> traces;
    for (const auto& entry : files::directory_iterator(path))
      if (entry.path().filename() != "checkpoints") traces.push_back(entry.path());
    for (const files::path& trace : traces) files::remove_all(trace);
    if (files::is_empty(path)) files::remove(path);
  }
}

// A run replaces the earlier results of its name, and what an unfinished one left beside them: neither
// may hold what it begins with.
void expect_resume_elsewhere(const Scenario& scenario, const std::string& out) {
  if (scenario.resume.empty()) return;
  const std::string results = out + "/" + scenario.name;
  for (const std::string& replaced : {results, results + ".part"})
    for (files::path folder = files::canonical(scenario.resume);
         files::exists(replaced) && folder.has_relative_path(); folder = folder.parent_path())
      if (files::equivalent(folder, replaced))
        throw ScenarioError(scenario.file + ": resume: " + scenario.resume +
                            " lies in the results that this run would replace; give the scenario "
                            "another name, or another --out");
}

int run_scenario(const Scenario& scenario, const RunOptions& options) {
  // Everything that can be wrong with the input is found before the first child starts.
  const real::Inputs inputs(scenario);
  if (!scenario.resume.empty()) Checkpoint(scenario.resume).check_all();
  const Program program = real::checked_program(scenario);
  for (int rank = 0; rank < scenario.world; ++rank)
    apply_injections(program, scenario.inject, Rank{rank});
  const Accounts accounts = accounts_of(program);
  refuse_if_too_much(needs_of(scenario, accounts, options.out), measure_machine(options.out));
  expect_resume_elsewhere(scenario, options.out);
  RunFolder folder(options.out, scenario.name);

  fmt::print("{}\n", print_plan(program, accounts, scenario));
  std::fflush(stdout);
  write_file(folder.file("scenario.json"), write_scenario(scenario));

  ProgressDisplay display(std::cerr, stderr_is_terminal());
  SupervisorOptions supervision;
  supervision.time_out_seconds = static_cast<double>(scenario.timeout_s);
  supervision.on_progress = [&](const Progress& progress) { display.show(progress); };
  RunRecord record;
  record.command = fmt::format("{} run {}", this_program(), folder.final_path() + "/scenario.json");
  const auto started = std::chrono::steady_clock::now();
  for (const JobResult& result :
       run_jobs(execution_jobs(scenario, folder, options.launcher), supervision))
    record.executions.push_back(record_of(result));
  record.seconds = seconds_since(started);
  write_run_record(folder.path(), record);

  const JobResult judged = run_jobs({job_of(folder, "judge",
                                            {this_program(), "judge", folder.path(), "--report",
                                             folder.final_path() + "/report.html"})},
                                    supervision)
                               .front();
  display.clear();
  if (!files::exists(folder.file("summary.json"))) {
    const std::string sentence = scenario.name + ": no verdict: " + judged.sentence;
    if (judged.exit_status == 2) throw ScenarioError(sentence);
    throw EnvironmentError(sentence);
  }
  keep_traces(scenario, folder, judged.exit_status);
  folder.put_in_place();
  std::ifstream text(folder.file("judge.log"));
  std::cout << text.rdbuf() << std::flush;
  return judged.exit_status;
}

// Of several scenarios: 1 if any has it, else 3, else 2, else 0.
int worst(const std::vector<int>& exit_codes) {
  for (const int code : {1, 3, 2})
    if (std::find(exit_codes.begin(), exit_codes.end(), code) != exit_codes.end()) return code;
  return 0;
}

int run(const RunOptions& options) {
  std::vector<int> exit_codes;
  for (const Scenario& scenario : scenarios_of(options)) {
    try {
      exit_codes.push_back(run_scenario(scenario, options));
    } catch (const ScenarioError& error) {
      fmt::print(stderr, "shardproof: {}\n", error.what());
      exit_codes.push_back(2);
    } catch (const EnvironmentError& error) {
      fmt::print(stderr, "shardproof: {}\n", error.what());
      exit_codes.push_back(3);
    }
  }
  return worst(exit_codes);
}

// ---- shardproof execute, judge (children of run)

int execute(const std::string& execution, const std::string& scenario_file,
            const std::string& folder) {
  const Scenario scenario = read_scenario(scenario_file);
  files::create_directories(folder);
  const ProgressReporter reporter(execution);
  const auto steps = [&](int done, int total) { reporter.report("step", done, total); };
  if (execution == "sim") return sim::simulate(scenario, folder, steps) ? 0 : 1;
  if (execution == "real") return real::run_rank(scenario, folder, steps);
  reference::run_reference(scenario, folder, [&](const Moment& moment) {
    if (moment.micro < 0) reporter.report("step", moment.step + 1, scenario.steps);
  });
  return 0;
}

// The folder of an execution that is to be judged. A simulated cluster that came to a standstill has
// said why, and that is judged too.
std::optional<std::string> finished(const std::string& folder, const RunRecord& record,
                                    const std::string& name) {
  const std::string path = folder + "/" + name;
  for (const RunRecord::Execution& execution : record.executions)
    if (execution.name == name &&
        (execution.exit_status == 0 || files::exists(path + "/collective_failure.json")))
      return path;
  return std::nullopt;
}

std::map<std::string, double> timing_of(const RunRecord& record, double judge_seconds) {
  std::map<std::string, double> timing{{"judge_s", judge_seconds}};
  for (const RunRecord::Execution& execution : record.executions)
    timing[execution.name + "_s"] = execution.seconds;
  timing["total_s"] = record.seconds + judge_seconds;
  return timing;
}

int judge(const std::string& folder, const std::string& report) {
  const auto started = std::chrono::steady_clock::now();
  const Scenario scenario = read_scenario(folder + "/scenario.json");
  const RunRecord record = read_run_record(folder);
  reports::JudgeInput input{scenario,
                            finished(folder, record, "reference"),
                            finished(folder, record, "sim"),
                            finished(folder, record, "real"),
                            {}};
  for (const RunRecord::Execution& execution : record.executions)
    if (!execution.sentence.empty() && !finished(folder, record, execution.name))
      input.errors.push_back(execution.sentence);

  reports::Verdict verdict = reports::judge(input);
  verdict.environment.merge(collect_provenance());
  verdict.environment.merge(real::engine_versions());
  verdict.reproduce = record.command;
  const Program program = real::lower(scenario);
  verdict.plan_text = print_plan(program, accounts_of(program), scenario);
  verdict.timing = timing_of(record, seconds_since(started));
  write_file(folder + "/summary.json", reports::summary_json(verdict));
  write_file(folder + "/report.html", reports::report_html(verdict));
  fmt::print("{}", reports::verdict_text(verdict, report));
  return verdict.exit_code();
}

// ---- shardproof repartition, consolidate

struct OtherGrid {
  std::optional<int> tp, dp, zero;  // absent: as it was
  std::vector<std::string> overrides;
};

// The scenario that a checkpoint is of, on another grid. Where it says more of it is the manifest.
Scenario scenario_on(const Checkpoint& checkpoint, const OtherGrid& grid) {
  const CheckpointOrigin& origin = checkpoint.origin();
  const int tp = grid.tp.value_or(origin.tp);
  std::vector<std::string> overrides = grid.overrides;
  const auto set = [&](const std::string& key, int value) {
    overrides.push_back(key + "=" + std::to_string(value));
  };
  set("world", tp * grid.dp.value_or(origin.dp));
  set("tensor_parallel.autotp_size", tp);
  set("zero_optimization.stage", grid.zero.value_or(origin.zero_stage));
  return scenario_inside(origin.scenario, checkpoint.path() + "/manifest.json", overrides);
}

int repartition_checkpoint(const std::string& path, const OtherGrid& grid, const std::string& out) {
  const Checkpoint checkpoint(path);
  const Scenario scenario = scenario_on(checkpoint, grid);
  repartition(checkpoint, real::checked_program(scenario), origin_of(scenario), out);
  fmt::print("{}: {} tensors after {} steps, for tp {} x dp {}, ZeRO {}\n", out,
             checkpoint.tensors().size(), checkpoint.origin().steps_done,
             scenario.training.tensor_parallel, scenario.data_parallel(),
             scenario.training.zero_stage);
  return 0;
}

int consolidate(const std::string& path, const std::string& out) {
  const Checkpoint checkpoint(path);
  write_consolidated(checkpoint, out);
  fmt::print("{}: the weights after {} steps\n", out, checkpoint.origin().steps_done);
  return 0;
}

// ---- shardproof plan, compare, --version

int plan(const std::string& path, const std::vector<std::string>& overrides, bool json) {
  const Scenario scenario = read_scenario(path, overrides);
  const Program program = real::checked_program(scenario);
  apply_injections(program, scenario.inject, Rank{0});  // their ops must exist
  const Accounts accounts = accounts_of(program);
  fmt::print("{}\n", json ? write_json(plan_json(program, accounts, scenario), 2)
                          : print_plan(program, accounts, scenario));
  return 0;
}

// A folder of results stands for its real execution, or its simulated one.
std::string trace_folder(const std::string& path) {
  for (const char* execution : {"real", "sim"})
    if (files::is_directory(path + "/" + execution)) return path + "/" + execution;
  return path;
}

std::string versions() {
  std::string text = "shardproof";
  std::map<std::string, std::string> all = collect_provenance();
  all.merge(real::engine_versions());
  text += " " + all["version"] + "\n";
  for (const auto& [name, value] : all)
    if (name != "version") text += fmt::format("  {:<20} {}\n", name, value);
  return text;
}

}  // namespace
}  // namespace shardproof

int main(int argc, char** argv) {
  using namespace shardproof;
  CLI::App app{
      "Proves, step by step, that a tensor-parallel + ZeRO training run computed what the\n"
      "unsharded model would have computed, or names the first operation that did not."};
  app.require_subcommand(0, 1);
  bool version = false;
  app.add_flag("--version", version, "print the versions of everything");
  app.footer(
      "Exit codes: 0 all agree, 1 a numeric difference, 2 bad input or no verdict, 3 the\n"
      "machine failed, 130 or 143 interrupted.\n"
      "Example:  shardproof run scenarios/catalog/quickstart.json");
  std::function<int()> command;

  RunOptions options;
  CLI::App* run_command = app.add_subcommand("run", "reference, sim and real, judge, report");
  run_command->add_option("scenarios", options.paths, "scenario files, or folders of them");
  run_command->add_option("--model", options.given.model,
                          "a Hugging Face model folder or config.json, instead of a scenario");
  run_command->add_option("--deepspeed", options.given.deepspeed,
                          "a DeepSpeed config, with --model");
  CLI::Option* world =
      run_command->add_option("--world", options.given.world, "ranks, with --model");
  run_command->add_option("--steps", options.given.steps,
                          "optimizer steps, or forward passes, with --model");
  run_command->add_option("--seed", options.given.seed, "of generated weights and tokens");
  run_command->add_option("--text", options.given.text,
                          "a text file for byte tokens, with --model");
  run_command->add_option("--sequence", options.given.sequence, "tokens a sequence, with --model");
  run_command->add_option("--mode", options.given.mode, "training or inference, with --model");
  run_command->add_option("--precision", options.given.precision, "from_deepspeed or fp64");
  run_command->add_option("--reduction", options.given.reduction, "ring or rank_order");
  run_command->add_option("--executions", options.given.executions, "of reference, sim, real")
      ->delimiter(',');
  run_command->add_option("--name", options.given.name, "of the results' folder, with --model");
  run_command->add_option("--override", options.given.overrides,
                          "change the model, e.g. num_hidden_layers=2");
  run_command->add_option("--out", options.out, "where results go")->capture_default_str();
  run_command->add_option("--launcher", options.launcher,
                          "how ranks are started, e.g. 'srun --mpi=pmix -n {ranks} {command}'");
  run_command->footer(
      "Example:  shardproof run --model ./my-llama --deepspeed ds_config.json --world 4");
  run_command->callback([&] {
    if (options.paths.empty() == options.given.model.empty())
      throw CLI::ValidationError("run", "give scenario files, or --model and --deepspeed");
    if (!options.given.model.empty() && (options.given.deepspeed.empty() || world->empty()))
      throw CLI::ValidationError("run", "--model needs --deepspeed and --world");
    command = [&] { return run(options); };
  });

  std::string path;
  std::vector<std::string> overrides;
  bool json = false;
  bool ops = false;
  CLI::App* plan_command =
      app.add_subcommand("plan", "who owns what, collectives, bytes, memory; runs nothing");
  plan_command->add_option("scenario", path, "a scenario file");
  plan_command->add_option("--override", overrides, "change the model, e.g. num_hidden_layers=2");
  plan_command->add_flag("--json", json, "as JSON");
  plan_command->add_flag("--ops", ops, "the table of the kinds of op");
  plan_command->footer("Example:  shardproof plan scenarios/catalog/quickstart.json --json");
  plan_command->callback([&] {
    if (!ops && path.empty()) throw CLI::ValidationError("plan", "give a scenario file");
    command = [&] {
      if (!ops) return plan(path, overrides, json);
      fmt::print("{}", print_ops());
      return 0;
    };
  });

  std::string left;
  std::string right;
  CLI::App* compare_command =
      app.add_subcommand("compare", "two traces of one model, also of different world sizes");
  compare_command->add_option("a", left, "a folder of results, or of rank-*.h5")->required();
  compare_command->add_option("b", right, "another")->required();
  compare_command->add_flag("--json", json, "as JSON");
  compare_command->footer("Example:  shardproof compare results/tp2/real results/tp4/real");
  compare_command->callback([&] {
    command = [&] {
      const reports::TraceComparison comparison =
          reports::compare_traces(trace_folder(left), trace_folder(right));
      fmt::print(
          "{}", json ? reports::comparison_json(comparison) : reports::comparison_text(comparison));
      return comparison.exit_code();
    };
  });

  OtherGrid grid;
  std::string out;
  CLI::App* repartition_command =
      app.add_subcommand("repartition", "a checkpoint for another grid or ZeRO stage");
  repartition_command->add_option("checkpoint", path, "a folder that a run has saved")->required();
  repartition_command->add_option("--tp", grid.tp, "tensor-parallel ranks; absent: as before");
  repartition_command->add_option("--dp", grid.dp, "replicas");
  repartition_command->add_option("--zero", grid.zero, "the ZeRO stage");
  repartition_command->add_option("--override", grid.overrides,
                                  "change the scenario, e.g. uneven=true");
  repartition_command->add_option("--out", out, "where the new checkpoint goes")->required();
  repartition_command->footer("Example:  shardproof repartition step-000100 --tp 4 --dp 2 --out b");
  repartition_command->callback(
      [&] { command = [&] { return repartition_checkpoint(path, grid, out); }; });

  CLI::App* consolidate_command =
      app.add_subcommand("consolidate", "a checkpoint's weights as one safetensors file");
  consolidate_command->add_option("checkpoint", path, "a folder that a run has saved")->required();
  consolidate_command->add_option("--out", out, "the file, with Hugging Face names")->required();
  consolidate_command->footer(
      "Example:  shardproof consolidate step-000100 --out model.safetensors");
  consolidate_command->callback([&] { command = [&] { return consolidate(path, out); }; });

  std::string execution;
  std::string folder;
  CLI::App* execute_command = app.add_subcommand("execute", "one execution")->group("");
  execute_command->add_option("execution", execution)
      ->required()
      ->check(CLI::IsMember({"reference", "sim", "real"}));
  execute_command->add_option("scenario", path)->required();
  execute_command->add_option("folder", folder)->required();
  execute_command->callback([&] { command = [&] { return execute(execution, path, folder); }; });

  std::string report;
  CLI::App* judge_command = app.add_subcommand("judge", "the verdict on a run's folder")->group("");
  judge_command->add_option("folder", folder)->required();
  judge_command->add_option("--report", report, "where the report will lie");
  judge_command->callback([&] { command = [&] { return judge(folder, report); }; });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    if (command) return command();
    std::cout << (version ? versions() : app.help());
    return 0;
  } catch (const ScenarioError& error) {
    fmt::print(stderr, "shardproof: {}\n", error.what());
    return 2;
  } catch (const Interrupted& interrupted) {
    fmt::print(stderr, "shardproof: {}\n", interrupted.what());
    return interrupted.exit_code();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "shardproof: out of memory\n");
    return 3;
  } catch (const std::exception& error) {
    fmt::print(stderr, "shardproof: {}\n", error.what());
    return 3;
  }
}

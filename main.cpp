// The program `shardproof`: a table of commands, each of which composes the wings.
//
// `run` is a plain process. Every execution, and the verdict, is a child of it (`execute`, `judge`:
// hidden commands that can be run by hand), so that a crash, a hang or a kill is a sentence in the
// report.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <set>

#include "real/cuda/machine.hpp"
#include "real/cuda/module.hpp"
#include "real/host/launcher.hpp"
#include "real/host/rank_main.hpp"
#include "real/machine/versions.hpp"
#include "real/run/rank_run.hpp"
#include "reference/run/size.hpp"
#include "reference/run/training.hpp"
#include "reports/checks/baseline.hpp"
#include "reports/judge_folder.hpp"
#include "reports/manual/bash_completion.hpp"
#include "reports/manual/man_page.hpp"
#include "reports/render/comparison.hpp"
#include "reports/render/html.hpp"
#include "reports/render/results.hpp"
#include "reports/render/suite.hpp"
#include "reports/render/summary_json.hpp"
#include "reports/render/text.hpp"
#include "reports/score/fault_runs.hpp"
#include "reports/side_by_side/trace_comparison.hpp"
#include "reports/values/work.hpp"
#include "reports/witness/written_files.hpp"
#include "scenarios/blas/product.hpp"
#include "scenarios/checkpoint/consolidate.hpp"
#include "scenarios/checkpoint/other_grid.hpp"
#include "scenarios/checkpoint/output_place.hpp"
#include "scenarios/checkpoint/rank_state.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/config/scenario_template.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/data/weights.hpp"
#include "scenarios/digest/baseline_file.hpp"
#include "scenarios/driver/kept_results.hpp"
#include "scenarios/driver/prepared_run.hpp"
#include "scenarios/driver/progress.hpp"
#include "scenarios/driver/results_listing.hpp"
#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/run_jobs.hpp"
#include "scenarios/driver/runs_of_suite.hpp"
#include "scenarios/driver/shell_command.hpp"
#include "scenarios/driver/supervised_run.hpp"
#include "scenarios/driver/terminal.hpp"
#include "scenarios/driver/tool_progress.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/exact/exact.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/partition/presets.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/plan/edits.hpp"
#include "scenarios/plan/print/print.hpp"
#include "scenarios/plan/program_json.hpp"
#include "scenarios/precision/shadow.hpp"
#include "scenarios/pulse.hpp"
#include "scenarios/random/campaign.hpp"
#include "scenarios/random/minimize_file.hpp"
#include "scenarios/random/runs_here.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/provenance.hpp"
#include "scenarios/trace/scenario_header.hpp"
#include "scenarios/trace/trace.hpp"
#include "sim/gpu/runtime.hpp"
#include "sim/simulate.hpp"

namespace shardproof {
namespace {

namespace fs = std::filesystem;

/// What a command line asks for, once it has been read. It returns the exit code.
using Command = std::function<int()>;

std::string this_program() { return fs::read_symlink("/proc/self/exe").string(); }

// ---- run

void add_threads(CLI::App& command, int& threads) {
  command
      .add_option("--threads", threads,
                  "threads of the judge (default: as many as it has processors)")
      ->check(CLI::Range(1, 4096));
}

struct RunOptions {
  std::vector<std::string> paths;  // scenario files, or folders of them
  ScenarioOptions given;           // instead of files, or beside them
  std::string out = "shardproof-results";
  std::string launcher;
  std::string keep;      // "": what the scenario says
  std::string baseline;  // a folder; "": every run is judged itself
  bool rejudge = false;  // where a run is unlike its baseline
  bool strict = false;   // a suspect fails the run
  std::optional<std::int64_t> timeout;
  std::optional<double> stall;  // seconds; nothing: as long as the work so far suggests
  int jobs = 1;                 // scenarios at once
  int threads = 0;              // of the judge; 0: as many as there are processors for it
  bool plan = false;            // print it
  bool quiet = false;
  std::vector<std::string> words;  // the options as they were given, for a run of one scenario
};

// Ranks are started by mpirun, or as the user says.
void as_ranks(Job& job, int ranks, const std::string& launcher) {
  const real::LaunchCommand launch = real::launch_command(ranks, job.command, launcher);
  job.command = launch.arguments;
  job.environment.insert(launch.environment.begin(), launch.environment.end());
  job.processes = ranks;
  job.launcher = job.command.front();
}

// Where mpirun starts the ranks they run on this host. What another launcher finds elsewhere, its
// ranks say.
void expect_machine(const Scenario& scenario, const std::string& launcher) {
  if (scenario.runs(Execution::real) && scenario.platform == Platform::cuda && launcher.empty())
    real::cuda_module().expect_machine();
}

// Everything that can be wrong with the input is found before the first child starts.
Program checked_input(const Scenario& scenario) {
  const real::Inputs inputs(scenario);
  Weights(scenario).expect_finite();
  if (!scenario.resume.empty()) Checkpoint(scenario.resume).check_all();
  Program program = real::checked_program(scenario);
  if (!scenario.inject.empty())  // their ops must exist
    for (int rank = 0; rank < scenario.world(); ++rank)
      apply_injections(program, scenario.inject, Rank{rank});
  return program;
}

PreparedRun prepared(const Scenario& scenario, const Accounts& accounts, const std::string& out,
                     const Machine& machine) {
  const reference::ReferenceSize size = reference::size_of_reference(scenario);
  return prepare(scenario, accounts, {size.trace_bytes, size.trace_tensors, size.memory_bytes},
                 real::checked_program, out, machine);
}

// The folder of the judged run that a run is to be like; "" if it is judged itself.
std::string baseline_of(const Scenario& scenario, const Program& program,
                        const RunOptions& options) {
  if (options.baseline.empty()) return "";
  const std::string file = find_baseline(options.baseline, scenario.name);
  expect_baseline_elsewhere(file, scenario, options.out);
  reports::expect_usable(BaselineReader(file), scenario, hash_of(program));
  return fs::path(file).parent_path().string();
}

RunOutcome run_scenario(const Scenario& scenario, const RunOptions& options) {
  const Program program = checked_input(scenario);
  const std::string baseline = baseline_of(scenario, program, options);
  expect_machine(scenario, options.launcher);
  const Accounts accounts = accounts_of(program);
  const PreparedRun ready = prepared(scenario, accounts, options.out, measure_machine(options.out));
  expect_resume_elsewhere(scenario, options.out);
  RunFolder folder(options.out, scenario.name);
  const std::string plan = print_plan(program, accounts, scenario);
  if (options.plan) std::cout << plan << std::endl;
  write_text(folder.file("plan.txt"), plan);
  write_text(folder.file("scenario.json"), write_scenario(scenario));
  const StartedBy by{this_program(), options.launcher,
                     [&](Job& job) { as_ranks(job, scenario.world(), options.launcher); }};
  const RunJobs jobs = jobs_of(scenario, folder, ready, by, baseline, options.threads);
  return run_supervised(scenario, folder, jobs,
                        {.quiet = options.quiet,
                         .stall_seconds = options.stall,
                         .start_seconds = seconds_to_start(ready.needs)});
}

RunOutcome failed(const std::exception& error, int exit_code) {
  fmt::print(stderr, "shardproof: {}\n", error.what());
  return {exit_code, error.what(), ""};
}

// What is held against a baseline leaves hashes alone, which nothing of the reference is beside.
void record_hashes(Scenario& scenario) {
  scenario.trace_tier = TraceTier::digest;
  scenario.shadow.reset();
  std::erase(scenario.executions, Execution::reference);
  if (scenario.executions.empty())
    throw ScenarioError(scenario.name + ": --baseline: there is nothing to run but the reference");
}

// A scenario as the options of `run` change it.
Scenario scenario_of(const SuiteMember& member, const RunOptions& options) {
  if (!member.scenario) throw ScenarioError(member.problem);
  Scenario scenario = *member.scenario;
  if (!options.keep.empty()) scenario.trace_keep = *from_name<TraceKeep>(options.keep);
  if (options.timeout) scenario.timeout_s = *options.timeout;
  if (options.strict) scenario.strict = true;
  if (scenario.exact) settle_on_exact_seed(scenario);
  if (!options.baseline.empty()) record_hashes(scenario);
  return scenario;
}

// "baseline: unlike the judged run of ...; since then: commit: ...", of results without a verdict;
// "" if they lack it for another reason.
std::string unlike_baseline(const std::string& results) {
  const JsonValue summary = read_json(results + "/summary.json");
  const JsonValue* baseline = summary.find("baseline");
  if (baseline == nullptr || baseline->is_null()) return "";
  std::string text;
  for (const JsonValue& check : summary.find("checks")->elements)
    if (check.find("name")->text == "baseline") text = check.find("reason")->text;
  const std::vector<JsonValue>& changes = baseline->find("changes")->elements;
  for (std::size_t i = 0; i < changes.size(); ++i)
    text += (i == 0 ? "; since then " : "; ") + changes[i].text;
  return text;
}

// Other bits than the judged run's are no wrong ones: to know, the run is judged itself.
RunOutcome run_again_in_full(const SuiteMember& member, RunOptions options,
                             const std::string& why) {
  options.baseline.clear();
  Scenario scenario = scenario_of(member, options);
  scenario.trace_tier = TraceTier::full;
  scenario.notices.push_back(why);
  fmt::print(stderr, "shardproof: {}: run again, in full: {}\n", scenario.name, why);
  return run_scenario(scenario, options);
}

RunOutcome run_and_rejudge(const SuiteMember& member, const RunOptions& options) {
  const RunOutcome ran = run_scenario(scenario_of(member, options), options);
  if (!options.rejudge || ran.exit_code != 2) return ran;
  const std::string unlike = unlike_baseline(ran.folder);
  return unlike.empty() ? ran : run_again_in_full(member, options, unlike);
}

RunOutcome run_member(const SuiteMember& member, const RunOptions& options) {
  try {
    const RunOutcome ran = run_and_rejudge(member, options);
    tell_of_undecided(ran);
    return ran;
  } catch (const ScenarioError& error) {
    return failed(error, 2);
  } catch (const Interrupted&) {
    throw;  // that ends the others too
  } catch (const std::exception& error) {
    return failed(error, 3);
  }
}

// What several runs leave beside their folders, for people and for CI systems.
void write_suite(const std::vector<reports::SuiteEntry>& entries, const std::string& out,
                 int exit_code) {
  // First, as it must be seen also where nothing can be written any more.
  fmt::print("\n{}  {}/index.html\n",
             coloured_table(reports::suite_text(entries, stdout_columns())), out);
  std::fflush(stdout);
  fs::create_directories(out);
  write_text(out + "/suite.json", reports::suite_json(entries, exit_code));
  write_text(out + "/junit.xml", reports::suite_junit(entries));
  write_text(out + "/index.html", reports::suite_html(entries, out));
}

reports::SuiteEntry entry_of(const SuiteMember& member, const TimedOutcome& ran) {
  return {member_name(member), ran.outcome.exit_code, ran.outcome.headline, ran.outcome.folder,
          ran.seconds};
}

std::vector<TimedOutcome> run_in_turn(const std::vector<SuiteMember>& members,
                                      const RunOptions& options) {
  std::vector<TimedOutcome> all;
  for (const SuiteMember& member : members) {
    const auto started = std::chrono::steady_clock::now();
    const RunOutcome ran = run_member(member, options);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    all.push_back({ran, took.count()});
  }
  return all;
}

Needs needs_alone(const SuiteMember& member, const RunOptions& options, const Machine& machine) {
  const Scenario scenario = scenario_of(member, options);
  PreparedRun alone =
      prepared(scenario, accounts_of(real::checked_program(scenario)), options.out, machine);
  alone.needs.memory_bytes = alone.fit.memory_bytes;
  return alone.needs;
}

std::vector<TimedOutcome> run_all(const std::vector<SuiteMember>& members,
                                  const RunOptions& options) {
  if (options.jobs <= 1 || members.size() <= 1) return run_in_turn(members, options);
  return run_side_by_side(members,
                          {.program = this_program(),
                           .words = options.words,
                           .out = options.out,
                           .at_once = options.jobs,
                           .plan = options.plan,
                           .quiet = options.quiet,
                           .needs_alone = [&](const SuiteMember& member, const Machine& machine) {
                             return needs_alone(member, options, machine);
                           }});
}

void tell_of_leftovers(const std::vector<SuiteMember>& members, const RunOptions& options) {
  if (options.quiet) return;
  std::vector<std::string> names;
  for (const SuiteMember& member : members) names.push_back(member_name(member));
  const std::string left = leftovers_in(options.out, names);
  if (!left.empty()) fmt::print(stderr, "shardproof: note: {}\n", left);
}

int run(const RunOptions& options) {
  const std::vector<SuiteMember> members = read_suite(options.paths, options.given);
  tell_of_leftovers(members, options);
  const std::vector<TimedOutcome> ran = run_all(members, options);
  std::vector<reports::SuiteEntry> entries;
  std::vector<int> exit_codes;
  for (std::size_t i = 0; i < members.size(); ++i) {
    entries.push_back(entry_of(members[i], ran[i]));
    exit_codes.push_back(ran[i].outcome.exit_code);
  }
  const int exit_code = worst_exit_code(exit_codes);
  if (entries.size() > 1)
    write_suite(entries, options.out, exit_code);
  else
    leave_outcome({exit_code, entries.front().headline, entries.front().folder});
  return exit_code;
}

// What may be written stands in the help and in the completion; what is wrong the reader says.
template <class Names>
std::string one_of(const Names& names) {
  return fmt::format("TEXT:{{{}}}", fmt::join(names, ","));
}

// The options that say a scenario, or change one.
void add_scenario_options(CLI::App& command, ScenarioOptions& given) {
  command
      .add_option("--model", given.model,
                  "a Hugging Face model folder or config.json, instead of a scenario's")
      ->type_name("PATH");
  command.add_option("--deepspeed", given.deepspeed, "a DeepSpeed config")->type_name("FILE");
  command.add_option("--world", given.world, "ranks");
  command.add_option("--steps", given.steps, "optimizer steps, or forward passes");
  command.add_option("--seed", given.seed, "of generated weights and tokens");
  command.add_option("--text", given.text, "a text file for byte tokens")->type_name("FILE");
  command.add_option("--sequence", given.sequence, "tokens a sequence");
  command.add_option("--mode", given.mode, "what is run")->type_name(one_of(names_of<Mode>()));
  command.add_option("--precision", given.precision, "the dtypes")
      ->type_name(one_of(std::array{"from_deepspeed", "fp64"}));
  command.add_option("--reduction", given.reduction, "the order of sums; library with --real cuda")
      ->type_name(one_of(names_of<ReductionOrder>()));
  command.add_option("--real", given.real, "the machine of the real execution")
      ->type_name(one_of(names_of<Platform>()));
  command.add_option("--cut", given.cut, "own: Shardproof's, where AutoTP has none")
      ->type_name(one_of(std::array{"autotp", "own"}));
  command.add_option("--executions", given.executions, "what is run beside what")
      ->type_name(one_of(names_of<Execution>()))
      ->delimiter(',');
  command.add_flag("--shadow", given.shadow,
                   "all steps once more in fp64, judged, too (default: the first alone, where that "
                   "takes less than a third of the run)");
  command.add_option("--name", given.name, "of the results' folder");
  command.add_option(
      "--inject", given.inject,
      "plant a defect: {\"edit\": \"drop\", \"op\": ...}, of an op that plan --ops names");
  command.add_option("--override", given.overrides,
                     "change the model or a config, e.g. num_hidden_layers=2");
}

void expect_scenario(const char* command, const std::vector<std::string>& paths,
                     const ScenarioOptions& given) {
  if (paths.empty() && given.model.empty())
    throw CLI::ValidationError(command, "give scenario files, or --model and --deepspeed");
  if (paths.empty() && (given.deepspeed.empty() || !given.world))
    throw CLI::ValidationError(command, "--model needs --deepspeed and --world");
}

// What of the command line goes for every scenario, as words.
std::vector<std::string> words_for_each(const CLI::App& run_command) {
  const std::set<std::string> of_all{"--help", "--jobs", "--plan", "--quiet"};
  std::vector<std::string> words;
  for (const CLI::Option* option : run_command.get_options())
    if (!option->get_positional() && !of_all.contains(option->get_name()))
      for (const std::string& value : option->results())
        words.push_back(option->get_name() + "=" + value);
  return words;
}

void add_run_options(CLI::App& command, RunOptions& options) {
  command.add_option("scenarios", options.paths, "scenario files, or folders of them")
      ->type_name("PATH");
  add_scenario_options(command, options.given);
  command.add_option("--out", options.out, "where results go")
      ->type_name("FOLDER")
      ->capture_default_str();
  command.add_option("--launcher", options.launcher,
                     "how ranks are started, e.g. 'srun --mpi=pmix -n {ranks} {command}'");
  command.add_flag("--plan", options.plan, "print the plan first");
  command.add_flag("--quiet", options.quiet, "a line for each scenario, and no progress");
  command.add_option("--keep", options.keep, "which runs' traces stay")
      ->check(CLI::IsMember(names_of<TraceKeep>()));
  CLI::Option* baseline =
      command
          .add_option("--baseline", options.baseline,
                      "results of runs that were judged in full and passed: record hashes alone, "
                      "and pass with their bits")
          ->type_name("FOLDER");
  command
      .add_flag("--rejudge", options.rejudge,
                "run again, and judge in full, what has other bits than its baseline")
      ->needs(baseline);
  command.add_flag("--strict", options.strict, "a suspect fails the run");
  command.add_option("--timeout", options.timeout, "seconds that an execution may take")
      ->check(CLI::Range(1, 10'000'000));
  command
      .add_option("--stall", options.stall,
                  "seconds without progress after which an execution is stopped (default:"
                  " 10 times the slowest op so far, at least 60; 300 at the start)")
      ->check(CLI::Range(1.0, 10'000'000.0));
  command.add_option("--jobs", options.jobs, "scenarios at once, each with its executions")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  add_threads(command, options.threads);
}

void add_run(CLI::App& app, Command& command) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* run_command = app.add_subcommand("run", "reference, sim and real, judge, report");
  add_run_options(*run_command, *options);
  run_command->footer(
      "Beside a scenario file an option takes the place of what the file says.\n"
      "Example:  shardproof run --model ./my-llama --deepspeed ds_config.json --world 4");
  run_command->callback([options, run_command, &command] {
    expect_scenario("run", options->paths, options->given);
    if (options->given.shadow && !options->baseline.empty() && !options->rejudge)
      throw CLI::ValidationError("--shadow",
                                 "beside --baseline, which has hashes alone recorded, "
                                 "it needs --rejudge");
    options->words = words_for_each(*run_command);
    command = [options] { return run(*options); };
  });
}

// ---- execute, judge

real::MakeMachine machine_of(const Scenario& scenario) {
  switch (scenario.platform) {
    case Platform::mpi: return real::processor;
    case Platform::cuda: return real::cuda_module().machine;
    case Platform::cuda_simulated:
      sim::gpu::set_schedule(sim::gpu::schedule_from(scenario.gpu_schedule));
      return real::cuda_simulated::machine;
  }
  return nullptr;
}

// `pulse`: where this process tells its pulse; "": nobody listens.
int execute(const std::string& execution, const std::string& scenario_file,
            const std::string& folder, const std::string& pulse) {
  if (!pulse.empty()) Pulse::of_this_process().publish(pulse);
  const Scenario scenario = read_scenario(scenario_file);
  fs::create_directories(folder);
  const ProgressReporter reporter(execution);
  const auto steps = [&](int done, int total) { reporter.report("step", done, total); };
  const auto simulate = [&](const Scenario& simulated) {
    if (!sim::simulate(simulated, folder, steps)) return 1;
    if (simulated.shows_tensors()) write_master(folder);
    return 0;
  };
  if (execution == shadow_name)
    return simulate(shadow_of(scenario, real::checked_program).scenario);
  switch (*from_name<Execution>(execution)) {
    case Execution::sim: return simulate(scenario);
    case Execution::real: return real::run_rank(scenario, folder, machine_of(scenario), steps);
    case Execution::reference: break;
  }
  reference::run_reference(scenario, header_of(scenario, Execution::reference), folder,
                           [&](const Moment& moment) {
                             if (moment.micro < 0)
                               reporter.report("step", moment.step + 1, scenario.steps);
                           });
  return 0;
}

std::vector<std::string> names_to_execute() {
  std::vector<std::string> names = names_of<Execution>();
  names.emplace_back(shadow_name);
  return names;
}

void add_execute(CLI::App& app, Command& command) {
  struct Options {
    std::string execution, scenario, folder, pulse;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* execute_command = app.add_subcommand("execute", "one execution")->group("");
  execute_command->add_option("execution", options->execution)
      ->required()
      ->check(CLI::IsMember(names_to_execute()));
  execute_command->add_option("scenario", options->scenario)->required();
  execute_command->add_option("folder", options->folder)->required();
  execute_command->add_option("--pulse", options->pulse);
  execute_command->callback([options, &command] {
    command = [options] {
      return execute(options->execution, options->scenario, options->folder, options->pulse);
    };
  });
}

struct JudgeOptions {
  reports::FolderToJudge asked;
  std::string pulse;  // where this process tells its pulse; "": nobody listens
  int threads = 0;    // 0: as many as there are processors for this process
};

int judge(const JudgeOptions& options) {
  if (options.threads > 0) reports::use_threads(options.threads);
  if (!options.pulse.empty()) Pulse::of_this_process().publish(options.pulse);
  const ProgressReporter reporter("judge");
  blas::prepare();  // before there are threads
  auto [verdict, place] =
      reports::judge_folder(options.asked, real::checked_program,
                            [&](int done, int total) { reporter.report("check", done, total); });
  verdict.environment.merge(real::engine_versions());
  write_text(options.asked.folder + "/report.html", reports::report_html(verdict));
  write_text(options.asked.folder + "/summary.json", reports::summary_json(verdict));
  std::cout << reports::verdict_text(verdict, place + "/report.html");
  return verdict.exit_code();
}

void add_judge(CLI::App& app, Command& command) {
  const auto options = std::make_shared<JudgeOptions>();
  reports::FolderToJudge& asked = options->asked;
  asked.program = this_program();
  CLI::App* judge_command = app.add_subcommand(
      "judge", "the verdict on traces that lie in a folder of results, also one that was stopped");
  judge_command->add_option("folder", asked.folder, "a folder of results")
      ->type_name("FOLDER")
      ->required();
  judge_command
      ->add_option("--baseline", asked.baseline,
                   "of a run that recorded hashes alone: the judged run that they are held against")
      ->type_name("FOLDER");
  add_threads(*judge_command, options->threads);
  judge_command->add_option("--place", asked.place, "where the results will lie")->group("");
  judge_command->add_option("--pulse", options->pulse, "where to tell the pulse")->group("");
  judge_command->footer("Example:  shardproof judge shardproof-results/mine.part");
  judge_command->callback([options, &command] { command = [options] { return judge(*options); }; });
}

// ---- fuzz, minimize

void simulate_in(const Scenario& scenario, const std::string& folder) {
  fs::create_directories(folder);
  sim::simulate(scenario, folder);
}

// Where it is asked for: what only a shadow finds must be found here too.
reports::ShadowInput shadow_here(const Scenario& scenario, const std::string& folder) {
  if (!scenario.shadow.value_or(false)) return {{}, "", "it was not asked for"};
  const Scenario shadow = shadow_of(scenario, real::checked_program).scenario;
  simulate_in(shadow, folder);
  return {shadow, folder, ""};
}

// Reference and sim in this process, since a toy takes longer to start than to run.
JsonValue summary_here(const Scenario& scenario, const std::string& folder) {
  const std::string reference = folder + "/reference", engine = folder + "/sim";
  fs::create_directories(reference);
  reference::run_reference(scenario, header_of(scenario, Execution::reference), reference);
  simulate_in(scenario, engine);
  reports::JudgeInput input{scenario, reference, {{name_of(Execution::sim), engine}}, {}};
  input.shadow = shadow_here(scenario, folder + "/" + shadow_name);
  return parse_json(reports::summary_json(reports::judge(input)), "summary");
}

// As `run` does, real too.
JsonValue summary_of_children(const Scenario& scenario, const std::string& folder) {
  RunOptions options;
  options.out = folder;
  options.quiet = true;
  return read_json(run_scenario(scenario, options).folder + "/summary.json");
}

bool are_equal_traces(const std::string& a, const std::string& b) {
  return reports::compare_traces(a, b).answer == reports::Answer::equal;
}

Runners runners(bool real) {
  return {[](const Scenario& scenario) { checked_input(scenario); },
          real ? summary_of_children : summary_here, simulate_in, are_equal_traces,
          real::checked_program};
}

int minimize(const MinimizeOptions& options) {
  minimize_file(options, runners(options.real));
  return 0;
}

void add_minimize(CLI::App& app, Command& command) {
  const auto options = std::make_shared<MinimizeOptions>();
  CLI::App* minimize_command = app.add_subcommand(
      "minimize", "a smaller scenario that fails the same way: fewer steps, layers, ranks, widths");
  minimize_command->add_option("scenario", options->scenario, "one that does not pass")
      ->type_name("FILE")
      ->required();
  minimize_command
      ->add_option("--out", options->out,
                   "where the smaller one goes; the smallest so far meanwhile")
      ->type_name("FILE")
      ->required();
  minimize_command->add_option("--runs", options->runs, "how often it may be run")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  minimize_command->add_flag("--real", options->real, "by real, too, where sim does not fail");
  minimize_command->footer(
      "Example:  shardproof minimize results/mine/scenario.json --out small.json");
  minimize_command->callback(
      [options, &command] { command = [options] { return minimize(*options); }; });
}

int fuzz(const CampaignOptions& options) {
  const RunsHere here(options.out, options.real, runners(options.real));
  return run_campaign(options, here.laboratory()) == 0 ? 0 : 1;
}

void add_fuzz(CLI::App& app, Command& command) {
  const auto options = std::make_shared<CampaignOptions>();
  CLI::App* fuzz_command = app.add_subcommand(
      "fuzz", "random scenarios: clean ones must pass, with --faulty each must fail at its defect");
  fuzz_command->add_option("--seed", options->seed, "the first; one more for each that follows")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 53))
      ->capture_default_str();
  fuzz_command->add_option("--count", options->count, "how many")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  fuzz_command->add_flag("--faulty", options->faulty, "plant a defect in each");
  fuzz_command->add_flag("--real", options->real, "run real by Open MPI, too");
  fuzz_command
      ->add_option("--runs", options->runs,
                   "how often one that ends wrongly may be run to make it smaller; 0: not at all")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  fuzz_command->add_option("--out", options->out, "where scenarios go that end wrongly")
      ->type_name("FOLDER")
      ->capture_default_str();
  fuzz_command->footer("Example:  shardproof fuzz --count 1000 --seed 1");
  fuzz_command->callback([options, &command] { command = [options] { return fuzz(*options); }; });
}

// ---- plan

struct PlanOptions {
  std::vector<std::string> paths;
  ScenarioOptions given;
  bool json = false, ops = false;
};

void print_plan_of(const Scenario& scenario, const PlanOptions& options) {
  expect_results_name(scenario.name);  // what `run` would refuse
  const Program program = real::checked_program(scenario);
  if (!scenario.inject.empty()) apply_injections(program, scenario.inject, Rank{0});
  const Accounts accounts = accounts_of(program);
  if (options.ops)
    fmt::print("{}", print_op_names(program));
  else if (options.json)
    fmt::print("{}\n", write_json(plan_json(program, accounts, scenario), 2));
  else
    fmt::print("{}\n", print_plan(program, accounts, scenario));
}

int plan(const PlanOptions& options) {
  for (const SuiteMember& member : read_suite(options.paths, options.given)) {
    if (!member.scenario) throw ScenarioError(member.problem);
    Scenario scenario = *member.scenario;
    if (scenario.exact) settle_on_exact_seed(scenario);
    print_plan_of(scenario, options);
  }
  return 0;
}

void add_plan(CLI::App& app, Command& command) {
  const auto options = std::make_shared<PlanOptions>();
  CLI::App* plan_command =
      app.add_subcommand("plan", "who owns what, collectives, bytes, memory; runs nothing");
  plan_command->add_option("scenario", options->paths, "a scenario file")
      ->type_name("FILE")
      ->expected(0, 1);
  add_scenario_options(*plan_command, options->given);
  plan_command->add_flag("--json", options->json, "as JSON");
  plan_command->add_flag("--ops", options->ops,
                         "the ops by name; without a scenario, the kinds of op");
  plan_command->footer(
      "Example:  shardproof plan scenarios/catalog/quickstart.json --json\n"
      "          shardproof plan --model ./my-llama --deepspeed ds_config.json --world 4");
  plan_command->callback([options, &command] {
    const bool kinds = options->ops && options->paths.empty() && options->given.model.empty();
    if (!kinds) expect_scenario("plan", options->paths, options->given);
    command = [options, kinds] {
      if (!kinds) return plan(*options);
      fmt::print("{}", print_ops());
      return 0;
    };
  });
}

// ---- init

int init(const std::string& path) {
  if (fs::exists(path)) throw ScenarioError(path + ": is there already: name another file");
  write_text(path, scenario_template());
  fmt::print("{}: a scenario to change; shardproof run {} runs it as it is\n", path, path);
  return 0;
}

void add_init(CLI::App& app, Command& command) {
  const auto path = std::make_shared<std::string>("scenario.json");
  CLI::App* init_command = app.add_subcommand("init", "write a scenario with comments");
  init_command->add_option("file", *path, "where")->type_name("FILE")->capture_default_str();
  init_command->footer("Example:  shardproof init mine.json");
  init_command->callback([path, &command] { command = [path] { return init(*path); }; });
}

// ---- compare

// A folder of results stands for its real execution, or its simulated one.
std::string trace_folder(const std::string& path) {
  for (const Execution execution : {Execution::real, Execution::sim})
    if (const std::string folder = path + "/" + name_of(execution); fs::is_directory(folder))
      return folder;
  return path;
}

struct CompareOptions {
  std::string a, b, report;
  bool json = false;
};

int compare(const CompareOptions& options) {
  const reports::TraceComparison comparison =
      reports::compare_traces(trace_folder(options.a), trace_folder(options.b));
  if (!options.report.empty()) write_text(options.report, reports::comparison_html(comparison));
  std::cout << (options.json ? reports::comparison_json(comparison)
                             : reports::comparison_text(comparison));
  return comparison.exit_code();
}

void add_compare(CLI::App& app, Command& command) {
  const auto options = std::make_shared<CompareOptions>();
  CLI::App* compare_command = app.add_subcommand(
      "compare",
      "two traces of one model, also of different world sizes: does rounding explain it?");
  compare_command->add_option("a", options->a, "a folder of results, or of rank-*.h5")
      ->type_name("FOLDER")
      ->required();
  compare_command->add_option("b", options->b, "another")->type_name("FOLDER")->required();
  compare_command->add_flag("--json", options->json, "as JSON");
  compare_command->add_option("--report", options->report, "a page to write, e.g. compare.html")
      ->type_name("FILE");
  compare_command->footer("Example:  shardproof compare results/tp2/real results/tp4/real");
  compare_command->callback(
      [options, &command] { command = [options] { return compare(*options); }; });
}

// ---- repartition, consolidate

struct RepartitionOptions {
  std::string checkpoint, out;
  OtherGrid grid;
  bool force = false;
};

// What was written was read again, by other code, and was not what it was made of.
struct WrittenWrongly : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void expect_right(const std::string& out, const std::string& problem) {
  if (!problem.empty())
    throw WrittenWrongly(out + ": was written wrongly, and not put in place: " + problem);
}

int repartition_checkpoint(const RepartitionOptions& options) {
  ToolProgress progress("repartition", options.out + " is as it was");
  const Checkpoint checkpoint(options.checkpoint);
  const Scenario scenario = scenario_on(checkpoint, options.grid);
  expect_output_place(checkpoint, options.out, options.force, /*whole_state=*/true);
  const auto still = [&] { progress.report(1, 1); };
  repartition(
      checkpoint, real::checked_program(scenario), origin_of(scenario), options.out,
      [&](std::int64_t done, std::int64_t total) { progress.report(done, total); },
      [&](const std::string& written) {
        expect_right(options.out, reports::repartition_problem(options.checkpoint, written, still));
      });
  progress.clear();
  fmt::print("{}: {} tensors after {} steps, for tp {} x dp {}, ZeRO {}\n", options.out,
             checkpoint.tensors().size(), checkpoint.origin().steps_done,
             scenario.parallel.tensor_parallel, scenario.data_parallel(),
             scenario.parallel.zero_stage);
  return 0;
}

void add_repartition(CLI::App& app, Command& command) {
  const auto options = std::make_shared<RepartitionOptions>();
  CLI::App* repartition_command =
      app.add_subcommand("repartition", "a checkpoint for another grid or ZeRO stage");
  repartition_command
      ->add_option("checkpoint", options->checkpoint, "a folder that a run has saved")
      ->type_name("FOLDER")
      ->required();
  repartition_command->add_option("--tp", options->grid.tp,
                                  "tensor-parallel ranks; absent: as before");
  repartition_command->add_option("--dp", options->grid.dp, "replicas");
  repartition_command->add_option("--zero", options->grid.zero, "the ZeRO stage");
  repartition_command->add_option("--override", options->grid.overrides,
                                  "change the scenario, e.g. uneven=true");
  repartition_command->add_option("--out", options->out, "where the new checkpoint goes")
      ->type_name("FOLDER")
      ->required();
  repartition_command->add_flag("--force", options->force, "replace what is there");
  repartition_command->footer("Example:  shardproof repartition step-000100 --tp 4 --dp 2 --out b");
  repartition_command->callback(
      [options, &command] { command = [options] { return repartition_checkpoint(*options); }; });
}

int consolidate(const std::string& path, const std::string& out, bool force) {
  ToolProgress progress("consolidate", out + " is as it was");
  const Checkpoint checkpoint(path);
  expect_output_place(checkpoint, out, force, /*whole_state=*/false);
  const auto still = [&] { progress.report(1, 1); };
  write_consolidated(
      checkpoint, out, [&](std::int64_t done, std::int64_t total) { progress.report(done, total); },
      [&](const std::string& written) {
        expect_right(out, reports::consolidation_problem(path, written, still));
      });
  progress.clear();
  fmt::print("{}: the weights after {} steps\n", out, checkpoint.origin().steps_done);
  return 0;
}

void add_consolidate(CLI::App& app, Command& command) {
  struct Options {
    std::string checkpoint, out;
    bool force = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* consolidate_command =
      app.add_subcommand("consolidate", "a checkpoint's weights as one safetensors file");
  consolidate_command
      ->add_option("checkpoint", options->checkpoint, "a folder that a run has saved")
      ->type_name("FOLDER")
      ->required();
  consolidate_command->add_option("--out", options->out, "the file, with Hugging Face names")
      ->type_name("FILE")
      ->required();
  consolidate_command->add_flag("--force", options->force, "replace the file if it is there");
  consolidate_command->footer(
      "Example:  shardproof consolidate step-000100 --out model.safetensors");
  consolidate_command->callback([options, &command] {
    command = [options] { return consolidate(options->checkpoint, options->out, options->force); };
  });
}

// ---- results

struct ResultsOptions {
  std::string folder = "shardproof-results";
  bool json = false;
};

int results(const ResultsOptions& options) {
  const std::vector<ListedResults> all = list_results(options.folder);
  std::cout << (options.json
                    ? reports::results_json(all, options.folder)
                    : coloured_table(reports::results_text(all, options.folder, stdout_columns())));
  return 0;
}

void add_results(CLI::App& app, Command& command) {
  const auto options = std::make_shared<ResultsOptions>();
  CLI::App* results_command = app.add_subcommand(
      "results", "what lies in a folder of results: verdicts, sizes, what stopped runs have left");
  results_command->add_option("folder", options->folder, "where runs put their results")
      ->type_name("FOLDER")
      ->capture_default_str();
  results_command->add_flag("--json", options->json, "as JSON");
  results_command->footer("Example:  shardproof results shardproof-results");
  results_command->callback(
      [options, &command] { command = [options] { return results(*options); }; });
}

// ---- faults

int faults(const reports::FaultOptions& options) {
  const auto scores = reports::run_faults(options, {this_program(), checked_input});
  return std::ranges::all_of(scores, &reports::FaultScore::holds) ? 0 : 1;
}

void add_faults(CLI::App& app, Command& command) {
  const auto options = std::make_shared<reports::FaultOptions>();
  CLI::App* faults_command = app.add_subcommand(
      "faults", "plants real bugs, and says what of each was found and what was missed");
  faults_command
      ->add_option("id", options->ids, "faults of the catalog, or their files (default: all)")
      ->type_name("ID");
  faults_command->add_option("--catalog", options->catalog, "the folder of fault files")
      ->type_name("FOLDER")
      ->capture_default_str();
  faults_command->add_option("--out", options->out, "where faults.json, faults.html and runs go")
      ->type_name("FOLDER")
      ->capture_default_str();
  faults_command
      ->add_option("--jobs", options->jobs, "runs at once (default: as many as processors)")
      ->check(CLI::Range(1, 1'000));
  faults_command->add_flag("--real", options->real, "in real, too, what sim shows");
  faults_command->add_flag("--magnitudes", options->magnitudes,
                           "search the smallest factor that is seen, of faults that scale");
  faults_command->footer(
      "Exit codes: 0 everything was found as the files expect, 1 something was not.\n"
      "Example:  shardproof faults column-backward-not-reduced --out /tmp/faults");
  faults_command->callback([options, faults_command, &command] {
    std::vector<std::string> words{"shardproof", "faults"};
    for (const std::string& word : words_for_each(*faults_command)) words.push_back(word);
    words.insert(words.end(), options->ids.begin(), options->ids.end());
    options->command = shell_command(words);
    command = [options] { return faults(*options); };
  });
}

// ---- manual

// What --override takes is a key of some config; these have values of a closed list.
std::vector<std::string> common_overrides() {
  std::vector<std::string> overrides;
  for (const char* dtype : {"bf16", "fp16"})
    for (const char* value : {"true", "false"})
      overrides.push_back(std::string(dtype) + ".enabled=" + value);
  for (const std::string& preset : preset_names())
    overrides.push_back("tensor_parallel.preset_model=" + preset);
  for (const char* stage : {"0", "1", "2"})
    overrides.push_back(std::string("zero_optimization.stage=") + stage);
  return overrides;
}

void add_manual(CLI::App& app, Command& command) {
  const auto form = std::make_shared<std::string>();
  CLI::App* manual_command = app.add_subcommand("manual", "what is installed beside it")->group("");
  manual_command->add_option("form", *form)->required()->check(CLI::IsMember({"man", "bash"}));
  manual_command->callback([form, &app, &command] {
    command = [form, &app] {
      const auto table = reports::command_table(app, {{"--override", common_overrides()}});
      std::cout << (*form == "man" ? reports::man_page(table, collect_provenance()["version"])
                                   : reports::bash_completion(table));
      return 0;
    };
  });
}

// ---- --version

std::string versions() {
  std::map<std::string, std::string> all = collect_provenance();
  all.merge(real::cuda_versions());
  all.merge(real::engine_versions());
  std::string text = "shardproof " + all["version"] + "\n";
  for (const auto& [name, value] : all)
    if (name != "version") text += fmt::format("  {:<20} {}\n", name, value);
  return text;
}

/// The commands in the order of --help; hidden are those that `run` or the build starts.
constexpr void (*commands[])(CLI::App&, Command&) = {
    add_run,  add_plan,   add_init,     add_compare, add_judge,  add_repartition, add_consolidate,
    add_fuzz, add_faults, add_minimize, add_results, add_manual, add_execute};

// What an error of a command is told as, and its exit code.
int run_command(const Command& command) {
  try {
    return command();
  } catch (const ScenarioError& error) {
    fmt::print(stderr, "shardproof: {}\n", error.what());
    return 2;
  } catch (const Interrupted& interrupted) {
    fmt::print(stderr, "shardproof: {}\n", interrupted.what());
    return interrupted.exit_code();
  } catch (const fs::filesystem_error& error) {
    fmt::print(stderr, "shardproof: {}: {}\n", error.path1().string(), error.code().message());
    return error.code() == std::errc::filename_too_long ? 2 : 3;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "shardproof: out of memory\n");
    return 3;
  } catch (const WrittenWrongly& error) {
    fmt::print(stderr, "shardproof: {}\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "shardproof: {}\n", error.what());
    return 3;
  }
}

}  // namespace
}  // namespace shardproof

int main(int argc, char** argv) {
  using namespace shardproof;
  std::signal(SIGXFSZ, SIG_IGN);  // a file that is too large is an error of its writer, in words
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
  Command command = [&] {
    std::cout << (version ? versions() : app.help());
    return 0;
  };
  for (const auto add : commands) add(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return run_command(command);
}

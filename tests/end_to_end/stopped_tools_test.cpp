// `consolidate` and `repartition` say how far they are, and stopped they leave what was there;
// `minimize` leaves what it has.
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "scenarios/checkpoint/checkpoint.hpp"
#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/files/text_file.hpp"
#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Of 24 MiB of weights: long enough to be stopped on the way.
class Saved {
 public:
  Saved() {
    write_text(folder_ / "s.json", R"({"name": "large", "model": {"config": {
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 49152,
        "max_position_embeddings": 32}},
      "deepspeed": {"train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 1},
        "optimizer": {"type": "AdamW", "params": {"lr": 0.001}},
        "tensor_parallel": {"autotp_size": 2}},
      "world": 2, "data": {"generated": true, "sequence": 4}, "executions": ["sim"],
      "trace": {"tier": "off"}, "checkpoint": {"save_after": [1]}})");
    const ProgramResult saved =
        run_program({SHARDPROOF, "execute", "sim", folder_ / "s.json", folder_ / "sim"});
    BOOST_REQUIRE_MESSAGE(saved.exit_code == 0, saved.err);
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  std::string checkpoint() const { return checkpoint_path(folder_ / "sim", 1); }
  std::vector<std::string> command(const std::string& tool, const std::string& out) const {
    if (tool == "consolidate") return {SHARDPROOF, tool, checkpoint(), "--out", out, "--force"};
    return {SHARDPROOF, tool, checkpoint(), "--tp", "1", "--dp", "2", "--out", out, "--force"};
  }

 private:
  TemporaryFolder folder_;
};

void become(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

// Starts it, and sends the signal when `part` is there, which is what it writes first.
int stopped_by(int signal, const std::vector<std::string>& words, const std::string& part,
               const std::string& errors) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (std::freopen(errors.c_str(), "w", stderr) == nullptr) ::_exit(126);
    become(words);
  }
  int status = 0;
  while (!files::exists(part))
    if (::waitpid(child, &status, WNOHANG) == child) return WEXITSTATUS(status);
  ::kill(child, signal);
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// On a terminal of 60 columns.
std::string shown_on_a_terminal(const std::vector<std::string>& words) {
  int terminal = -1;
  const winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    ::setenv("TERM", "xterm", 1);
    become(words);
  }
  std::string shown;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(terminal, buffer, sizeof buffer)) > 0;)
    shown.append(buffer, static_cast<std::size_t>(got));
  ::waitpid(child, nullptr, 0);
  ::close(terminal);
  return shown;
}

}  // namespace

BOOST_AUTO_TEST_CASE(stopped_they_leave_what_was_there_and_nothing_else) {
  const Saved saved;
  const std::string errors = saved / "err";
  BOOST_REQUIRE(run_program(saved.command("consolidate", saved / "first")).exit_code == 0);
  const std::string weights = read_text(saved / "first");
  for (const std::string& tool : {std::string("consolidate"), std::string("repartition")})
    for (const int signal : {SIGINT, SIGTERM}) BOOST_TEST_CONTEXT(tool << " " << signal) {
        const std::string out = saved / (tool == "consolidate" ? "w.safetensors" : "other");
        BOOST_REQUIRE(run_program(saved.command(tool, out)).exit_code == 0);
        int exit_code = 0;
        // It may come to its end before the signal: then once more.
        for (int attempt = 0; attempt < 50 && exit_code == 0; ++attempt)
          exit_code = stopped_by(signal, saved.command(tool, out), out + ".part", errors);
        BOOST_TEST(exit_code == 128 + signal);
        const std::string said = read_text(errors);
        BOOST_TEST(has(said, "shardproof: interrupted by signal " + std::to_string(signal)), said);
        BOOST_TEST(has(said, out + " is as it was"), said);
        BOOST_TEST(!files::exists(out + ".part"));
        BOOST_TEST(!files::exists(out + ".old"));
        if (tool == "repartition") Checkpoint(out).check_all();
        if (tool == "consolidate") BOOST_TEST((read_text(out) == weights));
      }
}

BOOST_AUTO_TEST_CASE(minimize_leaves_the_smallest_so_far) {
  const TemporaryFolder folder;
  JsonValue scenario = simulated(sweep_json("llama-tp2-dp2-zero2-bf16"));
  scenario.set("inject", parse_json(R"([{"edit": "drop",
      "op": "model.layers.1.mlp.down_proj/forward/all_reduce"}])",
                                    "inject"));
  write_text(folder / "s.json", write_json(scenario));
  const std::string out = folder / "small.json", errors = folder / "err";

  const int exit_code =
      stopped_by(SIGINT, {SHARDPROOF, "minimize", folder / "s.json", "--out", out}, out, errors);

  BOOST_TEST(exit_code == 130);
  BOOST_TEST(has(read_text(errors), "minimize: " + out + " has the smallest so far"),
             read_text(errors));
  BOOST_TEST(read_json(out).find("inject")->elements.size() == 1);
  for (const auto& left : files::directory_iterator(folder.path()))
    BOOST_TEST((left.path() == out || left.path() == errors || left.path() == folder / "s.json"),
               left.path());
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_leaves_nothing_of_them) {
  const Saved saved;
  for (const std::string& tool : {std::string("consolidate"), std::string("repartition")}) {
    std::vector<std::string> command = saved.command(tool, saved / tool);
    command.insert(command.begin(), {"sh", "-c", "ulimit -f 2000 && exec \"$@\"", "sh"});
    const ProgramResult ended = run_program(command);
    BOOST_TEST(ended.exit_code == 3, ended.err);
    BOOST_TEST(has(ended.err,
                   "cannot be written: File too large; the file has 1000.0 KiB; ulimit "
                   "-f allows 1000.0 KiB"),
               ended.err);
    BOOST_TEST(!files::exists(saved / tool));
    BOOST_TEST(!files::exists(saved / (tool + ".part")));
  }
}

BOOST_AUTO_TEST_CASE(they_show_how_far_they_are) {
  const Saved saved;
  for (const std::string& tool : {std::string("consolidate"), std::string("repartition")})
    BOOST_TEST_CONTEXT(tool) {
      const ProgramResult logged = run_program(saved.command(tool, saved / (tool + ".log")));
      BOOST_TEST(logged.exit_code == 0, logged.err);
      for (const char* tenth : {"(0 %)", "(50 %)", "(100 %)"})
        BOOST_TEST(has(logged.err, tenth), tenth << " of " << logged.err);
      const auto lines = std::ranges::count(logged.err, '\n');
      BOOST_TEST((10 <= lines && lines <= 12), logged.err);

      const std::string shown =
          shown_on_a_terminal(saved.command(tool, saved / (tool + ".terminal")));
      BOOST_TEST(has(shown, "\r\033[K" + tool + " [#####.....] MiB "), shown);
      BOOST_TEST(has(shown, "\r\033[K" + (saved / (tool + ".terminal: "))), shown);
    }
}

}  // namespace shardproof::tests

// What the machine allows: memory of a process, sizes of files, space on a disk. A run that cannot
// fit is refused before it starts, and one that finds out later says where, and how large.
#include <sys/mount.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <map>

#include "scenarios/files/text_file.hpp"
#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

JsonValue small(int steps = 1) {
  return parse_json(R"({"name": "small", "model": {"config": {"model_type": "llama",
      "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1,
      "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 32,
      "max_position_embeddings": 32}},
    "deepspeed": {"train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 1},
      "optimizer": {"type": "AdamW", "params": {"lr": 0.001}},
      "tensor_parallel": {"autotp_size": 2}},
    "world": 2, "data": {"generated": true, "sequence": 8}})",
                    "limits")
      .set("steps", steps);
}

JsonValue simulated_alone(JsonValue scenario) {
  return scenario.set("executions", parse_json(R"(["sim"])", "executions"));
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A folder with a scenario in it, and the program under limits of the shell's `ulimit`.
class Limited {
 public:
  explicit Limited(const JsonValue& scenario) {
    write_text(folder_ / "s.json", write_json(scenario, 2));
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

  ProgramResult operator()(const std::string& limits, std::vector<std::string> words) const {
    std::vector<std::string> command{"sh", "-c", limits + " && exec timeout 100 \"$@\"", "sh",
                                     SHARDPROOF};
    command.insert(command.end(), words.begin(), words.end());
    return run_program(command, folder_.path().string());
  }

 private:
  TemporaryFolder folder_;
};

// The KiB of a refusal: "needs about 464.9 MiB".
long needed_kib(const std::string& refusal) {
  const std::string before = "needs about ";
  const auto at = refusal.find(before);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos && has(refusal, " MiB of "), refusal);
  return std::lround(std::ceil((std::stod(refusal.substr(at + before.size())) + 0.1) * 1024));
}

// A file system of so many KiB. Where it may not be mounted, there is none.
class SmallDisk {
 public:
  SmallDisk(const std::string& path, long kib) : path_(path) {
    files::create_directories(path);
    const std::string size = "size=" + std::to_string(kib) + "k";
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, size.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_run_that_a_limit_of_the_process_stops_is_refused_and_one_that_fits_passes) {
  const Limited run(small());
  const std::map<std::string, std::string> needing_most{{"-v", "a rank of real"},
                                                        {"-d", "the judge"}};
  for (const auto& [kind, who] : needing_most) BOOST_TEST_CONTEXT("ulimit " << kind) {
      const ProgramResult refused =
          run("ulimit " + kind + " 131072", {"run", "s.json", "--out", "out"});
      BOOST_TEST(refused.exit_code == 2, refused.err);
      for (const std::string& words :
           {who + " needs about ", "ulimit " + kind + " allows each process 128.0 MiB",
            "raise it (ulimit " + kind + " unlimited)"})
        BOOST_TEST(has(refused.err, words), refused.err);
      BOOST_TEST(!files::exists(run / "out"));

      const std::string enough = "ulimit " + kind + " " + std::to_string(needed_kib(refused.err));
      const ProgramResult passed = run(enough, {"run", "s.json", "--out", "out", "--quiet"});
      BOOST_TEST(passed.exit_code == 0, enough << passed.err << passed.out);
      files::remove_all(run / "out");
    }
}

BOOST_AUTO_TEST_CASE(a_process_that_has_no_room_for_openblas_ends_and_says_so) {
  const Limited run(small());
  BOOST_REQUIRE(run("true", {"run", "s.json", "--out", "out", "--quiet"}).exit_code == 0);
  const std::string scenario = "out/small/scenario.json";
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"execute", "reference", scenario, "a"},
                                             {"execute", "sim", scenario, "b"},
                                             {"judge", "out/small"}}) {
    const ProgramResult ended = run("ulimit -v 180000", words);
    BOOST_TEST(ended.exit_code == 3, words[1] << ended.err);
    BOOST_TEST(has(ended.err, "OpenBLAS needs 128.0 MiB of memory for its work space"), ended.err);
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_grows_too_large_is_named_with_its_size) {
  const Limited run(simulated_alone(small()));
  const ProgramResult ended = run("ulimit -f 400", {"run", "s.json", "--out", "out"});
  BOOST_TEST(ended.exit_code == 3, ended.err);
  const std::string text = ended.err + ended.out;
  for (const char* words :
       {"sim exited with 3", "/rank-0000", ".h5.part: cannot be written: File too large",
        "the file has ", "ulimit -f allows 200.0 KiB"})
    BOOST_TEST(has(text, words), text);
  BOOST_TEST(!has(text, "signal"), text);

  // A page, too.
  BOOST_REQUIRE(run("true", {"run", "s.json", "--out", "whole", "--quiet"}).exit_code == 0);
  const ProgramResult judged = run("ulimit -f 16", {"judge", "whole/small"});
  BOOST_TEST(judged.exit_code == 3, judged.err);
  BOOST_TEST(has(judged.err,
                 "whole/small/report.html: cannot be written: File too large; the file "
                 "has 8.0 KiB; ulimit -f allows 8.0 KiB"),
             judged.err);
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_full_is_named_with_the_execution_and_the_size_of_the_file) {
  const Limited run(simulated_alone(small(4)));
  std::string refusal;
  {
    const SmallDisk disk(run / "disk", 64);
    if (!disk.is_mounted()) {
      BOOST_TEST_MESSAGE("skipped: no file system can be mounted here");
      return;
    }
    const ProgramResult refused = run("true", {"run", "s.json", "--out", "disk/out"});
    BOOST_TEST(refused.exit_code == 2, refused.err);
    refusal = refused.err;
  }
  // What the plan counts are the tensors; what HDF5 keeps beside them finds no room.
  constexpr long kept = 1024;  // for the verdict
  const auto at = refusal.find("the run writes ");
  BOOST_REQUIRE_MESSAGE(at != std::string::npos && has(refusal, " KiB, "), refusal);
  const SmallDisk disk(run / "disk", kept + std::lround(std::stod(refusal.substr(at + 15))) + 40);
  const ProgramResult ended = run("true", {"run", "s.json", "--out", "disk/out"});
  BOOST_TEST(ended.exit_code == 3, ended.err);
  const std::string text = ended.err + ended.out;
  for (const char* words :
       {"sim exited with 3", "/rank-0000", ".h5.part: cannot be written: No space left on device",
        "the file has ", "0 bytes are left there"})
    BOOST_TEST(has(text, words), text);
  BOOST_TEST(!has(text, "signal"), text);
}

}  // namespace shardproof::tests

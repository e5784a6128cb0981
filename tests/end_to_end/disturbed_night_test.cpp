// A night of eight scenarios in which one crashes, one hangs, one meets a full disk, one is
// malformed and one diverges: it ends by itself, its table is right, and no verdict of the night
// before is lost.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <fstream>
#include <thread>

#include "scenarios/files/text_file.hpp"
#include "scenarios/pulse.hpp"
#include "tests/end_to_end/night.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

// A file system of 192 MiB in a folder, where that is allowed.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    files::create_directories(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=192m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return mounted_; }
  /// Takes all the room there is.
  void fill() const {
    const int file = ::open((path_ + "/filler").c_str(), O_WRONLY | O_CREAT, 0600);
    const std::vector<char> block(4096);
    while (::write(file, block.data(), block.size()) > 0) {
    }
    ::close(file);
  }
  void make_room() const { files::remove(path_ + "/filler"); }

 private:
  std::string path_;
  bool mounted_ = false;
};

// 0 if there is none yet.
pid_t process_with(const std::string& words) {
  for (const auto& entry : files::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    std::string command{std::istreambuf_iterator<char>(file), {}};
    std::ranges::replace(command, '\0', ' ');
    if (command.find(words) != std::string::npos) return std::stoi(entry.path().filename());
  }
  return 0;
}

// Does something as soon as it can be done; looks for that all the time.
class AsSoonAs {
 public:
  explicit AsSoonAs(std::function<bool()> try_it)
      : thread_([try_it = std::move(try_it)](const std::stop_token& stop) {
          while (!stop.stop_requested() && !try_it())
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_disturbed_night_ends_by_itself_and_loses_nothing) {
  const Night night;
  const SmallDisk disk(night / "out");
  BOOST_WARN_MESSAGE(disk.is_mounted(), "no file system can be mounted: no disk becomes full");
  const auto long_one = [](const std::string& name) { return small(name).set("steps", 150); };
  const JsonValue real = parse_json(R"(["real"])", "executions");
  JsonValue diverges = small("diverges"), skips = small("skips");
  diverges.set("inject", parse_json(R"([{"edit": "scale", "factor": 2,
      "op": "model.layers.0.mlp.down_proj/forward/matmul"}])",
                                    "inject"));
  skips.find("deepspeed")
      ->set("fp16", parse_json(R"({"enabled": true, "initial_scale_power": 40})", "fp16"));

  // The night before all was well.
  for (const char* name : {"crashes", "hangs", "full"}) night.add(name, small(name));
  const ProgramResult before = night.run({"run", "s", "--out", night / "out", "--quiet"});
  BOOST_REQUIRE_MESSAGE(before.exit_code == 0, before.err << before.out);

  night.add("a", small("first"));
  night.add("b", diverges);
  write_text(night / "s/c.json", "{\"name\": ");
  night.add("crashes", long_one("crashes"));
  night.add("d", skips);
  night.add("e", small("second"));
  night.add("hangs", long_one("hangs").set("executions", real));
  files::rename(night / "s/full.json", night / "s/z.json");
  night.add("z", long_one("full"));
  if (!disk.is_mounted()) files::remove(night / "s/z.json");

  const AsSoonAs crash([&] {
    const pid_t sim = process_with("execute sim " + (night / "out/crashes.part"));
    return sim != 0 && ::kill(sim, SIGKILL) == 0;
  });
  const AsSoonAs hang([&] {
    for (const PulseRecord& pulse : read_pulses(night / "out/hangs.part/pulse/real"))
      if (pulse.who == "rank 1" && (pulse.doing == Doing::working || pulse.doing == Doing::waiting))
        return ::kill(static_cast<pid_t>(pulse.process), SIGSTOP) == 0;
    return false;
  });
  const AsSoonAs full([&] {
    if (!disk.is_mounted() || !files::exists(night / "out/full.part/sim/rank-00000.h5.part"))
      return false;
    disk.fill();
    return true;
  });
  const ProgramResult run = night.run(
      {"run", "s", "--out", night / "out", "--quiet", "--stall", "5", "--timeout", "120"});

  disk.make_room();
  BOOST_TEST(run.exit_code == 1, run.err << run.out);
  const auto says = [&](const std::string& text) {
    BOOST_TEST(has(run.out + run.err, text), text << "\n" << run.err << run.out);
  };
  says(disk.is_mounted() ? "8 scenarios: 2 pass, 1 fail, 2 unknown, 3 error\n"
                         : "7 scenarios: 2 pass, 1 fail, 2 unknown, 2 error\n");
  says("crashes: sim was killed by signal 9");
  says("hangs: real was stopped: no progress for ");
  says("rank 1 is stopped by a signal at step ");
  says("rank 0 waits at step ");
  says("s/c.json");
  if (disk.is_mounted()) says("o space left on device");
  for (const char* name : {"crashes", "hangs", "full"})
    BOOST_TEST(night.exit_code_of(name) == 0, name);
  // Nobody of the night is left behind.
  BOOST_TEST(process_with(night / "out") == 0);
}

}  // namespace shardproof::tests

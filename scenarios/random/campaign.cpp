#include "scenarios/random/campaign.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>

#include "scenarios/driver/supervisor.hpp"
#include "scenarios/driver/tool_progress.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/random/minimize_file.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

// What lies there already would be taken for this campaign's.
void tell_of_earlier(const std::string& out) {
  int kept = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(out)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("seed-") && name.ends_with(".json") && !name.ends_with(".small.json"))
      ++kept;
  }
  if (kept > 0)
    fmt::print(stderr,
               "shardproof: note: {}: {} scenario{} (seed-*.json) of earlier campaigns; they stay, "
               "but for a seed that ends wrongly again\n",
               out, kept, kept == 1 ? "" : "s");
}

class Campaign {
 public:
  Campaign(const CampaignOptions& options, const Laboratory& laboratory)
      : options_(options), laboratory_(laboratory) {}

  /// `still` is called before each run.
  void draw(std::uint64_t seed, const std::function<void()>& still) {
    const Draw draw =
        options_.faulty ? draw_faulty(seed, laboratory_) : draw_clean(seed, laboratory_);
    ++counts_[draw.result];
    if (draw.result != Draw::Result::wrong) return;
    fmt::print("WRONG {}\n", text_of(draw));
    std::fflush(stdout);
    wrong_.append(JsonValue::object().set("seed", draw.seed).set("text", text_of(draw)));
    keep(draw, still);
  }

  /// What it has shown so far.
  void tell() const {
    const int without = of(Draw::Result::without_effect);
    const std::uint64_t next = options_.seed + static_cast<std::uint64_t>(seeds());
    fmt::print("fuzz: {} seeds from {} on{}: {} right, {} wrong{}; the next is {}\n", seeds(),
               options_.seed, options_.faulty ? ", each with a defect" : "",
               of(Draw::Result::right), wrong(),
               without == 0 ? "" : fmt::format(", {} defects without effect", without), next);
    const JsonValue json = JsonValue::object()
                               .set("seed", options_.seed)
                               .set("next_seed", next)
                               .set("faulty", options_.faulty)
                               .set("real", options_.real)
                               .set("right", of(Draw::Result::right))
                               .set("without_effect", without)
                               .set("wrong", wrong_);
    write_text(options_.out + "/fuzz.json", write_json(json, 2) + "\n");
  }

  int wrong() const { return of(Draw::Result::wrong); }

 private:
  // The scenario as it was drawn, with what it goes on from, and made smaller where it ends without
  // a pass: a pass has no way in which it fails.
  void keep(Draw draw, const std::function<void()>& still) const {
    const std::string file = options_.out + "/seed-" + std::to_string(draw.seed);
    JsonValue* resume = draw.scenario.find("resume");
    if (resume != nullptr && fs::exists(resume->text)) {
      const std::string kept = file + ".before";
      fs::remove_all(kept);
      fs::copy(resume->text, kept, fs::copy_options::recursive);
      *resume = fs::absolute(kept).lexically_normal().string();
    }
    write_text(file + ".json", write_json(draw.scenario, 2) + "\n");
    fs::remove(file + ".small.json");  // of an earlier campaign
    if (options_.runs == 0 || draw.outcome.is_pass()) return;
    minimize_into(file + ".small.json", draw.scenario, laboratory_.run, options_.runs, still);
  }

  int seeds() const {
    int all = 0;
    for (const auto& [result, count] : counts_) all += count;
    return all;
  }
  int of(Draw::Result result) const {
    const auto found = counts_.find(result);
    return found == counts_.end() ? 0 : found->second;
  }

  const CampaignOptions& options_;
  const Laboratory& laboratory_;
  std::map<Draw::Result, int> counts_;
  JsonValue wrong_ = JsonValue::array();
};

}  // namespace

int run_campaign(const CampaignOptions& options, const Laboratory& laboratory) {
  tell_of_earlier(options.out);
  Campaign campaign(options, laboratory);
  ToolProgress progress("fuzz", "what was found lies in " + options.out, {"seed", 0});
  try {
    for (int i = 0; i < options.count; ++i) {
      const auto still = [&] { progress.report(i, options.count); };
      still();
      campaign.draw(options.seed + static_cast<std::uint64_t>(i), still);
    }
  } catch (const Interrupted&) {
    progress.clear();
    campaign.tell();
    throw;
  }
  progress.clear();
  campaign.tell();
  return campaign.wrong();
}

}  // namespace shardproof

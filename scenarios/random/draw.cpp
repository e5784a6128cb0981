#include "scenarios/random/draw.hpp"

namespace shardproof {

namespace {

const char* word(Deserved deserved) { return deserved == Deserved::pass ? "pass" : "unknown"; }

// The defects that a program can have follow from what was drawn.
struct Faulty {
  JsonValue scenario;
  RandomDefect defect;
};

// Another scenario for as long as the one that was drawn can have no such defect.
Faulty faulty_scenario(std::uint64_t seed, const Laboratory& laboratory) {
  for (std::uint64_t attempt = 0;; ++attempt) {
    const std::uint64_t drawn = seed + (attempt << 32);
    const RandomScenario random = random_scenario(drawn);
    const bool trains = random.scenario.find("mode") == nullptr;
    if (!trains || random.before || random.deserved != Deserved::pass) continue;
    const auto defect = random_defect(laboratory.lower(random.scenario), drawn);
    if (!defect) continue;
    JsonValue scenario = laboratory.adapted(random.scenario);
    scenario.set("inject", JsonValue::array().append(defect->edit));
    return {std::move(scenario), *defect};
  }
}

}  // namespace

Draw draw_clean(std::uint64_t seed, const Laboratory& laboratory) {
  const RandomScenario random = random_scenario(seed);
  Draw draw{
      seed, laboratory.adapted(random.scenario), {}, Draw::Result::right, word(random.deserved)};
  if (random.before) draw.scenario.set("resume", laboratory.save(*random.before));
  draw.outcome = laboratory.run(draw.scenario);
  if (draw.outcome.verdict != draw.expected) draw.result = Draw::Result::wrong;
  return draw;
}

Draw draw_faulty(std::uint64_t seed, const Laboratory& laboratory) {
  Faulty faulty = faulty_scenario(seed, laboratory);
  Draw draw{
      seed, std::move(faulty.scenario), {}, Draw::Result::right, "fail at " + faulty.defect.op};
  draw.outcome = laboratory.run(draw.scenario);
  if (draw.outcome.is_pass() && !laboratory.has_effect(draw.scenario))
    draw.result = Draw::Result::without_effect;
  else if (draw.outcome.verdict != "fail" || !faulty.defect.is_at(draw.outcome.op))
    draw.result = Draw::Result::wrong;
  return draw;
}

std::string text_of(const Draw& draw) {
  std::string text = "seed " + std::to_string(draw.seed) + " " + draw.scenario.find("name")->text +
                     ": " + draw.outcome.verdict;
  if (!draw.outcome.op.empty()) text += " at " + draw.outcome.op;
  text += ", expected " + draw.expected;
  return draw.outcome.sentence.empty() ? text : text + ": " + draw.outcome.sentence;
}

}  // namespace shardproof

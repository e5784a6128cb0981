#include "scenarios/driver/prepared_run.hpp"

#include "scenarios/errors.hpp"
#include "scenarios/precision/shadow.hpp"
#include "scenarios/processors.hpp"

namespace shardproof {

PreparedRun prepare(const Scenario& scenario, const Accounts& accounts,
                    const ReferenceNeeds& reference,
                    const std::function<Program(const Scenario&)>& lower, const std::string& out,
                    const Machine& machine) {
  const auto fitted = [&](const ShadowChoice& choice, const std::optional<ShadowNeeds>& shadow) {
    const Needs needs = run_needs(scenario, accounts, reference, out, shadow);
    return PreparedRun{choice, needs, fit(needs, machine, usable_processors())};
  };
  if (const std::string why = scenario.why_without_shadow(); !why.empty())
    return fitted(without_shadow(why), std::nullopt);
  const Shadow shadow = shadow_of(scenario, lower);
  const Program program = lower(shadow.scenario);
  ShadowChoice choice = choose_shadow(
      scenario, shadow, program,
      {accounts.trace_bytes, scenario.runs(Execution::reference) ? reference.trace_bytes : 0});
  if (!choice.runs) return fitted(choice, std::nullopt);
  try {
    return fitted(choice, ShadowNeeds{shadow.scenario, accounts_of(program)});
  } catch (const ScenarioError& error) {
    if (scenario.shadow) throw;
    choice.runs = false;
    choice.reason = std::string("with it ") + error.what();
    return fitted(choice, std::nullopt);
  }
}

}  // namespace shardproof

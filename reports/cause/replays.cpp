#include "reports/cause/replays.hpp"

#include <algorithm>
#include <cmath>

#include "reports/cause/factors.hpp"
#include "reports/compare/rounding_set.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "reports/units/plan_unit.hpp"
#include "reports/values/ranges.hpp"

namespace shardproof::reports {

namespace {

using reference::UnitAttributes;

// What an argument is called: where it is recorded, or its number.
std::string name_of_argument(const Suspect& suspect, std::size_t i) {
  const Evidence* evidence = suspect.evidence.get();
  if (evidence != nullptr && i < evidence->inputs.size())
    return name_in_folder(evidence->inputs[i]);
  if (suspect.executed != nullptr && i < suspect.executed->reads.size())
    return name_in_folder(suspect.path_of(*suspect.executed->reads[i]));
  return "operand " + std::to_string(i);
}

// A function of full tensors, whose arguments have paths.
bool is_full(const Suspect& suspect) {
  return suspect.evidence != nullptr && suspect.evidence->value < 0;
}

}  // namespace

SharedTensor times(const SharedTensor& tensor, double factor) {
  const std::size_t size = size_bytes(Dtype::fp64);
  const auto make = [tensor, factor, size](std::size_t begin, std::span<std::byte> out) {
    std::vector<double> values = decoded_range(*tensor, static_cast<std::int64_t>(begin / size),
                                               static_cast<std::int64_t>(out.size() / size));
    for (double& value : values) value *= factor;
    encode(Dtype::fp64, values, out);
  };
  const auto bytes = static_cast<std::size_t>(tensor->elements()) * size;
  return tensor_in(Dtype::fp64, tensor->shape(), computed(bytes, make));
}

JudgedUnit with_argument(JudgedUnit unit, std::size_t i, SharedTensor argument) {
  unit.arguments[i] = std::move(argument);
  return unit;
}

std::optional<Cause> other_operand(const Suspect& suspect) {
  if (!suspect.can_be_asked() || !is_full(suspect) || suspect.executed == nullptr)
    return std::nullopt;
  const std::vector<std::string>& inputs = suspect.evidence->inputs;
  const Probe& probe = *suspect.probe;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    for (const AccessRecord* read : suspect.executed->reads) {
      const std::string path = suspect.path_of(*read);
      if (inputs[i] == reference::zero_input || path == inputs[i]) continue;
      const AssembledView other =
          assembled_view(suspect.trace.reader(), path, suspect.divergence.rank);
      if (other.elements == nullptr ||
          other.elements->shape() != probe.unit().arguments[i]->shape())
        continue;
      if (probe.is_explained_by(with_argument(probe.unit(), i, other.elements)))
        return Cause{"another operand", std::nullopt, 1.0,
                     "it was computed from " + name_in_folder(path) + " instead of " +
                         name_in_folder(inputs[i])};
    }
  return std::nullopt;
}

namespace {

struct NumberField {
  const char* name;
  double& (*of)(UnitAttributes&);
};
constexpr NumberField number_fields[] = {
    {"eps", [](UnitAttributes& a) -> double& { return a.eps; }},
    {"offset", [](UnitAttributes& a) -> double& { return a.offset; }},
    {"cap", [](UnitAttributes& a) -> double& { return a.cap; }},
    {"factor", [](UnitAttributes& a) -> double& { return a.factor; }},
    {"weight decay", [](UnitAttributes& a) -> double& { return a.weight_decay; }},
    {"theta", [](UnitAttributes& a) -> double& { return a.frequencies.theta; }},
    {"scale of the scores", [](UnitAttributes& a) -> double& { return a.attention.scale; }},
};
// What an eps may be where no log says.
constexpr double usual_eps[] = {0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-3};

std::optional<Cause> with_number(const Probe& probe, const NumberField& field, double value) {
  JudgedUnit other = probe.unit();
  double& number = field.of(other.attributes);
  if (number == value) return std::nullopt;
  const double expected = number;
  number = value;
  if (!probe.is_explained_by(other)) return std::nullopt;
  char text[120];
  std::snprintf(text, sizeof text, "%s is %g where it must be %g", field.name, value, expected);
  return Cause{std::string("another ") + field.name, value, 1.0, text};
}

}  // namespace

std::optional<Cause> other_number(const Suspect& suspect) {
  if (!suspect.can_be_asked()) return std::nullopt;
  const Probe& probe = *suspect.probe;
  if (is_full(suspect) && suspect.executed != nullptr) {
    const Program& program = suspect.trace.engine()->program(suspect.divergence.rank);
    const auto unit = plan_unit(
        program, *suspect.executed->op, 0, suspect.context.policy, Rank{suspect.divergence.rank},
        suspect.trace.engine()->rows(suspect.divergence.rank, suspect.divergence.moment));
    if (unit && unit->kind == probe.unit().kind) {
      UnitAttributes attributes = unit->attributes;
      for (const NumberField& field : number_fields)
        if (auto cause = with_number(probe, field, field.of(attributes))) return cause;
    }
  }
  if (probe.unit().attributes.eps != 0)
    for (const double eps : usual_eps)
      if (auto cause = with_number(probe, number_fields[0], eps)) return cause;
  return std::nullopt;
}

std::optional<Cause> operand_times(const Suspect& suspect) {
  if (!suspect.can_be_asked()) return std::nullopt;
  const Probe& probe = *suspect.probe;
  if (probe.unit().kind == reference::UnitKind::copy) return std::nullopt;
  std::vector<NamedFactor> factors = named_factors(suspect);
  factors.insert(factors.begin(), {0, "missing"});
  std::vector<double> tried;
  for (const NamedFactor& factor : factors) {
    if (std::ranges::find(tried, factor.value) != tried.end()) continue;
    tried.push_back(factor.value);
    for (std::size_t i = 0; i < probe.unit().arguments.size(); ++i) {
      const SharedTensor& argument = probe.unit().arguments[i];
      if (argument->dtype() == Dtype::int64) continue;
      if (!probe.is_explained_by(with_argument(probe.unit(), i, times(argument, factor.value))))
        continue;
      const std::string name = name_of_argument(suspect, i);
      const std::string names = names_of(factors, factor.value);
      char number[40];
      std::snprintf(number, sizeof number, "%g", factor.value);
      return Cause{factor.value == 0 ? "operand missing" : "factor of an operand", factor.value,
                   1.0,
                   factor.value == 0 ? name + " is missing"
                                     : name + " went in times " + number + " (" + names + ")"};
    }
  }
  return std::nullopt;
}

std::optional<Cause> applied_twice(const Suspect& suspect) {
  if (!suspect.can_be_asked()) return std::nullopt;
  const Probe& probe = *suspect.probe;
  const JudgedUnit& unit = probe.unit();
  constexpr std::int64_t most_elements = 1 << 18;
  if (unit.kind == reference::UnitKind::copy || unit.arguments.empty() ||
      unit.arguments[0]->shape() != unit.result->shape() || unit.result->elements() > most_elements)
    return std::nullopt;
  const Probe whole(unit, suspect.evidence->first_failed, [](std::int64_t place) { return place; });
  if (!whole.numbers().are_all) return std::nullopt;
  std::vector<double> once = whole.numbers().value;
  round_all(whole.numbers().storage, once);
  Bytes bytes(once.size() * size_bytes(Dtype::fp64));
  encode(Dtype::fp64, once, bytes);
  const SharedTensor operand =
      tensor_in(Dtype::fp64, unit.arguments[0]->shape(), in_memory(std::move(bytes)));
  if (!probe.is_explained_by(with_argument(unit, 0, operand))) return std::nullopt;
  return Cause{"applied twice", std::nullopt, 1.0, "it was applied twice, to its own result"};
}

namespace {

// The layer's bias as the run had it at a moment, where it is recorded.
SharedTensor bias_of(const Suspect& suspect) {
  const std::string module = suspect.divergence.op.substr(0, suspect.divergence.op.find('/'));
  const std::string name = "parameter/" + module + ".bias";
  for (int step = suspect.divergence.moment.step - 1; step >= -1; --step) {
    const std::string folder =
        step < 0 ? folder_of({}) : folder_of({Moment::Stage::step, step, -1});
    const AssembledView view =
        assembled_view(suspect.trace.reader(), folder + "/" + name, suspect.divergence.rank);
    if (view.elements != nullptr) return view.elements;
  }
  return nullptr;
}

bool is_explained_with_bias(const Probed& numbers, const std::vector<double>& bias, double times) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double b = bias[static_cast<std::size_t>(numbers.places[i]) % bias.size()];
    // Each of the additions may have been rounded.
    const double sum = numbers.value[i] + times * b;
    const double size = std::fabs(numbers.value[i]) + std::fabs(times * b);
    const double room = (numbers.is_bitwise() ? 0 : numbers.room[i]) +
                        std::fabs(times) * ulp(numbers.storage, size);
    if (!accepts(numbers.storage, sum, room, 0, numbers.recorded[i])) return false;
  }
  return true;
}

}  // namespace

std::optional<Cause> bias_too_often(const Suspect& suspect) {
  if (!is_full(suspect) || !suspect.probe) return std::nullopt;
  const Probed& numbers = suspect.probe->numbers();
  const SharedTensor tensor = bias_of(suspect);
  const Shape& shape = suspect.probe->unit().result->shape();
  if (tensor == nullptr || shape.empty() || shape.back() != tensor->elements() ||
      !numbers.has_bits(numbers.wrong_count, 2 * bits_beyond_chance))
    return std::nullopt;
  const std::vector<double> bias = decoded_range(*tensor, 0, tensor->elements());
  const ProcessGrid grid = suspect.trace.grid();
  const double tp = grid.size(Axis::tp), dp = grid.size(Axis::dp);
  for (const double times : {1.0, -1.0, tp, tp - 1, dp, dp - 1}) {
    if (times == 0 || !is_explained_with_bias(numbers, bias, times)) continue;
    char count[40];
    std::snprintf(count, sizeof count, "%g", times);
    return Cause{"bias", times, 1.0,
                 times < 0 ? "the layer's bias is missing"
                           : "the layer's bias is in it " + std::string(count) +
                                 (times == 1 ? " time" : " times") + " too often" +
                                 (times == tp ? " (tp)" : "")};
  }
  return std::nullopt;
}

}  // namespace shardproof::reports

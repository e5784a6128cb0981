#include "reports/cause/suspect.hpp"

#include <algorithm>

#include "reports/values/byte_source.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/witness/given_state.hpp"
#include "scenarios/plan/pieces.hpp"

namespace shardproof::reports {

namespace {

constexpr std::int64_t nowhere = -1;  // as a Probe::Position says it

Probe::Position positions_of(const Suspect& suspect) {
  const Evidence& evidence = *suspect.evidence;
  const StoredDataset* dataset = suspect.dataset;
  if (dataset == nullptr) return [](std::int64_t place) { return place; };
  if (evidence.value < 0)
    return [dataset](std::int64_t place) {
      return position_in(dataset->info.regions, unravel(place, dataset->info.full_shape))
          .value_or(nowhere);
    };
  const EngineTrace& trace = *suspect.trace.engine();
  const Program& program = trace.program(dataset->rank);
  const RowCounts& rows = trace.rows(dataset->rank, suspect.divergence.moment);
  const std::string name = name_in_folder(dataset->info.path);
  for (const Piece& piece :
       pieces_of(program, program.value(evidence.value), Rank{dataset->rank}, rows))
    if (piece.name == name)
      return [piece](std::int64_t place) { return position_in(piece, place).value_or(nowhere); };
  return [](std::int64_t) { return nowhere; };
}

JudgedUnit copy_of(const SharedTensor& expected, const Suspect& suspect) {
  const StoredDataset& dataset = *suspect.dataset;
  const std::vector<Region>& regions = dataset.info.regions;
  const Shape shape = regions.size() == 1 ? regions.front().extent : Shape{element_count(regions)};
  const Dtype dtype = dataset.info.dtype;
  return {reference::UnitKind::copy,
          {},
          {.output = dtype},
          {reshaped(expected, shape)},
          reshaped(stored_tensor(suspect.trace.reader(), dataset), shape)};
}

// The part of a weight that the rank must begin with.
SharedTensor given_part(const Suspect& suspect) {
  const DatasetInfo& info = suspect.dataset->info;
  const auto whole = given_weight(suspect.context.scenario, info.path);
  if (!whole || whole->shape != info.full_shape || whole->dtype != info.dtype) return nullptr;
  return tensor_in(whole->dtype, {element_count(info.regions)},
                   in_memory(cut(*whole, info.regions)));
}

// A number that only its check knew.
SharedTensor expected_number(const Suspect& suspect) {
  const DatasetInfo& info = suspect.dataset->info;
  if (element_count(info.regions) != 1 || info.dtype == Dtype::int64) return nullptr;
  Bytes bytes(size_bytes(info.dtype));
  encode(info.dtype, {&suspect.divergence.expected, 1}, bytes);
  return tensor_in(info.dtype, {1}, in_memory(std::move(bytes)));
}

void add_probe(Suspect& suspect) {
  const FirstDivergence& divergence = suspect.divergence;
  if (suspect.evidence != nullptr) {
    suspect.probe.emplace(suspect.evidence->unit, suspect.evidence->first_failed,
                          positions_of(suspect));
  } else if (suspect.dataset != nullptr && !divergence.index.empty()) {
    const auto first = position_in(suspect.dataset->info.regions, divergence.index);
    SharedTensor expected = given_part(suspect);
    if (expected == nullptr) expected = expected_number(suspect);
    if (expected != nullptr && first)
      suspect.probe.emplace(copy_of(expected, suspect), *first,
                            [](std::int64_t place) { return place; });
  }
  if (suspect.probe && suspect.probe->numbers().wrong_count == 0) suspect.probe.reset();
}

// By the name and the moment: of a tensor that is not stored.
const ExecutedOp* executed_op(const RecordedTrace& trace, const FirstDivergence& divergence) {
  if (trace.engine() == nullptr) return nullptr;
  const ExecutedOp* found = nullptr;
  for (const ExecutedOp& executed : trace.engine()->executed(divergence.rank))
    if (executed.moment == divergence.moment && writer_name(*executed.op) == divergence.op)
      found = &executed;
  return found;
}

// What a wait waited for.
const ExecutedOp* beginning_of(const RecordedTrace& trace, int rank, const ExecutedOp* executed) {
  if (executed == nullptr || executed->op->kind != OpKind::wait) return executed;
  const ExecutedOp* found = executed;
  for (const ExecutedOp& other : trace.engine()->executed(rank))
    if (other.sequence < executed->sequence && other.moment == executed->moment &&
        is_collective(other.op->kind) && other.op->outputs == executed->op->outputs)
      found = &other;
  return found;
}

}  // namespace

std::optional<WholeTensor> given_weight(const Scenario& scenario, const std::string& path) {
  const std::string folder = "/initial/parameter/";
  if (!path.starts_with(folder)) return std::nullopt;
  for (const ParameterDescription& parameter : scenario.model.stored())
    if (parameter.name == path.substr(folder.size()))
      return GivenState(scenario).parameter(parameter);
  return std::nullopt;
}

std::string has_slice_of(const Suspect& suspect, int other_rank) {
  return "rank " + std::to_string(suspect.divergence.rank) + " has the slice of rank " +
         std::to_string(other_rank);
}

std::string Suspect::path_of(const AccessRecord& access) const {
  return folder_of(access.moment) + "/" +
         trace.engine()->program(divergence.rank).value(access.value).name;
}

bool Suspect::is_scalar() const {
  return dataset != nullptr && element_count(dataset->info.regions) == 1;
}

Suspect suspect_of(const JudgeContext& context, const RecordedTrace& trace,
                   const FirstDivergence& divergence, std::shared_ptr<const Evidence> evidence) {
  Suspect suspect{context, trace, divergence, std::move(evidence)};
  suspect.dataset = trace.dataset(divergence.tensor, divergence.rank);
  suspect.executed = suspect.dataset != nullptr ? writer_of(trace, *suspect.dataset)
                                                : executed_op(trace, divergence);
  suspect.began = beginning_of(trace, divergence.rank, suspect.executed);
  add_probe(suspect);
  return suspect;
}

}  // namespace shardproof::reports

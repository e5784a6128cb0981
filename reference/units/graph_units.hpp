#pragma once

#include <string>
#include <vector>

#include "reference/models/graph.hpp"
#include "reference/units/unit.hpp"

namespace shardproof::reference {

/// "/step/000003/parameter/P" after the update of step 3, "/initial/parameter/P" while there was
/// none (`last_update` -1).
std::string parameter_after(int last_update, const std::string& parameter);

/// Appends the units of a graph's tables, which stand in /initial/data.
void append_tables(const Graph& graph, std::vector<Unit>& units);

/// Appends the units of one micro-step: labels, forward, backward, and the accumulation of
/// gradients; without a loss forward alone, with the parameters that the run begins with. Backward
/// meets the nodes from last to first; each makes a contribution to the gradient of each of its
/// inputs (see GradientFlow), by these names:
///
/// | contribution                          | is written as                                    |
/// |---------------------------------------|--------------------------------------------------|
/// | the only one to forward/M/R           | backward/M/grad_R                                |
/// | one of several, of a node of module U | backward/U/grad_input, grad_<name of the input>  |
/// |                                       | if the node differentiates several activations   |
/// | the sum of the first two, three, ...  | backward/M/grad_R_sum_1, _sum_2, ...             |
/// | the sum of all                        | backward/M/grad_R                                |
///
/// The gradient of a parameter P is gradient/P, with a leading axis of batch groups; one of several
/// contributions to it is backward/U/grad_weight. It enters accumulator/P.
///
/// The weights are those that the update of step `last_update` left, -1 if there was none.
void append_micro_step(const Graph& graph, int step, int micro, int last_update,
                       std::vector<Unit>& units);

}  // namespace shardproof::reference

#pragma once

#include <string_view>

namespace shardproof {

/// Which of the published forms of a function an op computes: the values of its attributes.

/// The Gaussian error linear unit, x Phi(x): Hendrycks & Gimpel 2016, arXiv:1606.08415.
///
/// | form       | value                                       | slope                         |
/// |------------|---------------------------------------------|-------------------------------|
/// | erf        | x/2 (1 + erf(x / sqrt 2))                   | its derivative                |
/// | tanh       | x/2 (1 + tanh z), z = k x (1 + 0.044715 x^2), k = sqrt(2/pi) | its derivative |
/// | tanh_bloom | the same with k = 0.79788456                | with dz/dx = k + 0.1070322243 x^2 |
///
/// The last is BLOOM's published code, whose constants are rounded, in the gradient once more.
enum class GeluForm { erf, tanh, tanh_bloom };

const char* name_of(GeluForm form);
/// Throws InvariantError on any other text: an op's attributes are the engine's own.
GeluForm gelu_form_from(std::string_view name);

/// How the weight of a matrix product lies in memory: (O, I) as in torch's Linear, or (I, O) as in
/// GPT-2's Conv1D. Either way y (..., O) = x (..., I) times the weight's (I, O) matrix.
enum class WeightLayout { out_in, in_out };

const char* name_of(WeightLayout layout);
/// Throws InvariantError on any other text.
WeightLayout weight_layout_from(std::string_view name);

}  // namespace shardproof

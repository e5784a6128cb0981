#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

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

/// Which elements of a head rotary embedding turns together: (i, i + r/2) or (2i, 2i + 1) of the
/// first r elements, r twice the table's width. The rest of the head passes as it is.
enum class RotaryPairing { half, interleaved };
struct RotaryForm {
  std::int64_t head_dim = 0;  // 0: all of a head is turned
  RotaryPairing pairing = RotaryPairing::half;
};

/// How the frequencies f_i = theta^(-2i/r) are stretched for longer texts.
///
/// | scaling  | frequency |
/// |----------|-----------|
/// | none     | f |
/// | linear   | f / factor |
/// | llama3   | f where X > high, f / factor where X < low, else (1 - s) f / factor + s f |
/// | yarn     | (1 - m) f + m f / factor |
/// | longrope | f / divisors[i] |
///
/// X = original_positions f / (2 pi), the turns in a training text; s = (X - low) / (high - low).
/// m goes from 0 to 1 between the pairs of X = high and X = low (beta_fast, beta_slow), these taken
/// as real numbers, or outwards to whole ones (truncate): m = clamp((i - i_high) / (i_low -
/// i_high)).
///
/// yarn and longrope also multiply cos and sin: by attention_factor, or where that is 0 by
///
///   yarn       g(mscale) / g(mscale_all_dim), g(c) = 0.1 c ln factor + 1; by g(1) if either is 0
///   longrope   sqrt(1 + ln factor / ln original_positions)
///
/// and by nothing where factor is 1 or less.
/// Source: transformers 4.57, modeling_rope_utils.py; Peng et al. 2023, arXiv:2309.00071; Ding et
/// al. 2024, arXiv:2402.13753.
enum class RotaryScaling { none, linear, llama3, yarn, longrope };
struct RotaryFrequencies {
  double theta = 10000;
  RotaryScaling scaling = RotaryScaling::none;
  double factor = 1;
  double low = 1;   // low_freq_factor, beta_slow
  double high = 4;  // high_freq_factor, beta_fast
  double original_positions = 0;
  double attention_factor = 0;
  double mscale = 0;
  double mscale_all_dim = 0;
  bool truncate = true;
  std::vector<double> divisors = {};  // of each pair
};

/// Which attention: the widths of a head, the scale of the scores, how far a query looks back, and
/// where scores end: with a cap c, c tanh(s / c) takes the place of a score s (Gemma Team 2024,
/// arXiv:2408.00118, section 2).
struct AttentionForm {
  std::int64_t head_dim = 0;    // of queries and keys
  std::int64_t v_head_dim = 0;  // of values and outputs; 0: as head_dim
  double scale = 0;             // 0: head_dim^(-1/2)
  std::int64_t window = 0;      // position i sees i - window < j <= i; 0: all j <= i
  double cap = 0;               // 0: none

  constexpr std::int64_t value_dim() const { return v_head_dim > 0 ? v_head_dim : head_dim; }
  double score_scale() const {
    return scale > 0 ? scale : 1.0 / std::sqrt(static_cast<double>(head_dim));
  }
  /// The first position that position `i` sees.
  constexpr std::int64_t first_key(std::int64_t i) const {
    return window > 0 && i >= window ? i - window + 1 : 0;
  }
  /// The last of T positions that sees position `j`.
  constexpr std::int64_t last_query(std::int64_t j, std::int64_t T) const {
    return window > 0 && j < T - window ? j + window - 1 : T - 1;
  }
};

const char* name_of(GeluForm form);
const char* name_of(RotaryPairing pairing);
const char* name_of(RotaryScaling scaling);
RotaryPairing rotary_pairing_from(std::string_view name);
RotaryScaling rotary_scaling_from(std::string_view name);
/// Throws InvariantError on any other text: an op's attributes are the engine's own.
GeluForm gelu_form_from(std::string_view name);

/// How a token's weights for its k experts follow from what the router gives it for each: logits z,
/// or scores s that are compared by themselves.
///
/// | form         | of     | weight of a chosen expert e |
/// |--------------|--------|-----------------------------|
/// | renormalized | logits | exp z_e / sum of exp z over the chosen |
/// | scaled       | logits | factor exp z_e / sum of exp z over all |
/// | scores       | scores | factor s_e |
/// | score_shares | scores | factor s_e / (sum of s over the chosen + 1e-20) |
///
/// Sources: Jiang et al. 2024, arXiv:2401.04088; DeepSeek-AI 2024, arXiv:2405.04434 and, of scores,
/// arXiv:2412.19437, section 2.1.2.
enum class RouteForm { renormalized, scaled, scores, score_shares };
const char* name_of(RouteForm form);
RouteForm route_form_from(std::string_view name);
constexpr bool takes_scores(RouteForm form) {
  return form == RouteForm::scores || form == RouteForm::score_shares;
}
/// What keeps a sum of scores from being zero, in score_shares.
inline constexpr double kLeastScore = 1e-20;

/// Which experts a token may choose: those of the `kept` best of `count` equal groups, each group
/// as good as its two best scores together. What the others' scores are compared by is 0 then,
/// which may still be more than a score that was corrected below it.
/// Source: DeepSeek-AI 2024, arXiv:2412.19437, section 2.1.2; the zero: transformers 4.57,
/// models/deepseek_v3.
struct ExpertGroups {
  std::int64_t count = 1;
  std::int64_t kept = 1;

  constexpr bool limit() const { return kept < count; }
};

/// How the rows of an expert's tokens follow one another: all whose first choice it is, then all
/// whose second it is (Mixtral's code); or as the tokens themselves do (DeepSeek-V2's).
enum class ExpertRows { by_choice, by_token };
const char* name_of(ExpertRows order);
ExpertRows expert_rows_from(std::string_view name);

/// How the weight of a matrix product lies in memory: (O, I) as in torch's Linear, or (I, O) as in
/// GPT-2's Conv1D. Either way y (..., O) = x (..., I) times the weight's (I, O) matrix.
enum class WeightLayout { out_in, in_out };

const char* name_of(WeightLayout layout);
/// Throws InvariantError on any other text.
WeightLayout weight_layout_from(std::string_view name);

}  // namespace shardproof

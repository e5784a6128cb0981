#include "scenarios/op_forms.hpp"

#include "scenarios/errors.hpp"

namespace shardproof {

const char* name_of(GeluForm form) {
  switch (form) {
    case GeluForm::erf: return "erf";
    case GeluForm::tanh: return "tanh";
    case GeluForm::tanh_bloom: return "tanh_bloom";
  }
  return "";
}

const char* name_of(RotaryPairing pairing) {
  return pairing == RotaryPairing::half ? "half" : "interleaved";
}

const char* name_of(RotaryScaling scaling) {
  switch (scaling) {
    case RotaryScaling::none: return "none";
    case RotaryScaling::linear: return "linear";
    case RotaryScaling::llama3: return "llama3";
    case RotaryScaling::yarn: return "yarn";
    case RotaryScaling::longrope: return "longrope";
  }
  return "";
}

RotaryPairing rotary_pairing_from(std::string_view name) {
  for (const RotaryPairing pairing : {RotaryPairing::half, RotaryPairing::interleaved})
    if (name == name_of(pairing)) return pairing;
  SHARDPROOF_EXPECTS(false, "no pairing of rotary embedding", std::string(name));
  return RotaryPairing::half;
}

RotaryScaling rotary_scaling_from(std::string_view name) {
  for (const RotaryScaling scaling :
       {RotaryScaling::none, RotaryScaling::linear, RotaryScaling::llama3, RotaryScaling::yarn,
        RotaryScaling::longrope})
    if (name == name_of(scaling)) return scaling;
  SHARDPROOF_EXPECTS(false, "no scaling of rotary embedding", std::string(name));
  return RotaryScaling::none;
}

GeluForm gelu_form_from(std::string_view name) {
  for (const GeluForm form : {GeluForm::erf, GeluForm::tanh, GeluForm::tanh_bloom})
    if (name == name_of(form)) return form;
  SHARDPROOF_EXPECTS(false, "no form of GELU", std::string(name));
  return GeluForm::erf;
}

const char* name_of(RouteForm form) {
  switch (form) {
    case RouteForm::renormalized: return "renormalized";
    case RouteForm::scaled: return "scaled";
    case RouteForm::scores: return "scores";
    case RouteForm::score_shares: return "score_shares";
  }
  return "";
}

RouteForm route_form_from(std::string_view name) {
  for (const RouteForm form :
       {RouteForm::renormalized, RouteForm::scaled, RouteForm::scores, RouteForm::score_shares})
    if (name == name_of(form)) return form;
  SHARDPROOF_EXPECTS(false, "no form of routing", std::string(name));
  return RouteForm::renormalized;
}

const char* name_of(ExpertRows order) {
  return order == ExpertRows::by_choice ? "by_choice" : "by_token";
}

ExpertRows expert_rows_from(std::string_view name) {
  for (const ExpertRows order : {ExpertRows::by_choice, ExpertRows::by_token})
    if (name == name_of(order)) return order;
  SHARDPROOF_EXPECTS(false, "no order of an expert's rows", std::string(name));
  return ExpertRows::by_choice;
}

const char* name_of(WeightLayout layout) {
  return layout == WeightLayout::out_in ? "out_in" : "in_out";
}

WeightLayout weight_layout_from(std::string_view name) {
  for (const WeightLayout layout : {WeightLayout::out_in, WeightLayout::in_out})
    if (name == name_of(layout)) return layout;
  SHARDPROOF_EXPECTS(false, "no layout of a weight", std::string(name));
  return WeightLayout::out_in;
}

}  // namespace shardproof

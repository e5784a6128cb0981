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

GeluForm gelu_form_from(std::string_view name) {
  for (const GeluForm form : {GeluForm::erf, GeluForm::tanh, GeluForm::tanh_bloom})
    if (name == name_of(form)) return form;
  SHARDPROOF_EXPECTS(false, "no form of GELU", std::string(name));
  return GeluForm::erf;
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

#include "scenarios/model/parameter_list.hpp"

namespace shardproof {

void ParameterList::linear(const std::string& module, std::int64_t out, std::int64_t in,
                           bool bias) {
  list_.push_back({module + ".weight", {out, in}, ModuleClass::linear});
  if (bias) list_.push_back({module + ".bias", {out}, ModuleClass::linear});
}

void ParameterList::conv1d(const std::string& module, std::int64_t in, std::int64_t out) {
  list_.push_back({module + ".weight", {in, out}, ModuleClass::conv1d});
  list_.push_back({module + ".bias", {out}, ModuleClass::conv1d});
}

void ParameterList::embedding(const std::string& module, std::int64_t rows, std::int64_t width) {
  list_.push_back({module + ".weight", {rows, width}, ModuleClass::embedding});
}

void ParameterList::layer_norm(const std::string& module, std::int64_t width) {
  list_.push_back({module + ".weight", {width}, ModuleClass::layer_norm});
  list_.push_back({module + ".bias", {width}, ModuleClass::layer_norm});
}

void ParameterList::rms_norm(const std::string& module, std::int64_t width) {
  list_.push_back({module + ".weight", {width}, ModuleClass::rms_norm});
}

}  // namespace shardproof

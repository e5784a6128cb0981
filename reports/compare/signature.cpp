#include "reports/compare/signature.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::reports {

namespace {

struct Fitted {
  double coefficient = 0, standard_error = 0;

  double standard_errors() const {
    if (coefficient == 0) return 0;
    return standard_error > 0 ? std::fabs(coefficient) / standard_error : HUGE_VAL;
  }
};

// `scatter`: the sum of (d - c f)^2 f^2, as a difference of sums.
Fitted fitted(double df, double ff, double scatter) {
  if (ff == 0) return {};
  return {df / ff, std::sqrt(std::max(scatter, 0.0)) / ff};
}

}  // namespace

const char* name_of(Signature::Kind kind) {
  switch (kind) {
    case Signature::Kind::factor: return "factor";
    case Signature::Kind::offset: return "offset";
    case Signature::Kind::elements: return "elements";
  }
  return "";
}

void SignatureFit::look_at(std::span<const double> f, std::span<const double> r) {
  for (std::size_t i = 0; i < f.size(); ++i) {
    const double d = r[i] - round_to(storage_, f[i]), x = f[i];
    if (!std::isfinite(d)) continue;
    ++count_;
    moved_ += d != 0;
    d_ += d;
    dd_ += d * d;
    ff_ += x * x;
    df_ += d * x;
    dfff_ += d * x * x * x;
    ddff_ += d * d * x * x;
    ffff_ += x * x * x * x;
  }
}

Signature SignatureFit::best() const {
  constexpr double enough = 4;
  const double c = ff_ == 0 ? 0 : df_ / ff_, n = static_cast<double>(count_);
  const Fitted factor = fitted(df_, ff_, ddff_ - 2 * c * dfff_ + c * c * ffff_);
  const Fitted offset = fitted(d_, n, dd_ - (n > 0 ? d_ * d_ / n : 0));
  if (std::max(factor.standard_errors(), offset.standard_errors()) < enough)
    return {Signature::Kind::elements, static_cast<double>(moved_), 0};
  if (factor.standard_errors() >= offset.standard_errors())
    return {Signature::Kind::factor, 1 + factor.coefficient, factor.standard_error};
  return {Signature::Kind::offset, offset.coefficient, offset.standard_error};
}

}  // namespace shardproof::reports

#pragma once

#include <cstdint>
#include <span>

#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// What the elements of a tensor have in common that rounding does not explain.
struct Signature {
  enum class Kind { factor, offset, elements };
  Kind kind = Kind::elements;
  double coefficient = 0;     // the factor; what is added; of elements: how many are not RN(f)
  double standard_error = 0;  // of the coefficient; of elements: 0
};
const char* name_of(Signature::Kind kind);

/// Fits signatures to d = r - RN(f), by least squares: a factor 1 + c from d = c f, an offset from
/// d = c. Their standard errors are those of sums of unlike variances (White 1980,
/// doi:10.2307/1912934): the square root of sum (d - c f)^2 f^2, over sum f^2. What has more of
/// them is told, if it has at least four; else the elements are unlike each other.
class SignatureFit {
 public:
  explicit SignatureFit(Dtype storage) : storage_(storage) {}
  /// Elements whose numbers are not finite are left out.
  void look_at(std::span<const double> f, std::span<const double> r);
  Signature best() const;

 private:
  Dtype storage_;
  std::int64_t count_ = 0, moved_ = 0;
  double d_ = 0, dd_ = 0, ff_ = 0, df_ = 0, dfff_ = 0, ddff_ = 0, ffff_ = 0;  // sums of products
};

}  // namespace shardproof::reports

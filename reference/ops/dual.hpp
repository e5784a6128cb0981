#pragma once

#include <cmath>
#include <numbers>

namespace shardproof::reference {

/// A number and its derivative in one direction. Arithmetic on dual numbers is forward-mode
/// differentiation: it has no step size, so the derivative is as exact as the value. For the tests
/// of the tape, which goes the other way.
///   (3 + 1 e) * (3 + 1 e) = 9 + 6 e:   the derivative of x^2 at 3 is 6
struct Dual {
  double value = 0;
  double derivative = 0;

  Dual() = default;
  Dual(double v, double d = 0) : value(v), derivative(d) {}

  Dual& operator+=(Dual b) { return *this = Dual(value + b.value, derivative + b.derivative); }
};

inline Dual operator-(Dual a) { return {-a.value, -a.derivative}; }
inline Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.derivative + b.derivative}; }
inline Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.derivative - b.derivative}; }
inline Dual operator*(Dual a, Dual b) {
  return {a.value * b.value, a.derivative * b.value + a.value * b.derivative};
}
inline Dual operator/(Dual a, Dual b) {
  return {a.value / b.value, (a.derivative - a.value / b.value * b.derivative) / b.value};
}
inline bool operator<(Dual a, Dual b) { return a.value < b.value; }

inline Dual sqrt(Dual a) {
  const double root = std::sqrt(a.value);
  return {root, a.derivative / (2 * root)};
}
inline Dual exp(Dual a) {
  const double power = std::exp(a.value);
  return {power, a.derivative * power};
}
inline Dual tanh(Dual a) {
  const double t = std::tanh(a.value);
  return {t, a.derivative * (1 - t * t)};
}
inline Dual erf(Dual a) {
  const double slope = 2 * std::numbers::inv_sqrtpi * std::exp(-a.value * a.value);
  return {std::erf(a.value), a.derivative * slope};
}
inline double number(Dual a) { return a.value; }  // what is compared when experts are chosen
inline Dual log(Dual a) { return {std::log(a.value), a.derivative / a.value}; }

}  // namespace shardproof::reference

#pragma once

namespace shardproof::reports {

/// Searches the smallest x that is still seen, where all larger ones are: between 2^-45, which no
/// dtype shows, and one that was seen. Halves the exponent's interval until the two ends differ by
/// less than a factor of `close`.
///
///   Bisection search(0.5);
///   while (!search.done()) search.tell(is_seen(search.next()));
///   search.smallest();
class Bisection {
 public:
  /// Nothing smaller is tried.
  static constexpr double least = 0x1p-45;

  explicit Bisection(double seen) : seen_(seen) {}
  bool done() const { return seen_ <= close * unseen_; }
  double next() const;
  void tell(bool is_seen);
  double smallest() const { return seen_; }

 private:
  static constexpr double close = 1.1;
  double unseen_ = least;
  double seen_;
};

}  // namespace shardproof::reports

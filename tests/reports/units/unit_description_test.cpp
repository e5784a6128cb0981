#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>

#include "reports/units/judge_unit.hpp"

namespace shardproof::tests {

using namespace reports;
using reference::UnitAttributes;
using reference::UnitKind;
using reference::UnitPrecision;

namespace {

void change(std::int64_t& value) { ++value; }
void change(double& value) { value = std::nextafter(value, 1e9); }
void change(std::optional<std::int64_t>& value) { value = 0; }
void change(bool& value) { value = !value; }
void change(std::vector<std::int64_t>& value) { value.push_back(0); }
void change(std::vector<double>& value) { value.push_back(0); }
template <typename Enumeration>
requires std::is_enum_v<Enumeration>
void change(Enumeration& value) {
  value = static_cast<Enumeration>(static_cast<int>(value) == 0 ? 1 : 0);
}

/// Every struct that differs from `plain` in one field.
template <typename Fields>
std::vector<Fields> changed_in_one_field(const Fields& plain) {
  std::size_t count = 0;
  for_each_field(plain, [&](auto, const auto&) { ++count; });
  std::vector<Fields> all(count, plain);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = 0;
    for_each_field(all[i], [&]<typename T>(auto, const T& field) {
      if (at++ == i) change(const_cast<T&>(field));
    });
  }
  return all;
}

std::string described(const UnitAttributes& attributes, const UnitPrecision& precision = {},
                      NonFinite non_finite = NonFinite::refused) {
  return describe(UnitKind::attention, attributes, precision, non_finite);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(unit_description)

BOOST_AUTO_TEST_CASE(units_that_differ_in_any_one_field_are_told_apart) {
  std::set<std::string> descriptions{described({}), described({}, {}, NonFinite::accepted),
                                     describe(UnitKind::attention_lse, {}, {}, NonFinite::refused)};
  std::size_t count = descriptions.size();

  for (const UnitAttributes& attributes : changed_in_one_field(UnitAttributes{}))
    descriptions.insert(described(attributes)), ++count;
  for (const UnitPrecision& precision : changed_in_one_field(UnitPrecision{}))
    descriptions.insert(described({}, precision)), ++count;

  BOOST_TEST(descriptions.size() == count);
}

BOOST_AUTO_TEST_CASE(lists_and_absent_numbers_do_not_run_into_what_follows) {
  BOOST_TEST(described({.parts = {1}}) != described({.parts = {2}}));
  BOOST_TEST(described({.parts = {1}, .part = 2}) != described({.parts = {1, 2}}));
  BOOST_TEST(described({.padding = -1}) != described({}));
}

BOOST_AUTO_TEST_CASE(numbers_are_told_apart_by_their_bits) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  BOOST_TEST(described({.eps = 0.0}) != described({.eps = -0.0}));
  BOOST_TEST(described({.eps = nan}) == described({.eps = nan}));
  BOOST_TEST(described({.eps = nan}) != described({.eps = -nan}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests

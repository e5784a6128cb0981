#include "reports/render/heat_map.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "reports/render/heat_grid.hpp"
#include "reports/render/heat_scale.hpp"
#include "tests/reports/render/occurrences.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

namespace {

TensorRow::Cell within(double part) {
  return {.judged = true, .max_ratio = part, .first_failure = {}, .bounded = true};
}
TensorRow::Cell beyond(double part) {
  return {.judged = true,
          .failed = true,
          .max_ratio = part,
          .first_failure = "/step/000001/micro/0",
          .bounded = true};
}
const TensorRow::Cell bits{.judged = true, .first_failure = {}};
const TensorRow::Cell other_bits{.judged = true, .failed = true, .first_failure = "/initial"};
const TensorRow::Cell unknown{
    .judged = true, .first_failure = {}, .bounded = true, .unknown = true};

std::vector<TensorRow> rows_of(std::size_t count, std::size_t ranks) {
  std::vector<TensorRow> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    rows[i].name = "t" + std::to_string(i);
    rows[i].cells.resize(ranks, within(0.2));
  }
  return rows;
}

void fail(TensorRow& row, std::size_t rank, bool first) {
  row.cells[rank] = beyond(2000);
  row.holds_first_divergence = first;
}

FirstDivergence on_rank(int rank) {
  FirstDivergence first;
  first.rank = rank;
  return first;
}

// "t0+3 t3 t4!": names, how many rows, whether one fails.
std::string layout(const HeatGrid& grid) {
  std::string text;
  for (const HeatGrid::Row& row : grid.rows)
    text += (text.empty() ? "" : " ") + row.name +
            (row.rows > 1 ? "+" + std::to_string(row.rows) : "") + (row.failed ? "!" : "");
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heat_map)

BOOST_AUTO_TEST_CASE(a_cell_has_a_class_and_a_sign_by_the_logarithm_of_its_part) {
  const auto look = [](const TensorRow::Cell& cell) {
    const HeatLook look = heat_look(cell);
    return look.css_class + look.sign;
  };

  BOOST_TEST(look(within(0)) == "l00");
  BOOST_TEST(look(within(0.001)) == "l00");
  BOOST_TEST(look(within(0.002)) == "l11");
  BOOST_TEST(look(within(0.1)) == "l44");
  BOOST_TEST(look(within(0.11)) == "l55");
  BOOST_TEST(look(within(1)) == "l66");
  BOOST_TEST(look(within(1.0000001)) == "l66");
  BOOST_TEST(look(beyond(0.5)) == "l7✗");
  BOOST_TEST(look(beyond(11)) == "l8✗");
  BOOST_TEST(look(beyond(std::numeric_limits<double>::infinity())) == "l9✗");
  BOOST_TEST(look(bits) == "b=");
  BOOST_TEST(look(other_bits) == "l9✗");
  BOOST_TEST(look(unknown) == "u?");
  BOOST_TEST(look({}) == "");
}

BOOST_AUTO_TEST_CASE(neighbours_are_folded_and_the_first_divergence_never_is) {
  std::vector<TensorRow> rows = rows_of(10, 2);
  fail(rows[4], 1, true);

  BOOST_TEST(layout(heat_grid(rows, 1)) == "t0 t1 t2 t3 t4! t5 t6 t7 t8 t9");
  const HeatGrid folded = heat_grid(rows, 1, {.cells = 1000, .rows = 5, .columns = 8});
  BOOST_TEST(layout(folded) == "t0+3 t3 t4! t5+3 t8+2");
  BOOST_TEST(folded.folded == 8u);
}

BOOST_AUTO_TEST_CASE(failing_rows_stand_alone_as_far_as_there_is_room) {
  std::vector<TensorRow> rows = rows_of(1000, 1);
  for (TensorRow& row : rows) fail(row, 0, false);
  rows[777].holds_first_divergence = true;

  const HeatGrid grid = heat_grid(rows, 0, {.cells = 1000, .rows = 40, .columns = 8});

  BOOST_TEST(grid.rows.size() <= 40u);
  std::size_t stands_for = 0;
  for (const HeatGrid::Row& row : grid.rows) {
    stands_for += row.rows;
    BOOST_TEST(row.failed);
    if (row.holds_first_divergence) BOOST_TEST((row.rows == 1 && row.name == "t777"));
  }
  BOOST_TEST(stands_for == 1000u);
  BOOST_TEST(std::ranges::count(grid.rows, true, &HeatGrid::Row::holds_first_divergence) == 1);
}

BOOST_AUTO_TEST_CASE(a_folded_cell_is_the_worst_of_what_it_stands_for) {
  std::vector<TensorRow> rows = rows_of(9, 9);
  rows[1].cells[2] = within(0.9);
  rows[2].cells[7] = unknown;

  const HeatGrid grid = heat_grid(rows, -1, {.cells = 1000, .rows = 3, .columns = 5});

  BOOST_REQUIRE(grid.columns.size() == 3u);
  BOOST_TEST(grid.rows[0].rows == 3u);
  BOOST_TEST(grid.rows[0].cells[0].max_ratio == 0.9);
  BOOST_TEST(grid.rows[0].cells[1].max_ratio == 0.2);
  BOOST_TEST(grid.rows[0].cells[2].unknown);
}

BOOST_AUTO_TEST_CASE(the_rank_of_the_first_divergence_has_a_column_of_its_own) {
  std::vector<TensorRow> rows = rows_of(3, 4096);
  fail(rows[1], 1234, true);

  const HeatGrid grid = heat_grid(rows, 1234);

  BOOST_TEST(grid.columns.size() <= 258u);
  int next = 0, alone = 0;
  for (const HeatGrid::Column& column : grid.columns) {
    BOOST_TEST(column.first == next);
    next = column.last + 1;
    if (column.first == 1234 && column.last == 1234) ++alone;
  }
  BOOST_TEST(next == 4096);
  BOOST_TEST(alone == 1);
}

BOOST_AUTO_TEST_CASE(few_ranks_have_their_numbers_in_the_cells) {
  std::vector<TensorRow> rows = rows_of(2, 2);
  rows[0].cells[1] = bits;
  fail(rows[1], 1, true);

  const std::string html = heat_map_html(rows, on_rank(1));

  BOOST_TEST(contains(html, "<tr><th scope=\"row\">t0</th><td class=l5>0.2<td class=b>=</tr>"));
  BOOST_TEST(contains(html,
                      "<th scope=\"row\">✗&nbsp;t1</th><td class=l5>0.2<td class=\"l9 first\" "
                      "id=\"failing-cell\" title=\"rank 1: 2e+03 of its bound, first in "
                      "/step/000001/micro/0\">✗ 2e+03</tr>"));
  BOOST_TEST(contains(html, "href=\"#failing-cell\""));
  BOOST_TEST(!contains(html, "folded"));
}

BOOST_AUTO_TEST_CASE(sixty_four_ranks_of_thousands_of_ops_fit_and_the_failing_cell_is_there) {
  std::vector<TensorRow> rows = rows_of(6000, 64);
  for (std::size_t i = 0; i < 64; i += 2) fail(rows[4321], i, true);

  const std::string html = heat_map_html(rows, on_rank(40));

  BOOST_TEST(html.size() < 700'000u);
  BOOST_TEST(occurrences(html, "id=\"failing-cell\"") == 1u);
  BOOST_TEST(contains(html, "<th scope=\"row\">✗&nbsp;t4321</th>"));
  BOOST_TEST(contains(html, "title=\"rank 40: 2e+03 of its bound"));
  BOOST_TEST(occurrences(html, " first\"") == 32u);
  BOOST_TEST(contains(html, "5,998 of 6,000 rows are folded"));
}

BOOST_AUTO_TEST_CASE(hostile_and_long_names_stay_text) {
  std::vector<TensorRow> rows = rows_of(1, 1);
  fail(rows[0], 0, true);
  rows[0].name = "<b>" + std::string(5000, 'x');
  rows[0].cells[0].first_failure = "\"><script>";

  const std::string html = heat_map_html(rows, on_rank(0));

  BOOST_TEST(contains(html, "&lt;b&gt;xxx"));
  BOOST_TEST(!contains(html, "<script"));
  BOOST_TEST(html.size() < 4000u);
}

BOOST_AUTO_TEST_CASE(nothing_judged_is_no_map) { BOOST_TEST(heat_map_html({}, {}) == ""); }

BOOST_AUTO_TEST_SUITE_END()

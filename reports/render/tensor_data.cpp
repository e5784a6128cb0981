#include "reports/render/tensor_data.hpp"

#include <algorithm>

#include "reports/render/format.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof::reports {

namespace {

bool failed(const TensorRow& row) {
  return std::any_of(row.cells.begin(), row.cells.end(),
                     [](const TensorRow::Cell& cell) { return cell.failed; });
}

// Three digits are enough to look at; the exact ones are in summary.json.
JsonValue ratio_json(double ratio) { return rounded(ratio); }

JsonValue cell_json(const TensorRow::Cell& cell) {
  if (cell.failed)
    return JsonValue::array().append(ratio_json(cell.max_ratio)).append(cell.first_failure);
  if (cell.unknown) return "?";  // of some moment: what was judged at others does not make it good
  return cell.judged ? ratio_json(cell.max_ratio) : JsonValue();
}

std::string row_json(const TensorRow& row) {
  JsonValue cells = JsonValue::array();
  for (const TensorRow::Cell& cell : row.cells) cells.append(cell_json(cell));
  return write_json(JsonValue::array().append(row.name).append(std::move(cells)));
}

}  // namespace

TensorData tensor_data(const std::vector<TensorRow>& rows, std::size_t max_bytes) {
  std::vector<const TensorRow*> order;
  std::size_t ranks = 0;
  for (const TensorRow& row : rows) {
    order.push_back(&row);
    ranks = std::max(ranks, row.cells.size());
  }
  std::stable_partition(order.begin(), order.end(),
                        [](const TensorRow* row) { return failed(*row); });
  TensorData data;
  data.json = "{\"ranks\":" + std::to_string(ranks) + ",\"rows\":[";
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string json = row_json(*order[i]);
    if (data.json.size() + json.size() > max_bytes) {
      data.left_out = order.size() - i;
      break;
    }
    data.json += (i == 0 ? "" : ",") + json;
  }
  data.json += "]}";
  return data;
}

}  // namespace shardproof::reports

#include "reports/values/tensor_view.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "reports/values/ranges.hpp"
#include "reports/values/recorded_numbers.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

// Room for what is read and not wanted, kept between calls: one for each view that stands on
// another.
class Scratch {
 public:
  explicit Scratch(std::size_t size) : bytes_(take()) {
    if (bytes_.size() < size) bytes_.resize(size);
  }
  ~Scratch() { spare().push_back(std::move(bytes_)); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::byte* data() { return bytes_.data(); }

 private:
  static std::vector<Bytes>& spare() {
    static thread_local std::vector<Bytes> all;
    return all;
  }
  static Bytes take() {
    if (spare().empty()) return {};
    Bytes bytes = std::move(spare().back());
    spare().pop_back();
    return bytes;
  }
  Bytes bytes_;
};

Box common(const Box& a, const Box& b) {
  Box box;
  box.first_row = std::max(a.first_row, b.first_row);
  box.rows = std::min(a.first_row + a.rows, b.first_row + b.rows) - box.first_row;
  box.first_column = std::max(a.first_column, b.first_column);
  box.columns = std::min(a.first_column + a.columns, b.first_column + b.columns) - box.first_column;
  return box;
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

TensorView::TensorView(Dtype dtype, Shape shape)
    : dtype_(dtype),
      size_(size_bytes(dtype)),
      shape_(std::move(shape)),
      matrix_(reference::matrix_of(shape_)) {}

void TensorView::add(std::span<const Run> runs, const SharedSource& source, std::size_t begin) {
  const std::int64_t width = matrix_.columns;
  for (const Run& run : runs) {
    std::int64_t at = run.first, rest = run.count;
    while (rest > 0) {
      const std::int64_t column = at % width;
      const bool whole_rows = column == 0 && rest >= width;
      const Box box = whole_rows ? Box{at / width, rest / width, 0, width}
                                 : Box{at / width, 1, column, std::min(rest, width - column)};
      add(box, source, begin);
      at += box.elements();
      rest -= box.elements();
      begin += index(box.elements()) * size_;
    }
  }
}

// Rows that lie one behind the other are one part.
void TensorView::add(const Box& box, const SharedSource& source, std::size_t begin) {
  covered_ += box.elements();
  if (!parts_.empty()) {
    Part& last = parts_.back();
    const Box& above = last.box;
    if (last.source == source && above.first_column == box.first_column &&
        above.columns == box.columns && above.first_row + above.rows == box.first_row &&
        last.begin + index(above.elements()) * size_ == begin) {
      last.box.rows += box.rows;
      return;
    }
  }
  parts_.push_back({box, source, begin});
  // In the order of their places: a flat vector may have thousands.
  for (std::size_t i = parts_.size() - 1; i > 0; --i) {
    const auto place = [this](std::size_t part) {
      return std::pair(parts_[part].box.first_row, parts_[part].box.first_column);
    };
    if (place(i - 1) <= place(i)) break;
    std::swap(parts_[i - 1], parts_[i]);
  }
}

void TensorView::read(const Box& box, std::span<std::byte> out) const {
  SHARDPROOF_EXPECTS(out.size() == index(box.elements()) * size_, out.size(), box.elements());
  if (covered_ < matrix_.elements()) std::ranges::fill(out, std::byte{0});
  auto part = parts_.begin();
  if (matrix_.rows == 1) {  // the last that begins at or before the box
    part = std::ranges::upper_bound(parts_, box.first_column, {},
                                    [](const Part& p) { return p.box.first_column; });
    if (part != parts_.begin()) --part;
  }
  for (; part != parts_.end(); ++part) {
    if (part->box.first_row >= box.first_row + box.rows) break;
    if (matrix_.rows == 1 && part->box.first_column >= box.first_column + box.columns) break;
    copy(*part, box, out);
  }
}

void TensorView::copy(const Part& part, const Box& box, std::span<std::byte> out) const {
  const Box both = common(part.box, box);
  if (both.rows <= 0 || both.columns <= 0) return;
  const std::size_t row_bytes = index(part.box.columns) * size_;
  const std::size_t wanted = index(both.columns) * size_, stride = index(box.columns) * size_;
  const std::size_t skipped = index(both.first_column - part.box.first_column) * size_;
  const std::size_t from =
      part.begin + index(both.first_row - part.box.first_row) * row_bytes + skipped;
  const std::size_t to = index(both.first_row - box.first_row) * stride +
                         index(both.first_column - box.first_column) * size_;
  const auto rows = index(both.rows);
  if (wanted == row_bytes && wanted == stride)
    return part.source->read(from, out.subspan(to, rows * wanted));
  // Row by row where most would be read in vain; else with what lies between.
  if (rows == 1 || 4 * wanted < row_bytes) {
    for (std::size_t row = 0; row < rows; ++row)
      part.source->read(from + row * row_bytes, out.subspan(to + row * stride, wanted));
    return;
  }
  const std::size_t all = (rows - 1) * row_bytes + wanted;
  Scratch scratch(all);
  part.source->read(from, {scratch.data(), all});
  for (std::size_t row = 0; row < rows; ++row)
    std::memcpy(out.data() + to + row * stride, scratch.data() + row * row_bytes, wanted);
}

void TensorView::decode(const Box& box, std::vector<double>& out) const {
  out.resize(index(box.elements()));
  const std::size_t bytes = out.size() * size_;
  Scratch scratch(bytes);
  read(box, {scratch.data(), bytes});
  decode_recorded(dtype_, {scratch.data(), bytes}, out);
}

void TensorView::read_range(std::int64_t begin, std::span<std::byte> out) const {
  const std::int64_t width = matrix_.columns;
  auto rest = static_cast<std::int64_t>(out.size() / size_);
  while (rest > 0) {
    const std::int64_t column = begin % width;
    const bool whole_rows = column == 0 && rest >= width;
    const Box box = whole_rows ? Box{begin / width, rest / width, 0, width}
                               : Box{begin / width, 1, column, std::min(rest, width - column)};
    const std::size_t bytes = index(box.elements()) * size_;
    read(box, out.first(bytes));
    out = out.subspan(bytes);
    begin += box.elements();
    rest -= box.elements();
  }
}

namespace {

class BytesOfTensor : public ByteSource {
 public:
  explicit BytesOfTensor(SharedTensor tensor) : tensor_(std::move(tensor)) {}
  void read(std::size_t begin, std::span<std::byte> out) const override {
    tensor_->read_range(static_cast<std::int64_t>(begin / size_bytes(tensor_->dtype())), out);
  }

 private:
  SharedTensor tensor_;
};

}  // namespace

SharedTensor tensor_in(Dtype dtype, Shape shape, const SharedSource& source, std::size_t begin) {
  auto tensor = std::make_shared<TensorView>(dtype, std::move(shape));
  const Run all{0, tensor->elements()};
  tensor->add(std::span(&all, 1), source, begin);
  return tensor;
}

SharedTensor zero_tensor(Dtype dtype, Shape shape) {
  return std::make_shared<TensorView>(dtype, std::move(shape));
}

SharedTensor stored_tensor(const TraceReader& reader, const StoredDataset& dataset) {
  return tensor_in(dataset.info.dtype, {element_count(dataset.info.regions)},
                   stored(reader, dataset));
}

SharedSource bytes_of(SharedTensor tensor) {
  return std::make_shared<BytesOfTensor>(std::move(tensor));
}

SharedTensor reshaped(const SharedTensor& tensor, Shape shape) {
  return part_of(tensor, 0, std::move(shape));
}

SharedTensor part_of(const SharedTensor& tensor, std::int64_t begin, Shape shape) {
  SHARDPROOF_EXPECTS(0 <= begin && begin + element_count(shape) <= tensor->elements(), begin,
                     to_string(shape), tensor->elements());
  return tensor_in(tensor->dtype(), std::move(shape), bytes_of(tensor),
                   index(begin) * size_bytes(tensor->dtype()));
}

SharedTensor as_stored(const SharedTensor& tensor, std::span<const Region> regions) {
  auto elements = std::make_shared<TensorView>(tensor->dtype(), Shape{element_count(regions)});
  const SharedSource source = bytes_of(tensor);
  std::int64_t at = 0;
  for (const Region& region : regions)
    for (const Run& run : runs_of(region, tensor->shape())) {
      const Run here{at, run.count};
      elements->add(std::span(&here, 1), source, index(run.first) * size_bytes(tensor->dtype()));
      at += run.count;
    }
  return elements;
}

SharedTensor rounded_to(Dtype dtype, const SharedTensor& tensor) {
  const std::size_t size = size_bytes(dtype);
  const auto round = [tensor, dtype, size](std::size_t begin, std::span<std::byte> out) {
    encode(dtype,
           decoded_range(*tensor, static_cast<std::int64_t>(begin / size),
                         static_cast<std::int64_t>(out.size() / size)),
           out);
  };
  return tensor_in(dtype, tensor->shape(), computed(index(tensor->elements()) * size, round));
}

}  // namespace shardproof::reports

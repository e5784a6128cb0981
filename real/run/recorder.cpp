#include "real/run/recorder.hpp"

#include "scenarios/plan/pieces.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::real {

Recorder::Recorder(const Program& program, Rank rank, TraceWriter& writer, TraceTier tier)
    : program_(program),
      rank_(rank),
      writer_(writer),
      tier_(tier),
      versions_(program.values.size(), 0) {}

void Recorder::begin(const Moment& moment, int segment, int op) {
  if (moment != moment_) recorded_.clear();
  moment_ = moment;
  segment_ = segment;
  op_ = op;
  ++sequence_;
}

AccessRecord Recorder::access(ValueId value, bool write, std::uint64_t hash) const {
  return {.moment = moment_,
          .sequence = sequence_,
          .segment = segment_,
          .op = op_,
          .value = value,
          .write = write ? 1 : 0,
          .version = version_of(value),
          .hash = hash};
}

void Recorder::read(ValueId value, std::span<const std::byte> bytes) {
  writer_.log(access(value, false, tensor_hash(bytes)));
}

void Recorder::wrote(const Op& op, ValueId id, std::span<const std::byte> bytes,
                     const RowCounts& rows) {
  ++versions_[static_cast<std::size_t>(id)];
  const std::vector<std::uint64_t> blocks = block_hashes(bytes);
  const std::uint64_t hash = hash_of_blocks(blocks);
  writer_.log(access(id, true, hash), blocks);
  if (op.recorded && tier_ == TraceTier::full) store(op, id, bytes, hash, rows);
}

void Recorder::store(const Op& op, ValueId id, std::span<const std::byte> bytes, std::uint64_t hash,
                     const RowCounts& rows) {
  const Value& value = program_.value(id);
  const std::vector<Run> all{
      {0, static_cast<std::int64_t>(bytes.size() / size_bytes(value.dtype))}};
  for (Piece& piece : pieces_of(program_, value, rank_, rows)) {
    DatasetInfo info;
    info.path = folder_of(moment_) + "/" + piece.name;
    if (!recorded_.insert(info.path).second) continue;
    info.dtype = value.dtype;
    info.full_shape = std::move(piece.full_shape);
    info.regions = std::move(piece.regions);
    info.placement = to_string(value.placement);
    info.op = writer_name(op);
    info.version = version_of(id);
    const bool in_place = piece.runs == all;
    writer_.write(std::move(info), bytes, piece.runs,
                  in_place ? std::optional(hash) : std::nullopt);
  }
}

void Recorder::communicated(const Op& op, std::int64_t elements, Dtype wire) {
  if (!records()) return;
  CollectiveRecord record;
  record.moment = moment_;
  record.sequence = collectives_++;
  record.kind = name_of(op.kind);
  record.group = name_of(op.group.value());
  record.dtype = name_of(wire);
  record.elements = elements;
  record.bytes = elements * static_cast<std::int64_t>(size_bytes(wire));
  record.stream = op.stream;
  record.origin = full_name(op);
  writer_.log(record);
}

}  // namespace shardproof::real

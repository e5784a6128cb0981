"""Reads with h5py what the trace writer wrote, and compares: another reader, so that a shifted
write is not excused by an equally shifted read.  usage: h5py_reads.py WRITE_SAMPLE_TRACE"""

import ctypes
import math
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy
except ImportError:
    print("h5py is not installed: skipped")
    sys.exit(77)

try:
    XXHASH = ctypes.CDLL("libxxhash.so.0")
    XXHASH.XXH3_64bits.argtypes = ctypes.c_char_p, ctypes.c_size_t
    XXHASH.XXH3_64bits.restype = ctypes.c_uint64
except OSError:
    XXHASH = None
    print("there is no libxxhash.so.0: hashes are not checked")

NUMPY_TYPES = {"fp64": "f8", "fp32": "f4", "bf16": "f4", "fp16": "f2", "int64": "i8"}


def same(got, expected):
    """Equal values, NaN equal to NaN, and zeros of equal sign."""
    if math.isnan(expected):
        return math.isnan(got)
    return got == expected and math.copysign(1, got) == math.copysign(1, expected)


def expected_tensors(folder):
    for line in open(os.path.join(folder, "expected.txt")):
        path, dtype, shape, *values = line.split()
        extents = () if shape == "-" else tuple(int(n) for n in shape.split(",") if n)
        yield path, dtype, extents, [float(v) for v in values]


def check_values(dataset, dtype, shape, values):
    assert dataset.shape == shape, (dataset.name, dataset.shape, shape)
    assert dataset.dtype == numpy.dtype(NUMPY_TYPES[dtype]), (dataset.name, dataset.dtype)
    got = numpy.asarray(dataset[()]).reshape(-1)
    assert len(got) == len(values)
    for index, (g, e) in enumerate(zip(got, values)):
        assert same(float(g), e), (dataset.name, index, float(g), e)


def regions_of(attributes):
    note = attributes["shardproof"]
    parts = [note] + [attributes[f"shardproof.{i}"] for i in range(1, note["parts"])]
    numbers = numpy.concatenate([part["regions"] for part in parts])
    count, dims = note["region_count"], note["dimensions"]
    numbers = numbers[:2 * dims * count].reshape(count, 2, dims)
    return [tuple(slice(o, o + n) for o, n in zip(*region)) for region in numbers]


def assemble(files, path, dtype, shape):
    """The documented way to assemble a tensor without the master."""
    full = numpy.full(shape, -1 if dtype == "int64" else numpy.nan, NUMPY_TYPES[dtype])
    for file in files:
        if path not in file:
            continue
        note = file[path].attrs["shardproof"]
        assert note["dtype"].decode() == dtype
        assert tuple(note["full_shape"][:note["dimensions"]]) == shape
        stored = numpy.asarray(file[path][()]).reshape(-1)
        for region in regions_of(file[path].attrs):
            count = full[region].size
            full[region] = stored[:count].reshape(full[region].shape)
            stored = stored[count:]
        assert stored.size == 0
    return full


def xxh3(data):
    return XXHASH.XXH3_64bits(data, len(data))


def tensor_hash(data):
    """The documented hash: of the hashes of blocks."""
    blocks = [xxh3(data[at:at + 65536]) for at in range(0, len(data), 65536)]
    return xxh3(b"".join(block.to_bytes(8, "little") for block in blocks))


def stored_bytes(dataset):
    """As they lie in the file, in one piece; none have no place."""
    if dataset.size == 0:
        return b""
    with open(dataset.file.filename, "rb") as file:
        file.seek(dataset.id.get_offset())
        return file.read(dataset.id.get_storage_size())


def check_hash(dataset):
    note = dataset.attrs["shardproof"]
    assert tensor_hash(stored_bytes(dataset)) == note["hash"], dataset.name


def check_guard(dataset):
    """Texts and tables have the plain hash of their bytes."""
    assert xxh3(stored_bytes(dataset)) == dataset.attrs["xxh3"], dataset.name


def check_rank_file(file, rank):
    assert file.attrs["schema"].decode() == "shardproof-trace-3"
    assert file.attrs["rank"] == rank and file.attrs["world"] == 2 and file.attrs["complete"] == 1
    assert file["settings"].attrs["cpu"].decode() == "a processor"
    assert file["scenario"][()].decode() == '{"name": "small"}'
    row = file["collectives"][0]
    assert (row["stage"], row["step"], row["micro"], row["sequence"]) == (1, 0, 1, 7)
    assert row["kind"].decode() == "all_reduce" and row["bytes"] == 24
    assert h5py.check_enum_dtype(file["collectives"].dtype["stage"])["final"] == 2
    orders = [file[f"/step/000000/parameter/{name}"].attrs["shardproof"]["order"]
              for name in file["/step/000000/parameter"]]
    if XXHASH:
        for name in ("scenario", "program", "collectives"):
            check_guard(file[name])
    assert orders == sorted(orders), "links are listed in the order of execution"


def check_trace(folder):
    files = [h5py.File(os.path.join(folder, f"rank-0000{rank}.h5"), "r") for rank in range(2)]
    for rank, file in enumerate(files):
        check_rank_file(file, rank)
    count = 0
    with h5py.File(os.path.join(folder, "trace.h5"), "r") as master:
        for path, dtype, shape, values in expected_tensors(folder):
            check_values(master[path], dtype, shape, values)
            got = assemble(files, path, dtype, shape).reshape(-1)
            assert all(same(float(g), e) for g, e in zip(got, values)), (path, got, values)
            for source in master[path].attrs["sources"]:
                shard = files[int(source["file"].decode()[5:10])]
                assert shard[path].attrs["shardproof"]["hash"] == source["hash"], path
                if XXHASH:
                    check_hash(shard[path])
            count += 1
    assert count >= 25, count
    return count


def check_missing_shard_reads_as_nan(folder):
    os.rename(os.path.join(folder, "rank-00001.h5"), os.path.join(folder, "elsewhere.h5"))
    with h5py.File(os.path.join(folder, "trace.h5"), "r") as master:
        for dtype in ("fp64", "fp32", "bf16", "fp16"):
            rows = master[f"/step/000000/parameter/rows.{dtype}"][()]
            assert rows[0, 0] == 1 and numpy.isnan(rows[2:]).all(), (dtype, rows)
        assert (master["/step/000000/parameter/rows.int64"][2:] == -1).all()


with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], folder], check=True)
    print(check_trace(folder), "tensors agree")
    check_missing_shard_reads_as_nan(folder)

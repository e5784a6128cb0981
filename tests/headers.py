"""Checks that every header of the wings compiles alone: it includes, or declares, all it names.

    python3 tests/headers.py BUILD

The build compiles X.hpp alone where X.cpp includes it before everything else, and that is the rule.
The headers without an X.cpp are compiled here, by the C++ compiler and with the flags of a source
near them: those of real/cuda as for the simulated GPU.

The build precompiles some of the standard library's headers, so it does not notice where one of
them is missing. Here each file that names something of theirs must include, itself or through
others of ours, the header that has it.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import include_rules

ROOT = pathlib.Path(__file__).parents[1]
TOPS = ["scenarios", "reference", "real", "sim", "reports"]
FIRST_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)

COMMENT = re.compile(r"//.*")
STANDARD_NAME = re.compile(r"\bstd::(\w+)")
PRECOMPILED = re.compile(r"function\(shardproof_precompile_headers.*?endfunction", re.S)

# What the precompiled headers have, of what is used here; <utility> comes with all the others.
PROVIDED = {
    "algorithm": "adjacent_find all_of any_of binary_search clamp copy_if copy_n count count_if "
                 "equal fill_n find_if max_element min_element minmax minmax_element none_of "
                 "ranges replace rotate sort stable_partition stable_sort transform",
    "array": "array to_array",
    "cmath": "ceil copysign cos cosh erf exp exp2 expm1 fabs floor fma fmax fmin fmod ilogb "
             "isfinite isinf isnan ldexp log nearbyint nextafter pow signbit sin sqrt tanh trunc",
    "cstdint": "int16_t int32_t int64_t uint16_t uint32_t uint64_t uint8_t uintptr_t",
    "cstring": "memchr memcmp memcpy memmove memset strcpy strerror strlen",
    "filesystem": "filesystem",
    "functional": "function greater hash less not_equal_to",
    "map": "map multimap",
    "memory": "make_shared make_unique shared_ptr unique_ptr weak_ptr",
    "numeric": "accumulate gcd iota reduce",
    "optional": "nullopt optional",
    "set": "multiset set",
    "span": "as_bytes as_writable_bytes span",
    "string": "getline stod stoi stoull string to_string",
    "string_view": "string_view",
    "utility": "",
    "vector": "vector",
}
# Those that the standard has bring others along, or the library does by design.
ALSO_IN = {"string_view": ["string", "filesystem"], "string": ["filesystem", "sstream"]}


def missing_standard_headers(includes):
    """Files that name what a precompiled header has, and do not include it."""
    header_of = {name: header for header, names in PROVIDED.items() for name in names.split()}
    for name in includes:
        if name.startswith("tests/"):
            continue
        seen = {included for _, _, included in include_rules.reached(includes, name)}
        text = COMMENT.sub("", (ROOT / name).read_text(encoding="utf-8"))
        for used in sorted(set(STANDARD_NAME.findall(text)) & header_of.keys()):
            header = header_of[used]
            if seen.isdisjoint([header, *ALSO_IN.get(header, [])]):
                yield f"{name}: names std::{used} without <{header}>"


def flags_of(entry):
    """Compiler and flags, without what names the source and the object."""
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if word.startswith("-")) - 1
    for before, word in itertools.pairwise(["", *words[compiler:]]):
        named = before == "-o" or word == entry["file"]
        if not named and word not in ("-o", "-c"):
            yield word


def flags_by_folder(build):
    """{folder: the flags of its first source, and what any has defined, or sees}."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["file"])
        is_source = path.suffix in (".cpp", ".cu") and "nvcc" not in entry["command"].split()[0]
        if is_source and path.is_relative_to(ROOT):
            found = list(flags_of(entry))
            known = flags.setdefault(path.parent, found)
            known += [word for word in found if word[:2] in ("-D", "-I") and word not in known]
    return flags


def error_of(header, flags):
    """What the compiler says of a source that includes nothing but the header; empty: nothing."""
    folder = next((p for p in header.parents if p in flags), ROOT)
    source = f'#include "{header.relative_to(ROOT).as_posix()}"\n'
    command = [*flags[folder], "-fsyntax-only", "-x", "c++", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def is_included_first(header, name):
    """Whether the header's own source shows that it compiles alone."""
    own = header.with_suffix(".cpp")
    first = FIRST_INCLUDE.search(own.read_text(encoding="utf-8"))
    return first is not None and first[1] == name


def main():
    headers = [p for top in TOPS for p in sorted((ROOT / top).rglob("*.hpp"))]
    if len(headers) < 100:
        sys.exit(f"headers: only {len(headers)} found in {ROOT}")
    problems, alone = [], []
    for header in headers:
        name = header.relative_to(ROOT).as_posix()
        if not header.with_suffix(".cpp").exists():
            alone.append(header)
        elif not is_included_first(header, name):
            problems.append(f"{name}: its own source does not include it before everything else")
    cmake = PRECOMPILED.search((ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[0]
    if set(re.findall(r"<(\w+)>", cmake)) != PROVIDED.keys():
        problems.append("CMakeLists.txt precompiles other headers than are looked for here")
    problems += missing_standard_headers(include_rules.read_includes(ROOT))
    flags = flags_by_folder(pathlib.Path(sys.argv[1]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        problems += filter(None, workers.map(lambda header: error_of(header, flags), alone))
    counts = f"{len(headers)} headers compile alone, {len(alone)} of them tried here"
    print("\n".join(problems) or counts)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

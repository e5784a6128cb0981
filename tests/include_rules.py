"""Checks who includes whom: wings, heavy headers, cycles between folders. Exit code 1 if a rule is
broken.

    python3 tests/include_rules.py [ROOT]
    python3 tests/include_rules.py --self-test    each rule, broken once, must be told

What a file includes is all that it reaches: a header brings along what it includes itself.
"""

import pathlib
import re
import sys
import tempfile

# What a wing's files may reach besides their own wing. tests/ and main.cpp may reach everything.
MAY_INCLUDE = {
    "scenarios": [],
    "reference": ["scenarios"],
    "real": ["scenarios"],
    "sim": ["scenarios", "real"],
    "reports": ["scenarios", "reference"],
}
# The oracle must not know the split.
FORBIDDEN = {"reference": ("scenarios/plan/", "scenarios/partition/")}

# Slow or leaky headers: in no header file, and these only where they are wrapped.
HEAVY = re.compile(r"(nlohmann/|CLI/|hdf5|H5|mpi\.h|fmt/|cblas\.h|pcre2)")
ONLY_IN = {
    "hdf5.h": ["scenarios/hdf5/hdf5_call.hpp"],
    "pcre2.h": ["scenarios/partition/pattern.cpp"],
    "mpi.h": ["real/comm/mpi_call.hpp"],
    "nlohmann/": ["scenarios/json/json_document.cpp"],
}
# Included by the source files that call MPI and HDF5, and by nobody else.
HEAVY_HEADER_FILES = {
    "real/comm/mpi_call.hpp": ["real/comm/mpi_communicator.cpp", "real/comm/mpi_process.cpp",
                               "sim/gpu/messages.cpp", "tests/bench/ring.cpp"],
    "scenarios/hdf5/hdf5_call.hpp": [
        f"scenarios/hdf5/{name}.cpp"
        for name in ("attribute", "dataset", "file", "group", "handle", "hdf5_call",
                     "object_properties", "space", "stored_table", "types", "virtual_dataset")],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def wing_of(path):
    return path.split("/")[0] if "/" in path else ""


def folder_of(path):
    return path.rpartition("/")[0]


def read_includes(root):
    """{file: [(line, included)]} of every C++ file of the wings, the tests and the main program."""
    files = [root / "main.cpp"]
    for top in [*MAY_INCLUDE, "tests"]:
        found = [p for p in sorted((root / top).rglob("*")) if p.suffix in (".hpp", ".cpp", ".cu")]
        if not found:
            sys.exit(f"include_rules: no C++ file in {root / top}")
        files += found
    includes = {}
    for path in files:
        lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        found = [(line, match[1]) for line, text in lines if (match := INCLUDE.match(text))]
        includes[path.relative_to(root).as_posix()] = found
    return includes


def reached(includes, start):
    """(line in start, headers on the way, included) of each file that start reaches."""
    seen = {start}
    todo = [(line, (), included) for line, included in includes[start]]
    for line, way, included in todo:  # grows while it is walked
        if included in seen:
            continue
        seen.add(included)
        yield line, way, included
        todo += [(line, (*way, included), further) for _, further in includes.get(included, ())]


def broken_rules(includes):
    for name in includes:
        for line, way, included in reached(includes, name):
            through = f" through {', '.join(way)}" if way else ""
            for problem in broken_by(name, included, direct=not way):
                yield f"{name}:{line}: includes {included}{through}: {problem}"


def broken_by(name, included, direct):
    wing, other = wing_of(name), wing_of(included)
    known_wing = other in MAY_INCLUDE or other == "tests"
    if wing in MAY_INCLUDE and known_wing and other not in [wing, *MAY_INCLUDE[wing]]:
        yield f"{wing}/ may include {MAY_INCLUDE[wing] or 'no other wing'}"
    for forbidden in FORBIDDEN.get(wing, ()):
        if included.startswith(forbidden):
            yield f"{wing}/ never includes {forbidden}"
    if HEAVY.match(included) and name.endswith(".hpp") and name not in HEAVY_HEADER_FILES:
        yield "a heavy header, in a header"
    for heavy, places in ONLY_IN.items():
        if direct and included.startswith(heavy) and name not in places:
            yield f"only {', '.join(places)} may"
    if included in HEAVY_HEADER_FILES and name not in HEAVY_HEADER_FILES[included]:
        yield f"only {', '.join(HEAVY_HEADER_FILES[included])} may"


def folder_edges(includes):
    edges = {}
    for name, found in includes.items():
        for line, included in found:
            a, b = folder_of(name), folder_of(included)
            if wing_of(name) in MAY_INCLUDE and wing_of(included) in MAY_INCLUDE and a != b:
                edges.setdefault((a, b), f"{name}:{line}")
    return edges


def cycles(edges):
    """One sentence for each edge that lies on a cycle of folders."""
    after = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)

    def reaches(start, goal):
        seen, todo = set(), [start]
        while todo:
            folder = todo.pop()
            if folder == goal:
                return True
            if folder not in seen:
                seen.add(folder)
                todo += after.get(folder, ())
        return False

    for (a, b), place in sorted(edges.items()):
        if reaches(b, a):
            yield f"{place}: {a}/ includes {b}/, which comes back to {a}/: a cycle of folders"


def problems_of(includes):
    return [*broken_rules(includes), *cycles(folder_edges(includes))]


# A tree in which every rule is kept; and what breaks each rule: files, and what must be told.
KEPT = {
    "main.cpp": ["reports/judge.hpp", "sim/simulate.hpp", "fmt/format.h"],
    "scenarios/shape.hpp": ["vector"],
    "scenarios/json/json_document.hpp": ["scenarios/shape.hpp"],
    "scenarios/json/json_document.cpp": ["scenarios/json/json_document.hpp", "nlohmann/json.hpp"],
    "scenarios/hdf5/hdf5_call.hpp": ["hdf5.h"],
    "scenarios/hdf5/file.cpp": ["scenarios/hdf5/hdf5_call.hpp"],
    "scenarios/partition/plan.hpp": ["scenarios/json/json_document.hpp"],
    "scenarios/plan/program.hpp": ["scenarios/partition/plan.hpp"],
    "scenarios/settings/task.hpp": ["scenarios/shape.hpp"],
    "scenarios/settings/scenario.hpp": ["scenarios/partition/plan.hpp"],
    "reference/graph.hpp": ["scenarios/settings/task.hpp"],
    "real/comm/mpi_call.hpp": ["mpi.h"],
    "real/comm/mpi_process.cpp": ["real/comm/mpi_call.hpp"],
    "real/run.hpp": ["scenarios/settings/scenario.hpp"],
    "sim/simulate.hpp": ["real/run.hpp"],
    "reports/judge.hpp": ["reference/graph.hpp", "scenarios/plan/program.hpp"],
    "reports/judge.cpp": ["reports/judge.hpp", "fmt/format.h"],
    "tests/all.cpp": ["reference/graph.hpp", "real/run.hpp"],
}
BROKEN = [
    (
        {"real/run.hpp": ["reference/graph.hpp"]},
        "real/run.hpp:1: includes reference/graph.hpp: real/ may include",
    ),
    (
        {"scenarios/shape.hpp": ["reference/graph.hpp"]},
        "real/run.hpp:1: includes reference/graph.hpp through scenarios/settings/scenario.hpp, "
        "scenarios/partition/plan.hpp, scenarios/json/json_document.hpp, scenarios/shape.hpp: real",
    ),
    ({"sim/simulate.hpp": ["tests/all.hpp"]}, "sim/simulate.hpp:1: includes tests/all.hpp: sim/"),
    (
        {"reference/graph.hpp": ["scenarios/plan/program.hpp"]},
        "reference/graph.hpp:1: includes scenarios/plan/program.hpp: reference/ never includes",
    ),
    (
        {"reference/graph.hpp": ["scenarios/settings/scenario.hpp"]},
        "reference/graph.hpp:1: includes scenarios/partition/plan.hpp through "
        "scenarios/settings/scenario.hpp: reference/ never includes",
    ),
    ({"real/run.hpp": ["fmt/format.h"]}, "real/run.hpp:1: includes fmt/format.h: a heavy header"),
    (
        {"sim/fake.hpp": ["sim/inner.hpp"], "sim/inner.hpp": ["cblas.h"]},
        "sim/fake.hpp:1: includes cblas.h through sim/inner.hpp: a heavy header",
    ),
    ({"reports/judge.cpp": ["pcre2.h"]}, "reports/judge.cpp:1: includes pcre2.h: only"),
    (
        {"real/run.cpp": ["real/comm/mpi_call.hpp"]},
        "real/run.cpp:1: includes real/comm/mpi_call.hpp: only",
    ),
    (
        {"real/inner.hpp": ["real/comm/mpi_call.hpp"], "real/run.cpp": ["real/inner.hpp"]},
        "real/run.cpp:1: includes real/comm/mpi_call.hpp through real/inner.hpp: only",
    ),
    (
        {"scenarios/json/back.cpp": ["scenarios/partition/plan.hpp"]},
        "scenarios/json/back.cpp:1: scenarios/json/ includes scenarios/partition/, which comes",
    ),
]


def problems_of_tree(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, includes in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            text = "".join(f'#include "{included}"\n' for included in includes)
            (root / name).write_text(text, encoding="utf-8")
        return problems_of(read_includes(root))


def self_test():
    failures = [f"told of a tree that keeps the rules: {p}" for p in problems_of_tree(KEPT)]
    for files, expected in BROKEN:
        told = problems_of_tree({**KEPT, **files})
        if not any(problem.startswith(expected) for problem in told):
            failures.append("\n    ".join([f"not told: {expected}", *told]))
    return failures, f"{len(BROKEN)} breaches, each told"


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        problems, summary = self_test()
    else:
        root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[1])
        includes = read_includes(root)
        problems = problems_of(includes)
        count = sum(map(len, includes.values()))
        summary = f"{len(includes)} files, {count} includes: all as they may be"
    print("\n".join(problems) or summary)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

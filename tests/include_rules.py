"""Checks who includes whom: wings, heavy headers, cycles between folders. Exit code 1 if a rule is broken.

    python3 tests/include_rules.py [ROOT]
"""

import pathlib
import re
import sys

# What a wing's files may include besides their own wing. tests/ and main.cpp may include everything.
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
    "real/comm/mpi_call.hpp": ["real/comm/mpi_communicator.cpp", "real/comm/mpi_process.cpp"],
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
    """[(file, line, included)] of every C++ file of the wings, the tests and the main program."""
    files = [root / "main.cpp"]
    for top in [*MAY_INCLUDE, "tests"]:
        found = [p for p in sorted((root / top).rglob("*")) if p.suffix in (".hpp", ".cpp", ".cu")]
        if not found:
            sys.exit(f"include_rules: no C++ file in {root / top}")
        files += found
    includes = []
    for path in files:
        name = path.relative_to(root).as_posix()
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := INCLUDE.match(text):
                includes.append((name, line, match[1]))
    return files, includes


def broken_rules(includes):
    for name, line, included in includes:
        wing, other = wing_of(name), wing_of(included)
        place = f"{name}:{line}: includes {included}"
        known_wing = other in MAY_INCLUDE or other == "tests"
        if wing in MAY_INCLUDE and known_wing and other not in [wing, *MAY_INCLUDE[wing]]:
            yield f"{place}: {wing}/ may include {MAY_INCLUDE[wing] or 'no other wing'}"
        for forbidden in FORBIDDEN.get(wing, ()):
            if included.startswith(forbidden):
                yield f"{place}: {wing}/ never includes {forbidden}"
        if HEAVY.match(included) and name.endswith(".hpp") and name not in HEAVY_HEADER_FILES:
            yield f"{place}: a heavy header, in a header"
        for heavy, places in ONLY_IN.items():
            if included.startswith(heavy) and name not in places:
                yield f"{place}: only {', '.join(places)} may"
        if included in HEAVY_HEADER_FILES and name not in HEAVY_HEADER_FILES[included]:
            yield f"{place}: only {', '.join(HEAVY_HEADER_FILES[included])} may"


def folder_edges(includes):
    edges = {}
    for name, line, included in includes:
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


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    files, includes = read_includes(root)
    edges = folder_edges(includes)
    problems = list(broken_rules(includes))
    problems += cycles(edges)
    print("\n".join(problems) or f"{len(files)} files, {len(includes)} includes: all as they may be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

// Nothing: a target with a precompiled header needs a source (tests/CMakeLists.txt).

# Writes OUTPUT, a header with the version and the commit of SOURCE; leaves it alone if nothing
# changed, so that a build without a new commit compiles nothing.
#   cmake -DSOURCE=... -DOUTPUT=... -DVERSION=... -P write_commit.cmake
execute_process(COMMAND git --no-optional-locks describe --always --dirty --abbrev=12 --exclude=*
                WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE COMMIT RESULT_VARIABLE FAILED
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(FAILED)
  set(COMMIT unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
#pragma once
#define SHARDPROOF_VERSION "@VERSION@"
#define SHARDPROOF_COMMIT "@COMMIT@"
]] @ONLY)

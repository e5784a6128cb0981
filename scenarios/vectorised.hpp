#pragma once

/// Before a function whose loops are worth the widest registers that the processor has: the
/// compiler makes it twice, and the loader takes what fits. AVX2 has no fused multiply-add, so both
/// give the same bits. Sanitizers run before the loader can ask the processor.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SHARDPROOF_VECTORISED __attribute__((target_clones("avx2", "default")))
#else
#define SHARDPROOF_VECTORISED
#endif

#include "dispatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace swinkit {

extern const Kernels portable_kernels;

#if defined(__x86_64__)

extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
extern const Kernels avx512_bf16_kernels;
extern const Kernels amx_bf16_kernels;

namespace {

// These ask the processor and, for the wide registers, whether the system saves them.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// Linux gives the tile registers, 8 KiB of state for each thread, to processes that ask.
bool has_amx_bf16() {
#if defined(__linux__)
    unsigned a, b, c, d;
    const bool has = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) && (d >> 24 & 1); // AMX-BF16, AMX-TILE
    constexpr long ask = 0x1023, tile_data = 18;
    static const bool granted = has && has_avx512_bf16() && syscall(SYS_arch_prctl, ask, tile_data) == 0;
    return granted;
#else
    return false;
#endif
}

} // namespace
#endif

namespace {
bool always() { return true; }
} // namespace

// Best first.
const Target targets[] = {
#if defined(__x86_64__)
    {"amx_bf16", "bfloat16", has_amx_bf16, &amx_bf16_kernels},
    {"avx512_bf16", "bfloat16", has_avx512_bf16, &avx512_bf16_kernels},
    {"avx512", "float32", has_avx512, &avx512_kernels},
    {"avx2", "float32", has_avx2, &avx2_kernels},
#endif
    {"portable", "float32", always, &portable_kernels},
};
const int target_count = sizeof targets / sizeof *targets;

} // namespace swinkit

int swk_version(void) { return SWK_VERSION; }
int swk_targets(void) { return swinkit::target_count; }
const char *swk_target_name(int target) { return swinkit::targets[target].name; }
const char *swk_target_dtype(int target) { return swinkit::targets[target].dtype; }
int swk_target_panel(int target) { return swinkit::targets[target].kernels->panel; }
int swk_target_runs(int target) { return swinkit::targets[target].runs(); }

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
extern const Kernels portable_int8_kernels;

#if defined(__aarch64__)
extern const Kernels neon_kernels;
#endif

#if defined(__x86_64__)

extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
extern const Kernels avx512_bf16_kernels;
extern const Kernels amx_bf16_kernels;
extern const Kernels avx2_int8_kernels;
extern const Kernels avx_vnni_kernels;
extern const Kernels avx512_vnni_kernels;
extern const Kernels amx_int8_kernels;

namespace {

// These ask the processor and, for the wide registers, whether the system saves them.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }

// The flags of leaf 7 that the compiler has no names for.
bool has_flag(unsigned subleaf, unsigned which, unsigned bit) {
    unsigned registers[4];
    return __get_cpuid_count(7, subleaf, registers, registers + 1, registers + 2, registers + 3) &&
           (registers[which] >> bit & 1);
}

bool has_avx_vnni() { return has_avx2() && has_flag(1, 0, 4); }

// Linux gives the tile registers, 8 KiB of state for each thread, to processes that ask.
bool has_tiles() {
#if defined(__linux__)
    constexpr long ask = 0x1023, tile_data = 18;
    static const bool granted = has_flag(0, 3, 24) && syscall(SYS_arch_prctl, ask, tile_data) == 0;
    return granted;
#else
    return false;
#endif
}

bool has_amx_bf16() { return has_flag(0, 3, 22) && has_avx512_bf16() && has_tiles(); }
bool has_amx_int8() { return has_flag(0, 3, 25) && has_avx512_vnni() && has_tiles(); }

} // namespace
#endif

namespace {
bool always() { return true; }
} // namespace

// Best first.
const Target targets[] = {
#if defined(__x86_64__)
    {"amx_bf16", "bfloat16", has_amx_bf16, &amx_bf16_kernels, true},
    {"avx512_bf16", "bfloat16", has_avx512_bf16, &avx512_bf16_kernels, true},
    {"avx512", "float32", has_avx512, &avx512_kernels, true},
    {"avx2", "float32", has_avx2, &avx2_kernels, true},
    {"amx_int8", "int8", has_amx_int8, &amx_int8_kernels, true},
    {"avx512_vnni", "int8", has_avx512_vnni, &avx512_vnni_kernels, true},
    {"avx_vnni", "int8", has_avx_vnni, &avx_vnni_kernels, true},
    {"avx2", "int8", has_avx2, &avx2_int8_kernels, true},
#endif
#if defined(__aarch64__)
    {"neon", "float32", always, &neon_kernels, false}, // under an emulator alone
#endif
    {"portable", "float32", always, &portable_kernels, true},
    {"portable", "int8", always, &portable_int8_kernels, true},
};
const int target_count = sizeof targets / sizeof *targets;

} // namespace swinkit

int swk_version(void) { return SWK_VERSION; }
int swk_targets(void) { return swinkit::target_count; }
const char *swk_target_name(int target) { return swinkit::targets[target].name; }
const char *swk_target_dtype(int target) { return swinkit::targets[target].dtype; }
int swk_target_panel(int target) { return swinkit::targets[target].kernels->panel; }
int swk_target_inputs(int target) { return swinkit::targets[target].kernels->inputs; }
int swk_target_end_panel(int target) { return swinkit::targets[target].kernels->end_panel; }
int swk_target_runs(int target) { return swinkit::targets[target].runs(); }
int swk_target_tested(int target) { return swinkit::targets[target].tested; }

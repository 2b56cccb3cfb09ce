#include "dispatch.h"

namespace swinkit {

extern const Kernels portable_kernels;

#if defined(__x86_64__)

extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;

namespace {

// These ask the processor and, for the wide registers, whether the system saves them.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

} // namespace
#endif

namespace {
bool always() { return true; }
} // namespace

// Best first.
const Target targets[] = {
#if defined(__x86_64__)
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

// The targets there are: which instructions each needs, and its kernels.
#pragma once

#include "kernels/tasks.h"

namespace swinkit {

struct Target {
    const char *name;
    const char *dtype;
    bool (*runs)();
    const Kernels *kernels;
    bool tested; // on a machine that has the instructions
};

extern const Target targets[];
extern const int target_count;

} // namespace swinkit

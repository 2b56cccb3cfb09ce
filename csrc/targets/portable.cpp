// float32 on any processor that the compiler knows.
#define SWK_TARGET portable
#include "../kernels/tasks.h"

#include "../vectors/portable.h"

#include "../kernels/product.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels portable_kernels;
const Kernels portable_kernels = portable::kernels<float>();
} // namespace swinkit

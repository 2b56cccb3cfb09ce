// float32 on NEON.
#define SWK_TARGET neon
#include "../kernels/tasks.h"

#include "../vectors/neon.h"

#include "../kernels/product.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels neon_kernels;
const Kernels neon_kernels = neon::kernels<float>();
} // namespace swinkit

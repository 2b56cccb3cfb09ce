// float32 on AVX2 with FMA.
#define SWK_TARGET avx2
#include "../kernels/tasks.h"

#include "../vectors/avx2.h"

#include "../kernels/product.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels avx2_kernels;
const Kernels avx2_kernels = avx2::kernels<float>();
} // namespace swinkit

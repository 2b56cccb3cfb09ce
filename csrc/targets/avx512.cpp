// float32 on AVX-512.
#define SWK_TARGET avx512
#include "../kernels/tasks.h"

#include "../vectors/avx512.h"

#include "../kernels/product.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels avx512_kernels;
const Kernels avx512_kernels = avx512::kernels<float>();
} // namespace swinkit

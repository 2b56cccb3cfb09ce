// int8 on AVX2; what is no product of a layer in blocks is float32.
#define SWK_TARGET avx2_int8
#include "../kernels/tasks.h"

#include "../vectors/avx2_int8.h"

#include "../kernels/product.h"

#include "../kernels/tile_int8.h"

#include "../kernels/product_int8.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels avx2_int8_kernels;
const Kernels avx2_int8_kernels = avx2_int8::kernels<avx2_int8::Int8, float>();
} // namespace swinkit

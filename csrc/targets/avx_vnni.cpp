// int8 on AVX-VNNI; what is no product of a layer in blocks is float32 on AVX2.
#define SWK_TARGET avx_vnni
#include "../kernels/tasks.h"

#include "../vectors/avx2_int8.h"

#include "../kernels/product.h"

#include "../kernels/tile_int8.h"

#include "../kernels/product_int8.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels avx_vnni_kernels;
const Kernels avx_vnni_kernels = avx_vnni::kernels<avx_vnni::Int8, float>();
} // namespace swinkit

// int8 on AVX-512 with VNNI; what is no product of a layer in blocks is float32 on AVX-512.
#define SWK_TARGET avx512_vnni
#include "../kernels/tasks.h"

#include "../vectors/avx512_vnni.h"

#include "../kernels/product.h"

#include "../kernels/tile_int8.h"

#include "../kernels/product_int8.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels avx512_vnni_kernels;
const Kernels avx512_vnni_kernels = avx512_vnni::kernels<avx512_vnni::Int8, float>();
} // namespace swinkit

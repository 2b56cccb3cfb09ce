// bfloat16 on AVX512-BF16, layers and attention; what is no product is float32 on AVX-512.
#define SWK_TARGET avx512_bf16
#include "../kernels/tasks.h"

#include "../vectors/avx512_bf16.h"

#include "../kernels/product.h"

#include "../kernels/product_bf16.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels avx512_bf16_kernels;
const Kernels avx512_bf16_kernels = avx512_bf16::kernels<avx512_bf16::Bf16>();
} // namespace swinkit

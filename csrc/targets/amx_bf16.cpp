// bfloat16 on AMX, layers and attention; what is no product is float32 on AVX-512.
#define SWK_TARGET amx_bf16
#include "../kernels/tasks.h"

#include "../vectors/avx512_bf16.h"

#include "../kernels/product.h"

#define SWK_TILE_ELEMENT Bf16
#define SWK_TILE_PRODUCT _tile_dpbf16ps
#include "../kernels/product_amx.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels amx_bf16_kernels;
const Kernels amx_bf16_kernels =
    amx_bf16::kernels<amx_bf16::Bf16>(amx_bf16::take_tiles, amx_bf16::give_tiles_back);
} // namespace swinkit

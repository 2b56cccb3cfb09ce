// int8 on AMX; what is no product of a layer in blocks is float32 on AVX-512.
#define SWK_TARGET amx_int8
#include "../kernels/tasks.h"

#include "../vectors/avx512_vnni.h"

#include "../kernels/product.h"

#define SWK_TILE_ELEMENT Int8
#define SWK_TILE_PRODUCT _tile_dpbusd
#include "../kernels/product_amx.h"

#include "../kernels/product_int8.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels amx_int8_kernels;
const Kernels amx_int8_kernels = amx_int8::kernels<amx_int8::Int8, float>(amx_int8::take_tiles, amx_int8::give_tiles_back);
} // namespace swinkit

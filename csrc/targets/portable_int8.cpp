// int8 on any processor that the compiler knows; what is no product of a layer in blocks is float32.
#define SWK_TARGET portable_int8
#include "../kernels/tasks.h"

#include "../vectors/portable_int8.h"

#include "../kernels/product.h"

#include "../kernels/tile_int8.h"

#include "../kernels/product_int8.h"

#include "../kernels/all.h"

namespace swinkit {
extern const Kernels portable_int8_kernels;
const Kernels portable_int8_kernels = portable_int8::kernels<portable_int8::Int8, float>();
} // namespace swinkit

// The tile of a product of int8 on vectors: as that of float32, with four inputs at a time.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

template <> struct Cut<Int8> {
    static constexpr int rows = TILE_ROWS;
    static constexpr int vectors = TILE_VECTORS;
    static constexpr bool equal_tiles = true;
    static constexpr int inputs = PAD, at_once = 4;
    static constexpr int inputs_per_ask = 32;
    static constexpr long run = 1 << 20; // sums are exact
};

template <int ROWS, int VECTORS>
void tile_of(const Int8 *a, long a_step, const Int8 *b, long b_step, long inputs, float *sums, bool,
             Ahead ahead) {
    V sum[ROWS][VECTORS]; // that hold integers; as an array of those GCC 12 keeps them in memory
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) sum[i][j] = all(0.0f);
#pragma GCC unroll 1
    for (long k = 0; k < inputs; k += 4, b += 4 * b_step) {
        if (k % Cut<Int8>::inputs_per_ask == 0) ahead.ask();
        Integers weights[VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) weights[j] = load_bytes(b + 4 * j * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            int four;
            __builtin_memcpy(&four, a + i * a_step + k, sizeof four);
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++) sum[i][j] = (V)add_products((Integers)sum[i][j], four, weights[j]);
        }
    }
    store_sums(sum, sums, false);
}

}} // namespace

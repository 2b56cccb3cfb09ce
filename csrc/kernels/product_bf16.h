// The tile of a product of bfloat16 in AVX512-BF16: as that of float32, with two inputs at a time.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

template <> struct Cut<Bf16> {
    static constexpr int rows = TILE_ROWS;
    static constexpr int vectors = TILE_VECTORS;
    static constexpr bool equal_tiles = true;
    static constexpr int inputs = PAD, at_once = 2;
    static constexpr int inputs_per_ask = 16;
    static constexpr long run = 1 << 20; // rounding to bfloat16 hides that of the sums
};

template <int ROWS, int VECTORS>
void tile_of(const Bf16 *a, long a_step, const Bf16 *b, long b_step, long inputs, float *sums, bool adds,
             Ahead ahead) {
    V sum[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) sum[i][j] = all(0.0f);
#pragma GCC unroll 1
    for (long k = 0; k < inputs; k += 2, b += 2 * b_step) {
        if (k % Cut<Bf16>::inputs_per_ask == 0) ahead.ask();
        __m512bh weights[VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) weights[j] = (__m512bh)_mm512_loadu_si512(b + 2 * j * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            int pair;
            __builtin_memcpy(&pair, a + i * a_step + k, sizeof pair);
            const __m512bh input = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], input, weights[j]);
        }
    }
    store_sums(sum, sums, adds);
}

}} // namespace

// What the kernels ask of a vector, in AVX-512 (F, BW, DQ, VL).
#pragma once

#include <immintrin.h>

namespace swinkit::SWK_TARGET { namespace {

using V = __m512;
constexpr int LANES = 16;
// Registers of a product: 8 rows × 3 vectors of sums, 3 of weights and one broadcast make 28 of 32.
constexpr int TILE_ROWS = 8;
constexpr int TILE_VECTORS = 3;

inline V all(float x) { return _mm512_set1_ps(x); }
inline V load(const float *p) { return _mm512_loadu_ps(p); }
inline void store(float *p, V v) { _mm512_storeu_ps(p, v); }
inline V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }

// The first n lanes of v, behind them those of `rest`.
inline V first(V v, int n, V rest) { return _mm512_mask_mov_ps(rest, (__mmask16)((1u << n) - 1), v); }

// Where one operand is not a number, the second is returned.
inline V larger(V a, V b) { return _mm512_max_ps(a, b); }
inline V smaller(V a, V b) { return _mm512_min_ps(a, b); }
inline V magnitude(V v) { return _mm512_abs_ps(v); }

// `then` where a and b differ, `otherwise` elsewhere.
inline V where_differing(V a, V b, V then, V otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ), otherwise, then);
}

inline float sum(V v) { return _mm512_reduce_add_ps(v); }
inline float largest(V v) { return _mm512_reduce_max_ps(v); }

inline V rounded(V v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline V times_power_of_two(V v, V whole) { return _mm512_scalef_ps(v, whole); }

// 1/v to the last bit or two: 14 bits and one step of Newton's.
inline V reciprocal(V v) {
    const V guess = _mm512_rcp14_ps(v);
    return guess * _mm512_fnmadd_ps(v, guess, all(2.0f));
}

inline V root(V v) { return _mm512_sqrt_ps(v); }

template <int STEP> inline void exchange(V rows[LANES]) {
    // Lanes whose bit STEP differs from their row's change places with the row STEP away.
    alignas(64) int low[LANES], high[LANES];
    for (int lane = 0; lane < LANES; lane++) {
        low[lane] = lane & STEP ? LANES + lane - STEP : lane;
        high[lane] = lane & STEP ? LANES + lane : lane + STEP;
    }
    const __m512i take_low = _mm512_load_si512(low), take_high = _mm512_load_si512(high);
#pragma GCC unroll 16
    for (int row = 0; row < LANES; row++) {
        if (row & STEP) continue;
        const V a = rows[row], b = rows[row + STEP];
        rows[row] = _mm512_permutex2var_ps(a, take_low, b);
        rows[row + STEP] = _mm512_permutex2var_ps(a, take_high, b);
    }
}

inline void transpose(V rows[LANES]) {
    exchange<8>(rows);
    exchange<4>(rows);
    exchange<2>(rows);
    exchange<1>(rows);
}

}} // namespace

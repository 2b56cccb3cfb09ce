// What the kernels ask of a vector, in the vector extensions that GCC and Clang have for every processor.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

typedef float V __attribute__((vector_size(16)));
typedef int W __attribute__((vector_size(16)));
typedef float Unaligned __attribute__((vector_size(16), aligned(4), may_alias));
constexpr int LANES = 4;
// Registers of a product: 4 rows × 2 vectors of sums, 2 of weights, a broadcast and its product make 12 of 16.
constexpr int TILE_ROWS = 4;
constexpr int TILE_VECTORS = 2;

inline V all(float x) { return V{x, x, x, x}; }
inline V load(const float *p) { return *(const Unaligned *)p; }
inline void store(float *p, V v) { *(Unaligned *)p = v; }
inline V fma(V a, V b, V c) { return a * b + c; }

inline V chosen(W mask, V then, V otherwise) { return (V)((mask & (W)then) | (~mask & (W)otherwise)); }

// The first n lanes of v, behind them those of `rest`.
inline V first(V v, int n, V rest) { return chosen(W{0, 1, 2, 3} < W{n, n, n, n}, v, rest); }

// Where one operand is not a number, the second is returned.
inline V larger(V a, V b) { return chosen(a > b, a, b); }
inline V smaller(V a, V b) { return chosen(a < b, a, b); }
inline V magnitude(V v) { return (V)((W)v & 0x7fffffff); }

// `then` where a and b differ, `otherwise` elsewhere.
inline V where_differing(V a, V b, V then, V otherwise) { return chosen(a != b, then, otherwise); }

inline float sum(V v) { return (v[0] + v[1]) + (v[2] + v[3]); }

inline float largest(V v) {
    const float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];
    return a > b ? a : b;
}

// To the nearest whole number, for magnitudes below 2²²: what is added pushes the fraction out.
inline V rounded(V v) { return (v + 12582912.0f) - 12582912.0f; }

// whole is at least −127, which gives zero.
inline V times_power_of_two(V v, V whole) {
    return v * (V)((__builtin_convertvector(whole, W) + 127) << 23);
}

inline V reciprocal(V v) { return 1.0f / v; }

inline V root(V v) {
    return V{__builtin_sqrtf(v[0]), __builtin_sqrtf(v[1]), __builtin_sqrtf(v[2]), __builtin_sqrtf(v[3])};
}

inline void transpose(V rows[LANES]) {
    const V a = rows[0], b = rows[1], c = rows[2], d = rows[3];
    for (int i = 0; i < LANES; i++) rows[i] = V{a[i], b[i], c[i], d[i]};
}

}} // namespace

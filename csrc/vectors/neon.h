// What the kernels ask of a vector, in NEON as every 64-bit ARM processor has it.
#pragma once

#include <arm_neon.h>

namespace swinkit::SWK_TARGET { namespace {

using V = float32x4_t;
constexpr int LANES = 4;
// Registers of a product: 8 rows × 2 vectors of sums, 2 of weights and one broadcast make 19 of 32.
constexpr int TILE_ROWS = 8;
constexpr int TILE_VECTORS = 2;

inline V all(float x) { return vdupq_n_f32(x); }
inline V load(const float *p) { return vld1q_f32(p); }
inline void store(float *p, V v) { vst1q_f32(p, v); }
inline V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }

// The first n lanes of v, behind them those of `rest`.
inline V first(V v, int n, V rest) {
    const int32x4_t lane = {0, 1, 2, 3};
    return vbslq_f32(vcltq_s32(lane, vdupq_n_s32(n)), v, rest);
}

// Where one operand is not a number, the second is returned; NEON's own minimum would make it none.
inline V larger(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline V smaller(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
inline V magnitude(V v) { return vabsq_f32(v); }

// `then` where a and b differ, `otherwise` elsewhere.
inline V where_differing(V a, V b, V then, V otherwise) { return vbslq_f32(vceqq_f32(a, b), otherwise, then); }

inline float sum(V v) { return vaddvq_f32(v); }
inline float largest(V v) { return vmaxvq_f32(v); }
inline V rounded(V v) { return vrndnq_f32(v); }

// whole is at least −127, which gives zero.
inline V times_power_of_two(V v, V whole) {
    const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(whole), vdupq_n_s32(127));
    return vmulq_f32(v, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
}

inline V reciprocal(V v) { return vdivq_f32(all(1.0f), v); }
inline V root(V v) { return vsqrtq_f32(v); }

inline void transpose(V rows[LANES]) {
    const float32x4x2_t even = vtrnq_f32(rows[0], rows[1]), odd = vtrnq_f32(rows[2], rows[3]);
    rows[0] = vcombine_f32(vget_low_f32(even.val[0]), vget_low_f32(odd.val[0]));
    rows[1] = vcombine_f32(vget_low_f32(even.val[1]), vget_low_f32(odd.val[1]));
    rows[2] = vcombine_f32(vget_high_f32(even.val[0]), vget_high_f32(odd.val[0]));
    rows[3] = vcombine_f32(vget_high_f32(even.val[1]), vget_high_f32(odd.val[1]));
}

}} // namespace

// AVX-512 with products of bfloat16: pairs of inputs times pairs of weights, summed in float32.
#pragma once

#include "avx512.h"

namespace swinkit::SWK_TARGET { namespace {

struct Bf16 {
    unsigned short bits;
};

// Rounded to the nearest, ties to even.
inline void store_as(Bf16 *p, V v) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(v)); }

inline V load(const Bf16 *p) {
    return (V)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16);
}

// Lane by lane those of a and b side by side.
inline void store_pairs(Bf16 *p, V a, V b) {
    const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
    const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
    _mm512_storeu_si512(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

}} // namespace

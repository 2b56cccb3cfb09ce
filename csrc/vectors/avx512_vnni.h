// AVX-512 with products of bytes (VNNI).
#pragma once

#include "avx512.h"

namespace swinkit::SWK_TARGET { namespace {

struct Int8 {
    unsigned char bits; // of a row; signed in weights
};

using Integers = __m512i;

inline Integers load_bytes(const Int8 *p) { return _mm512_loadu_si512(p); }

// In each lane the products of four bytes of a row, the same in all lanes, with four weights.
inline Integers add_products(Integers sums, int four, Integers weights) {
    return _mm512_dpbusd_epi32(sums, _mm512_set1_epi32(four), weights);
}

// sums − factor·totals, where the lanes of `sums` hold integers.
inline V less_multiple(V sums, int factor, const int *totals) {
    const Integers multiple = _mm512_mullo_epi32(_mm512_set1_epi32(factor), _mm512_loadu_si512(totals));
    return _mm512_cvtepi32_ps(_mm512_sub_epi32((Integers)sums, multiple));
}

// Of numbers from 0 to 255, to the nearest.
inline void store_bytes(Int8 *p, V v) { _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v))); }

}} // namespace

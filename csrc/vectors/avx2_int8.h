// AVX2 with products of bytes: by those of 16 bits, or by VNNI where the target has it.
#pragma once

#include "avx2.h"

namespace swinkit::SWK_TARGET { namespace {

struct Int8 {
    unsigned char bits; // of a row; signed in weights
};

using Integers = __m256i;

inline Integers load_bytes(const Int8 *p) { return _mm256_loadu_si256((const __m256i *)p); }

// In each lane the products of four bytes of a row, the same in all lanes, with four weights.
inline Integers add_products(Integers sums, int four, Integers weights) {
    const Integers row = _mm256_set1_epi32(four);
#if defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(sums, row, weights);
#else
    // The first and third of four as numbers of 16 bits, then the second and fourth: no product of theirs overflows.
    const Integers even = _mm256_and_si256(row, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(row, 8);
    const Integers even_weights = _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8);
    const Integers odd_weights = _mm256_srai_epi16(weights, 8);
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(even, even_weights));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(odd, odd_weights));
#endif
}

// sums − factor·totals, where the lanes of `sums` hold integers.
inline V less_multiple(V sums, int factor, const int *totals) {
    const Integers multiple =
        _mm256_mullo_epi32(_mm256_set1_epi32(factor), _mm256_loadu_si256((const __m256i *)totals));
    return _mm256_cvtepi32_ps(_mm256_sub_epi32((Integers)sums, multiple));
}

// Of numbers from 0 to 255, to the nearest.
inline void store_bytes(Int8 *p, V v) {
    const __m256i pairs = _mm256_packus_epi32(_mm256_cvtps_epi32(v), _mm256_setzero_si256());
    const __m128i low = _mm256_castsi256_si128(pairs), high = _mm256_extracti128_si256(pairs, 1);
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(_mm_unpacklo_epi64(low, high), _mm_setzero_si128()));
}

}} // namespace

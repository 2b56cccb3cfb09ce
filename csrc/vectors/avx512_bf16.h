// AVX-512 with products of bfloat16: pairs of inputs times pairs of weights, summed in float32.
#pragma once

#include "avx512.h"

namespace swinkit::SWK_TARGET { namespace {

struct Bf16 {
    unsigned short bits;
};

// Rounded to the nearest, ties to even.
inline void store_as(Bf16 *p, V v) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(v)); }

}} // namespace

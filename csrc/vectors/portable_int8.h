// Products of bytes in the vector extensions of GCC and Clang.
#pragma once

#include "portable.h"

namespace swinkit::SWK_TARGET { namespace {

struct Int8 {
    unsigned char bits; // of a row; signed in weights
};

using Integers = W;

typedef int UnalignedInts __attribute__((vector_size(16), aligned(1), may_alias));

inline Integers load_bytes(const Int8 *p) { return *(const UnalignedInts *)p; }

// In each lane the products of four bytes of a row, the same in all lanes, with four weights.
inline Integers add_products(Integers sums, int four, Integers weights) {
    const unsigned row = (unsigned)four;
    // Shifts to the left of signed numbers are fine in C++20; those to the right keep the sign.
    sums += (weights << 24 >> 24) * (int)(row & 255);
    sums += (weights << 16 >> 24) * (int)(row >> 8 & 255);
    sums += (weights << 8 >> 24) * (int)(row >> 16 & 255);
    return sums + (weights >> 24) * (int)(row >> 24);
}

// sums − factor·totals, where the lanes of `sums` hold integers.
inline V less_multiple(V sums, int factor, const int *totals) {
    return __builtin_convertvector((Integers)sums - *(const UnalignedInts *)totals * factor, V);
}

// Of numbers from 0 to 255, to the nearest.
inline void store_bytes(Int8 *p, V v) {
    for (int i = 0; i < LANES; i++) p[i] = {(unsigned char)rounded(v)[i]};
}

}} // namespace

// One token at a time: moving it, and LayerNorm with ε = 1e-5.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

inline void store_as(float *p, V v) { store(p, v); }

// As a row of a product of that type: where it is rounded, a shorter GELU will do.
template <class Element> void store_gelu(typename Rows<Element>::Piece *p, V x) {
    store_as(p, sizeof(Element) < sizeof(float) ? quick_gelu(x) : gelu(x));
}

inline void copy(float *to, const float *from, long count) {
    long i = 0;
    for (; i + LANES <= count; i += LANES) store(to + i, load(from + i));
    for (; i < count; i++) to[i] = from[i];
}

// A padded row in the type of a product's first operand.
template <class Element> void convert(const float *x, long padded_channels, Element *y) {
    for (long i = 0; i < padded_channels; i += LANES) store_as(y + i, load(x + i));
}

template <class Element> void settle_row(const float *x, long padded_channels, const Rows<Element> &rows, long i) {
    convert(x, padded_channels, rows.row(i));
    rows.settle(i, padded_channels);
}

struct Moments {
    float mean;
    float scale; // 1/√(variance + ε)
};

// Of the first `channels` entries; what follows up to a whole number of vectors is zero.
inline Moments moments(const float *x, long channels) {
    V sums = all(0.0f), squares = all(0.0f);
    for (long i = 0; i < channels; i += LANES) sums = sums + load(x + i);
    const float mean = sum(sums) / (float)channels;
    long i = 0;
    for (; i + LANES <= channels; i += LANES) {
        const V apart = load(x + i) - all(mean);
        squares = fma(apart, apart, squares);
    }
    if (i < channels) {
        const V apart = first(load(x + i) - all(mean), (int)(channels - i), all(0.0f));
        squares = fma(apart, apart, squares);
    }
    return {mean, 1.0f / __builtin_sqrtf(sum(squares) / (float)channels + 1e-5f)};
}

inline V normalised(const float *x, long at, const Moments &m, const swk_norm &norm) {
    return fma((load(x + at) - all(m.mean)) * all(m.scale), load(norm.weight + at), load(norm.bias + at));
}

// y = norm(x), or x where there is no norm. Padding of y is zero, as that of weight and bias is.
template <class Element>
void normalise(const float *x, const swk_norm &norm, long channels, long padded_channels, Element *y) {
    if (!norm.weight) return convert(x, padded_channels, y);
    const Moments m = moments(x, channels);
    for (long i = 0; i < padded_channels; i += LANES) store_as(y + i, normalised(x, i, m, norm));
}

// As row i of a product's operand.
template <class Element>
void normalise(const float *x, const swk_norm &norm, long channels, long padded_channels, const Rows<Element> &rows,
               long i) {
    normalise(x, norm, channels, padded_channels, rows.row(i));
    rows.settle(i, padded_channels);
}

// x += norm(y)
inline void add_normalised(float *x, const float *y, const swk_norm &norm, long channels, long padded_channels) {
    const Moments m = moments(y, channels);
    for (long i = 0; i < padded_channels; i += LANES) store(x + i, load(x + i) + normalised(y, i, m, norm));
}

}} // namespace

// Products of int8: rows of bytes times signed weights, four inputs at a time, summed exactly in 32 bits.
//
// Each row (of one token; behind GELU, of one chunk of its hidden units) is rounded to 256 steps between its own
// smallest and largest number; each output's weights to 255 steps around 0. So
//
//   x ≈ step·(byte − zero),   W ≈ scale·weight,   x·Wᵀ ≈ step·scale·(Σ byte·weight − zero·Σ weight)
//
// and what stands in brackets are integers: the same on every instruction set.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

// How a row was rounded.
struct Grain {
    float step;
    int zero;
};

// Rounds `count` numbers. Where one is infinite or none, the step is none, and so is all that comes of the row.
inline Grain round_row(const float *x, long count, Int8 *bytes) {
    V low = all(0.0f), high = all(0.0f), spoilt = all(0.0f);
    for (long i = 0; i < count; i += LANES) {
        const V v = load(x + i);
        low = smaller(v, low);
        high = larger(v, high);
        spoilt = fma(v, all(0.0f), spoilt);
    }
    const float least = -largest(all(0.0f) - low), range = largest(high) - least, fault = sum(spoilt);
    const float steps = fault == 0.0f && range > 1e-30f ? 255.0f / range : 0.0f;
    const float zero = steps > 0.0f ? __builtin_rintf(-least * steps) : 0.0f;
    for (long i = 0; i < count; i += LANES) {
        const V v = fma(load(x + i), all(steps), all(zero));
        store_bytes(bytes + i, smaller(all(255.0f), larger(v, all(0.0f))));
    }
    return {steps > 0.0f ? range / 255.0f : fault, (int)zero};
}

template <> struct Rows<Int8> {
    using Piece = float;
    static constexpr bool needs_settling = true;
    float *pieces;
    Int8 *bytes;
    Grain *grains;
    long step, piece_step; // 0: room for the pieces of one row, a thread's own

    static Rows in_pieces(long rows, long step, Carver &common) {
        return {common.take<float>(rows * step), bytes_of(rows, step, common), common.take<Grain>(rows), step, step};
    }
    static Rows at_once(long rows, long step, Carver &common, Carver &own) {
        return {own.take<float>(step), bytes_of(rows, step, common), common.take<Grain>(rows), step, 0};
    }

    Rows with_step(long other) const { return {pieces, bytes, grains, other, piece_step ? other : 0}; }
    float *row(long i) const { return pieces + i * piece_step; }

    void settle(long i, long count) const {
        grains[i] = round_row(row(i), count, bytes + i * step);
        clear(bytes + i * step, count, step);
    }

  private:
    static Int8 *bytes_of(long rows, long step, Carver &common) {
        return common.take<Int8>((rows + Cut<Int8>::rows) * step);
    }
};

template <class Each>
void layer(const Rows<Int8> &x, long rows, const swk_linear &linear, Span inputs, Span outputs, const Each &each,
           long run = Cut<Int8>::run) {
    const long chunk = inputs.from / linear.chunk;
    const float *scale = linear.scale + outputs.from;
    const int *totals = linear.totals + chunk * rounded_up(linear.outputs, panel_outputs<Int8>()) + outputs.from;
    product((const Int8 *)x.bytes, x.step, rows, packed<Int8>(linear, outputs.from, inputs.from),
            inputs.to - inputs.from, outputs.to - outputs.from, [&](long row, long column, V sums) {
                const Grain grain = x.grains[row];
                each(row, column,
                     less_multiple(sums, grain.zero, totals + column) * (all(grain.step) * load(scale + column)));
            }, run);
}

}} // namespace

// Products of rows with panels of weights, the work of a Swin (96 % of its multiply-adds).
//
//   for each panel of outputs             weights of a panel stay in the nearest cache …
//     for each tile of rows               … while all rows pass by
//       for each input                    sums of tile × panel live in registers for a run of inputs
//         sums += input of each row × weights of the panel
//       hand the sums on, a vector at a time, to what follows: bias, GELU, residual, softmax
//
// A sum takes its inputs in their order, run by run, whatever the tile: bits do not depend on how rows are grouped.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

// Zeros from `from` to `to`.
template <class Element> void clear(Element *p, long from, long to) {
    for (long i = from; i < to; i++) p[i] = Element{};
}

// How products of one type of element are cut.
template <class Element> struct Cut;

template <> struct Cut<float> {
    static constexpr int rows = TILE_ROWS;
    static constexpr int vectors = TILE_VECTORS;
    static constexpr bool equal_tiles = true;
    static constexpr int inputs = PAD; // a multiple of which there are in layers
    static constexpr int at_once = 1;  // inputs of a step; a product has whole steps
    static constexpr int inputs_per_ask = 8; // calls of Ahead
    // Inputs summed in one run. Sums of runs are added up, so that rounding grows with the number of runs.
    static constexpr long run = 192;
};

// What a tile asks for while it is computed, so that it is in the second cache when its turn comes: a little at each
// call, because in a burst it takes the buffers that the tile's own rows and weights come through.
class Ahead {
  public:
    Ahead(const char *start, long each_) : at(start), each(each_) {}

    void ask() {
        for (long i = 0; i < each; i += LINE) __builtin_prefetch(at + i, 0, 2);
        at += each;
    }

  private:
    static constexpr long LINE = 64;
    const char *at;
    const long each; // bytes
};

// Sums of a tile to memory; row i starts at sums + i·TILE_VECTORS·LANES.
template <int ROWS, int VECTORS> void store_sums(const V (&sum)[ROWS][VECTORS], float *sums, bool adds) {
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) {
            float *to = sums + (i * TILE_VECTORS + j) * LANES;
            store(to, adds ? load(to) + sum[i][j] : sum[i][j]);
        }
}

template <int ROWS, int VECTORS>
void tile_of(const float *a, long a_step, const float *b, long b_step, long inputs, float *sums,
             bool adds, Ahead ahead) {
    V sum[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) sum[i][j] = all(0.0f);
#pragma GCC unroll 1
    for (long k = 0; k < inputs; k++, b += b_step) {
        if (k % Cut<float>::inputs_per_ask == 0) ahead.ask();
        V weights[VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) weights[j] = load(b + j * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            const V input = all(a[i * a_step + k]);
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++) sum[i][j] = fma(input, weights[j], sum[i][j]);
        }
    }
    store_sums(sum, sums, adds);
}

template <int ROWS, class Element>
void tile_with(int vectors, const Element *a, long a_step, const Element *b, long b_step, long inputs, float *sums,
               bool adds, Ahead ahead) {
    constexpr int rows = ROWS <= TILE_ROWS ? ROWS : 1; // taller tiles do not exist
    if (vectors == 1) return tile_of<rows, 1>(a, a_step, b, b_step, inputs, sums, adds, ahead);
    if (vectors == 2) return tile_of<rows, 2>(a, a_step, b, b_step, inputs, sums, adds, ahead);
    tile_of<rows, TILE_VECTORS>(a, a_step, b, b_step, inputs, sums, adds, ahead);
}

// Sums over one run of inputs, up to Cut::rows × Cut::vectors; row i starts at sums + i·Cut::vectors·LANES.
template <class Element>
void tile(int rows, int vectors, const Element *a, long a_step, const Element *b, long b_step, long inputs,
          float *sums, bool adds, Ahead ahead) {
    switch (rows) {
    case 1: return tile_with<1>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    case 2: return tile_with<2>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    case 3: return tile_with<3>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    case 4: return tile_with<4>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    case 5: return tile_with<5>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    case 6: return tile_with<6>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    case 7: return tile_with<7>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    default: return tile_with<8>(vectors, a, a_step, b, b_step, inputs, sums, adds, ahead);
    }
}

// Numbers of one output's inputs that lie side by side in panels.
template <class Element> constexpr long together() { return sizeof(float) / sizeof(Element); }

// Where the second operand of a product lies: vectors of outputs side by side, one row for each input, or where
// several lie together, a longer row for those.
template <class Element> struct Panels {
    const Element *start;
    long row;    // from one input to the next, on average
    long panel;  // from one panel to the next
    int vectors; // in a panel
    bool packed; // one panel follows the other
};

// The part of the next panel that a tile asks for; `at`: inputs that the tiles of this one have behind them. Behind the
// last packed panel lies what comes next, or nothing, and to ask for that does no harm.
template <class Element> Ahead next_panel(const Panels<Element> &b, const Element *panel, long at, long tiles) {
    const long bytes = b.packed ? b.row * (long)sizeof(Element) : 0; // of one input
    return {(const char *)(panel + b.panel) + at * bytes / tiles, Cut<Element>::inputs_per_ask * bytes / tiles};
}

// each(row, column, sums) for every row and every LANES columns of a·B.
template <class Element, class Each>
void product(const Element *a, long a_step, long rows, const Panels<Element> &b, long inputs, long outputs,
             const Each &each, long run = Cut<Element>::run) {
    constexpr int MOST = Cut<Element>::rows, WIDE = Cut<Element>::vectors;
    alignas(64) float sums[MOST * WIDE * LANES];
    const long tiles = (rows + MOST - 1) / MOST, vectors = outputs / LANES;
    for (long at = 0, number = 0; at < vectors; at += b.vectors, number++) {
        const int wide = (int)(vectors - at < b.vectors ? vectors - at : b.vectors);
        const Element *panel = b.start + number * b.panel;
        for (long t = 0; t < tiles; t++) {
            const bool equal = Cut<Element>::equal_tiles; // no small last one
            const long begin = equal ? rows * t / tiles : t * MOST;
            const long end = equal ? rows * (t + 1) / tiles : t + 1 < tiles ? begin + MOST : rows;
            for (long k = 0; k < inputs; k += run)
                tile((int)(end - begin), wide, a + begin * a_step + k, a_step, panel + k * b.row, b.row,
                     inputs - k < run ? inputs - k : run, sums, k > 0, next_panel(b, panel, t * inputs + k, tiles));
            for (long i = begin; i < end; i++)
                for (int j = 0; j < wide; j++)
                    each(i, (at + j) * LANES, load(sums + ((i - begin) * WIDE + j) * LANES));
        }
    }
}

template <class Element> constexpr long panel_outputs() { return (long)Cut<Element>::vectors * LANES; }

// Packed weights, from an output that is a whole number of panels on.
template <class Element> Panels<Element> packed(const swk_linear &linear, long output = 0, long input = 0) {
    constexpr long PANEL = panel_outputs<Element>();
    const long panel = linear.inputs * PANEL;
    const Element *start = (const Element *)linear.panels + output / PANEL * panel + input * PANEL;
    return {start, PANEL, panel, Cut<Element>::vectors, true};
}

// Plain rows of outputs, cut into panels of equal width.
template <class Element> Panels<Element> plain(const Element *start, long row, long outputs) {
    constexpr int MOST = Cut<Element>::vectors;
    const int vectors = (int)(outputs / LANES), panels = (vectors + MOST - 1) / MOST;
    const int wide = (vectors + panels - 1) / panels;
    return {start, row, wide * LANES * together<Element>(), wide, false};
}

struct Span {
    long from, to;
};

// Rows that go into layers. They are written at row(i) and then settled: each at once, or, where a row is filled
// piece by piece, all of them by the team.
template <class Element> struct Rows {
    using Piece = Element;
    static constexpr bool needs_settling = false;
    Element *start;
    long step;

    // Tiles may read, and forget, rows past the end.
    static Rows in_pieces(long rows, long step, Carver &common) {
        return {common.take<Element>((rows + Cut<Element>::rows) * step), step};
    }
    static Rows at_once(long rows, long step, Carver &common, Carver &) { return in_pieces(rows, step, common); }

    // The same memory for rows of another length.
    Rows with_step(long other) const { return {start, other}; }
    Element *row(long i) const { return start + i * step; }
    void settle(long, long) const {}
};

// x·Wᵀ over some inputs and outputs of a layer. Columns count from the span's first; where it starts, a panel
// starts. The rows' first piece meets the first input of the span.
template <class Element, class Each>
void layer(const Rows<Element> &x, long rows, const swk_linear &linear, Span inputs, Span outputs, const Each &each,
           long run = Cut<Element>::run) {
    product((const Element *)x.start, x.step, rows, packed<Element>(linear, outputs.from, inputs.from),
            inputs.to - inputs.from, outputs.to - outputs.from, each, run);
}

// The same with the outputs shared among a team.
template <class Element, class Each>
void shared_layer(const Rows<Element> &x, long rows, const swk_linear &linear, Span inputs, Span outputs,
                  const Team &team, const Each &each, long run = Cut<Element>::run) {
    constexpr long PANEL = panel_outputs<Element>();
    const long count = outputs.to - outputs.from;
    const Share mine((count + PANEL - 1) / PANEL, team);
    const long from = mine.from * PANEL, to = mine.to * PANEL < count ? mine.to * PANEL : count;
    if (from >= to) return;
    layer(x, rows, linear, inputs, Span{outputs.from + from, outputs.from + to},
          [&](long row, long column, V sums) { each(row, from + column, sums); }, run);
}

template <class Element, class Each>
void shared_layer(const Rows<Element> &x, long rows, const swk_linear &linear, const Team &team, const Each &each,
                  long run = Cut<Element>::run) {
    shared_layer(x, rows, linear, Span{0, linear.inputs}, Span{0, linear.outputs}, team, each, run);
}

// Rows that were filled piece by piece, `count` long, become operands.
template <class Element> void settle(const Rows<Element> &x, long rows, long count, const Team &team) {
    if constexpr (Rows<Element>::needs_settling) {
        const Share mine(rows, team);
        for (long i = mine.from; i < mine.to; i++) x.settle(i, count);
        barrier(team);
    }
}

}} // namespace

// The tile of a product in AMX: four sums of 16 × 16 in the tile registers, 64 bytes of inputs at a time.
//
// Tiles always hold 16 rows. Rows past the last are computed and forgotten; operands have room behind them.
//
// The target says what is multiplied, SWK_TILE_ELEMENT, and by which instruction, SWK_TILE_PRODUCT; a template cannot:
// the numbers of tile registers are letters of the instruction.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

using Tiled = SWK_TILE_ELEMENT;

template <> struct Cut<Tiled> {
    static constexpr int rows = 32;
    static constexpr int vectors = 2;
    static constexpr bool equal_tiles = false; // a tile of fewer rows takes as long
    static constexpr int inputs = 64 / sizeof(Tiled), at_once = inputs;
    static constexpr int inputs_per_ask = inputs / 4; // once behind each product of tiles
    static constexpr long run = 1 << 20; // rounding to bfloat16 hides that of the sums; those of int8 are exact
};

// GCC does not tell its optimizer that instructions on tiles read memory: what was written must be there.
inline void written(const void *memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }

// Registers 0 to 3: sums, row by row of the two by two; 4 and 5: rows; 6 and 7: weights.
template <bool TALL, bool WIDE>
void amx_tile(const Tiled *a, long a_step, const Tiled *b, long b_step, long inputs, float *sums, bool adds,
              Ahead ahead) {
    constexpr int ROW = 2 * LANES, SIZE = sizeof(Tiled), STEP = Cut<Tiled>::at_once; // ROW: of sums
    written(a);
    if (adds) {
        _tile_loadd(0, sums, ROW * 4);
        if (WIDE) _tile_loadd(1, sums + LANES, ROW * 4);
        if (TALL) _tile_loadd(2, sums + 16 * ROW, ROW * 4);
        if (TALL && WIDE) _tile_loadd(3, sums + 16 * ROW + LANES, ROW * 4);
    } else {
        _tile_zero(0);
        if (WIDE) _tile_zero(1);
        if (TALL) _tile_zero(2);
        if (TALL && WIDE) _tile_zero(3);
    }
    // All loads of a step stand before its products, which then wait less where two threads share a core.
    for (long k = 0; k < inputs; k += STEP, b += STEP * b_step) {
        _tile_loadd(4, a + k, a_step * SIZE);
        _tile_loadd(6, b, b_step * 4);
        if (TALL) _tile_loadd(5, a + 16 * a_step + k, a_step * SIZE);
        if (WIDE) _tile_loadd(7, b + 64 / SIZE, b_step * 4);
        SWK_TILE_PRODUCT(0, 4, 6);
        ahead.ask();
        if (TALL) SWK_TILE_PRODUCT(2, 5, 6);
        ahead.ask();
        if (WIDE) SWK_TILE_PRODUCT(1, 4, 7);
        ahead.ask();
        if (TALL && WIDE) SWK_TILE_PRODUCT(3, 5, 7);
        ahead.ask();
    }
    _tile_stored(0, sums, ROW * 4);
    if (WIDE) _tile_stored(1, sums + LANES, ROW * 4);
    if (TALL) _tile_stored(2, sums + 16 * ROW, ROW * 4);
    if (TALL && WIDE) _tile_stored(3, sums + 16 * ROW + LANES, ROW * 4);
}

inline void tile(int rows, int vectors, const Tiled *a, long a_step, const Tiled *b, long b_step, long inputs,
                 float *sums, bool adds, Ahead ahead) {
    const bool tall = rows > 16, wide = vectors > 1;
    const auto chosen = tall ? wide ? amx_tile<true, true> : amx_tile<true, false>
                             : wide ? amx_tile<false, true> : amx_tile<false, false>;
    chosen(a, a_step, b, b_step, inputs, sums, adds, ahead);
}

// Eight tile registers of 16 rows of 64 bytes, for the calling thread.
inline void take_tiles() {
    struct {
        unsigned char palette, start_row, reserved[14];
        unsigned short bytes[16];
        unsigned char rows[16];
    } shape = {};
    shape.palette = 1;
    for (int i = 0; i < 8; i++) {
        shape.bytes[i] = 64;
        shape.rows[i] = 16;
    }
    written(&shape);
    _tile_loadconfig(&shape);
}

inline void give_tiles_back() { _tile_release(); }

}} // namespace

// Attention of one head in one window: softmax(q·kᵀ·scale + bias + mask)·v.
//
//   turn the keys, so that a row of them is one of their d numbers          (v2: to unit length)
//   for each few queries
//     scores = their bias, from the small table, and the mask where the window has one
//     scores += scale · queries · keys                                      (v2: divided by the query's length)
//     weights = exp(scores − largest), summed
//     result  = weights · values / sum
//
// The scores of a few queries are all that ever exists; they stay in the nearest cache for any window.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

struct Heads {
    const long size;   // d, padded
    const long step;   // from one token's q, k, v to the next's
    float *qkv;        // tokens of the group × (q, k, v)
    float *keys;       // d × N, turned
    float *scores;     // queries × N
    const long across; // from one query's scores to the next's

    Heads(const swk_block &block, const Group &group, long most, Carver &room)
        : size(block.head_size), step(3 * size), qkv(room.take<float>(most * group.tokens * step)),
          keys(room.take<float>(size * group.stride)),
          // A row of bias may be written past the end of its scores by most of a vector.
          scores(room.take<float>((TILE_ROWS + 1) * (group.stride + LANES))), across(group.stride) {}
};

// x, rows × columns, to columns × rows, of which there are a whole number of vectors; those behind the last are zero.
inline void turn(const float *x, long step, long rows, long columns, float *turned, long across) {
    for (long at = 0; at < rows; at += LANES)
        for (long c = 0; c < columns; c += LANES) {
            V square[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) square[i] = at + i < rows ? load(x + (at + i) * step + c) : all(0.0f);
            transpose(square);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) store(turned + (c + i) * across + at, square[i]);
        }
}

// Turned keys to unit length; one of length zero stays.
inline void normalise_keys(const Heads &heads) {
    for (long at = 0; at < heads.across; at += LANES) {
        V squares = all(0.0f);
        for (long c = 0; c < heads.size; c++) {
            const V k = load(heads.keys + c * heads.across + at);
            squares = fma(k, k, squares);
        }
        const V scale = all(1.0f) / larger(all(1e-12f), root(squares));
        for (long c = 0; c < heads.size; c++) {
            float *k = heads.keys + c * heads.across + at;
            store(k, load(k) * scale);
        }
    }
}

inline float length(const float *x, long size) {
    V squares = all(0.0f);
    for (long i = 0; i < size; i += LANES) squares = fma(load(x + i), load(x + i), squares);
    const float root = __builtin_sqrtf(sum(squares));
    return root > 1e-12f ? root : 1e-12f;
}

// The bias of one query with every key. In the table, turned by 180°, the keys of a row lie side by side.
inline void look_up_bias(const float *table, const Group &group, long query, float *scores) {
    const long high = group.rows.window, wide = group.columns.window, across = 2 * wide - 1;
    const float *from = table + (high - 1 - query / wide) * across + (wide - 1 - query % wide);
    for (long y = 0; y < high; y++)
        for (long x = 0; x < wide; x += LANES) store(scores + y * wide + x, load(from + y * across + x));
}

inline void add_mask(const swk_block &block, const Group &group, long window, long query, float *scores) {
    const float *region = group.region + window * group.stride;
    const float *is_padding = group.is_padding + window * group.stride;
    const V own = all(region[query]), own_padding = all(is_padding[query]), never = all(-__builtin_inff());
    for (long at = 0; at < group.stride; at += LANES) {
        V score = load(scores + at);
        score = where_differing(load(region + at), own, score + all(block.mask_value), score);
        // A padded token still sees its like, so that no row is masked entirely.
        if (block.masks_padding) score = where_differing(load(is_padding + at), own_padding, never, score);
        store(scores + at, score);
    }
}

// exp(score − largest), in place, and their sum. Places behind the last key become 0.
inline float exponentials(float *scores, const Group &group) {
    const long last = group.stride - LANES;
    const int rest = (int)(group.tokens - last);
    V highest = first(load(scores + last), rest, all(-__builtin_inff()));
    for (long at = 0; at < last; at += LANES) highest = larger(highest, load(scores + at));
    const V most = all(largest(highest));
    V total = all(0.0f);
    for (long at = 0; at < last; at += LANES) {
        const V weight = exponential(load(scores + at) - most);
        store(scores + at, weight);
        total = total + weight;
    }
    const V weight = first(exponential(load(scores + last) - most), rest, all(0.0f));
    store(scores + last, weight);
    return sum(total + weight);
}

// What a few queries, `begin` and those behind it, weigh every key with: exp(scores − largest), and one over their sum.
inline void weigh(const swk_block &block, const Group &group, const Heads &heads, long window, int head, bool cosine,
                  long begin, long queries, float *weights, float *over_sum) {
    const long high = group.rows.window, wide = group.columns.window;
    const float *table = block.bias_table + head * (2 * high - 1) * (2 * wide - 1);
    const float *query = heads.qkv + (window * group.tokens + begin) * heads.step;
    float scale[TILE_ROWS];
    for (long i = 0; i < queries; i++) {
        float *scores = weights + i * heads.across;
        look_up_bias(table, group, begin + i, scores);
        if (group.mask[window]) add_mask(block, group, window, begin + i, scores);
        scale[i] = block.scale[head] / (cosine ? length(query + i * heads.step, heads.size) : 1.0f);
    }
    product(query, heads.step, queries, plain(heads.keys, heads.across, heads.across), heads.size, heads.across,
            [&](long i, long column, V sums) {
                float *score = weights + i * heads.across + column;
                store(score, fma(sums, all(scale[i]), load(score)));
            });
    for (long i = 0; i < queries; i++) over_sum[i] = 1.0f / exponentials(weights + i * heads.across, group);
}

// One head in one window of the group; results go to the real tokens' rows of `out`, from `out` on.
template <class Element>
void attend(const swk_block &block, const Group &group, const Heads &heads, long window, int head, bool cosine,
            Element *out, long out_step) {
    const long tokens = group.tokens;
    const float *k = heads.qkv + window * tokens * heads.step + heads.size, *v = k + heads.size;
    turn(k, heads.step, tokens, heads.size, heads.keys, heads.across);
    if (cosine) normalise_keys(heads);
    const long tiles = (tokens + TILE_ROWS - 1) / TILE_ROWS;
    for (long t = 0; t < tiles; t++) {
        const long begin = tokens * t / tiles, queries = tokens * (t + 1) / tiles - begin;
        float over_sum[TILE_ROWS];
        weigh(block, group, heads, window, head, cosine, begin, queries, heads.scores, over_sum);
        product((const float *)heads.scores, heads.across, queries, plain(v, heads.step, heads.size), tokens,
                heads.size, [&](long i, long column, V sums) {
                    const int number = group.number[window * tokens + begin + i];
                    if (number >= 0) store_as(out + number * out_step + column, sums * all(over_sum[i]));
                });
    }
}

}} // namespace

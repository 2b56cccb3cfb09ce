// Attention of one head in one window: softmax(q·kᵀ·scale + bias + mask)·v.
//
//   turn the keys, so that a row of them is one of their d numbers
//   for each few queries
//     scores = their bias, from the small table, and the mask where the window has one
//     scores += scale · queries · keys                                      (v2: divided by both lengths)
//     weights = exp(scores − largest), summed
//     result  = weights · values / sum
//
// The scores of a few queries are all that ever exists; they stay in the nearest cache for any window.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

// Number: what is multiplied; sums and softmax are float32.
template <class Number> struct Heads {
    static constexpr long MOST = Cut<Number>::rows; // queries at a time

    const long size;    // d, padded
    const long step;    // from one token's q, k, v to the next's
    const long across;  // from one query's scores, or one row of turned keys, to the next
    const long depth;   // d, and
    const long weighed; // N, in whole steps of a product
    const long apart;   // from one query's weights to the next
    Number *qkv;        // tokens of the group × (q, k, v)
    Number *keys;       // d × N, turned
    Number *values;     // N × d, where several of a column must lie together
    float *over_length; // v2: 1 over that of each key
    float *scores;      // queries × N
    Number *weights;    // likewise; those of float32 take the place of the scores

    Heads(const swk_block &block, const Group &group, long most, Carver &room)
        : size(block.head_size), step(3 * size), across(group.stride), depth(whole_steps(size)),
          weighed(whole_steps(group.tokens)), apart(weighed > across ? weighed : across),
          qkv(room.take<Number>((most * group.tokens + MOST) * step)),
          keys(room.take<Number>(rounded_up(depth, LANES * together<Number>()) * across)),
          values(PLAIN ? nullptr : room.take<Number>(weighed * size)), over_length(room.take<float>(across)),
          // A row of bias may be written past the end of its scores by most of a vector.
          scores(room.take<float>((MOST + 1) * (across + LANES))), weights(take_weights(room)) {}

    Panels<Number> turned_keys() const { return plain(keys, across, across); }

    // Of a window whose first token has its value there.
    Panels<Number> values_from(const Number *v, long tokens) const {
        if constexpr (PLAIN) {
            return plain(v, step, size);
        } else {
            for (long i = 0; i < weighed; i += 2)
                for (long c = 0; c < size; c += LANES)
                    store_pairs(values + i * size + 2 * c, i < tokens ? load(v + i * step + c) : all(0.0f),
                                i + 1 < tokens ? load(v + (i + 1) * step + c) : all(0.0f));
            return plain(values, size, size);
        }
    }

  private:
    static constexpr bool PLAIN = together<Number>() == 1;

    static long whole_steps(long inputs) { return rounded_up(inputs, Cut<Number>::at_once); }

    Number *take_weights(Carver &room) const {
        if constexpr (PLAIN)
            return scores;
        else
            return room.take<Number>(MOST * apart);
    }
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

template <class Number> float length(const Number *x, long size) {
    V squares = all(0.0f);
    for (long i = 0; i < size; i += LANES) squares = fma(load(x + i), load(x + i), squares);
    const float root = __builtin_sqrtf(sum(squares));
    return root > 1e-12f ? root : 1e-12f;
}

// The keys of a window, and one over what the cosine divides them by. Numbers that lie together are turned as one.
template <class Number> void turn_keys(const Heads<Number> &heads, const Number *k, long tokens, bool cosine) {
    constexpr long WORD = together<Number>();
    turn((const float *)k, heads.step / WORD, tokens, heads.size / WORD, (float *)heads.keys, heads.across);
    clear(heads.keys, heads.size * heads.across, heads.depth * heads.across);
    if (!cosine) return;
    for (long i = 0; i < tokens; i++) heads.over_length[i] = 1.0f / length(k + i * heads.step, heads.size);
    clear(heads.over_length, tokens, heads.across);
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

// exp(score − largest), and their sum. Places behind the last key become 0.
template <class Number> float exponentials(const float *scores, const Group &group, Number *weights) {
    const long last = group.stride - LANES;
    const int rest = (int)(group.tokens - last);
    V highest = first(load(scores + last), rest, all(-__builtin_inff()));
    for (long at = 0; at < last; at += LANES) highest = larger(highest, load(scores + at));
    const V most = all(largest(highest));
    V total = all(0.0f);
    for (long at = 0; at < last; at += LANES) {
        const V weight = exponential(load(scores + at) - most);
        store_as(weights + at, weight);
        total = total + weight;
    }
    const V weight = first(exponential(load(scores + last) - most), rest, all(0.0f));
    store_as(weights + last, weight);
    return sum(total + weight);
}

// What a few queries, `begin` and those behind it, weigh every key with: exp(scores − largest), and one over their sum.
template <class Number>
void weigh(const swk_block &block, const Group &group, const Heads<Number> &heads, long window, int head, bool cosine,
           long begin, long queries, float *all_scores, Number *weights, float *over_sum) {
    const long high = group.rows.window, wide = group.columns.window, across = heads.across;
    const float *table = block.bias_table + head * (2 * high - 1) * (2 * wide - 1);
    const Number *query = heads.qkv + (window * group.tokens + begin) * heads.step;
    float scale[Heads<Number>::MOST];
    for (long i = 0; i < queries; i++) {
        float *scores = all_scores + i * across;
        look_up_bias(table, group, begin + i, scores);
        if (group.mask[window]) add_mask(block, group, window, begin + i, scores);
        scale[i] = block.scale[head] / (cosine ? length(query + i * heads.step, heads.size) : 1.0f);
    }
    product(query, heads.step, queries, heads.turned_keys(), heads.depth, across, [&](long i, long column, V sums) {
        float *score = all_scores + i * across + column;
        if (cosine) sums = sums * load(heads.over_length + column);
        store(score, fma(sums, all(scale[i]), load(score)));
    });
    for (long i = 0; i < queries; i++) {
        over_sum[i] = 1.0f / exponentials(all_scores + i * across, group, weights + i * heads.apart);
        clear(weights + i * heads.apart, across, heads.weighed);
    }
}

// One head in one window of the group; results go to the real tokens' rows of `out`, from `out` on.
template <class Number, class Element>
void attend(const swk_block &block, const Group &group, const Heads<Number> &heads, long window, int head, bool cosine,
            Element *out, long out_step) {
    constexpr long MOST = Heads<Number>::MOST;
    const long tokens = group.tokens, tiles = (tokens + MOST - 1) / MOST;
    const Number *k = heads.qkv + window * tokens * heads.step + heads.size;
    turn_keys(heads, k, tokens, cosine);
    const Panels<Number> values = heads.values_from(k + heads.size, tokens);
    for (long t = 0; t < tiles; t++) {
        const long begin = tokens * t / tiles, queries = tokens * (t + 1) / tiles - begin;
        float over_sum[MOST];
        weigh(block, group, heads, window, head, cosine, begin, queries, heads.scores, heads.weights, over_sum);
        product((const Number *)heads.weights, heads.apart, queries, values, heads.weighed, heads.size,
                [&](long i, long column, V sums) {
                    const int number = group.number[window * tokens + begin + i];
                    if (number >= 0) store_as(out + number * out_step + column, sums * all(over_sum[i]));
                });
    }
}

}} // namespace

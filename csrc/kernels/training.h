// Attention as a training takes it: between the layers qkv and proj, which PyTorch computes, and its gradient.
//
//   for each window
//     for each head
//       gather q, k, v of its tokens                             padding has those of a token that is zero
//       attend, or what follows
//       scatter
//
// The gradient computes the weights anew, so that nothing is kept between the way there and the way back:
//
//   for each few queries
//     P  = softmax(q·kᵀ·scale + bias + mask)
//     dP = dO·vᵀ
//     dS = P ∘ (dP − Σ P ∘ dP)            also of the bias, at the offsets from which that came
//     dq = dS·k·scale
//   dv = Pᵀ·dO,  dk = dSᵀ·q·scale         v2: q and k of unit length, through which the gradient then goes
//
// Sums over windows are kept apart for each of a fixed number of parts, whichever thread does a part: bits do not
// depend on the threads.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

// ------------------------------------------------------------------------------------ bfloat16, anywhere

struct Half {
    unsigned short bits;
};

inline void read(const float *from, long count, float *to) {
    for (long i = 0; i < count; i++) to[i] = from[i];
}

inline void read(const Half *from, long count, float *to) {
    for (long i = 0; i < count; i++) to[i] = __builtin_bit_cast(float, (unsigned)from[i].bits << 16);
}

inline void write(const float *from, long count, float *to) { read(from, count, to); }

// To the nearest, ties to even; what is not a number stays none.
inline void write(const float *from, long count, Half *to) {
    for (long i = 0; i < count; i++) {
        const unsigned bits = __builtin_bit_cast(unsigned, from[i]);
        const unsigned nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        to[i].bits = (unsigned short)((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : nearest);
    }
}

// ------------------------------------------------------------------------------------ one window

// Where a thread works, and the window at hand. Number: of the maps.
template <class Number> class OneWindow {
  public:
    OneWindow(const AttentionTask &task, char *own) : OneWindow(task, Carver(own)) {}

    static size_t bytes(const AttentionTask &task) {
        Carver counting(nullptr);
        OneWindow(task, counting);
        return counting.bytes();
    }

    void attend_in(long window) {
        group.find(geometry, window, window + 1);
        for (int head = 0; head < block.heads; head++) {
            gather(head);
            attend(block, group, heads, 0, head, cosine, out, size);
            for (long i = 0; i < group.real; i++)
                write(out + i * size, numbers, (Number *)call.out + group.token[i] * call.channels + head * numbers);
        }
    }

    // sums: of the part to which the window belongs.
    void go_back_in(long window, float *sums) {
        group.find(geometry, window, window + 1);
        float *const of_padding = sums + block.heads * offsets, *const of_scale = of_padding + 3 * call.channels;
        for (int head = 0; head < block.heads; head++) {
            gather(head);
            gather_gradient(head);
            if (cosine) make_units();
            through_weights(head, sums + head * offsets);
            if (cosine) of_scale[head] += through_units() / block.scale[head];
            scatter(head, of_padding);
        }
    }

  private:
    OneWindow(const AttentionTask &task, Carver &&room) : OneWindow(task, room) {}
    OneWindow(const AttentionTask &task, Carver &room)
        : call(*task.call), block(call.block),
          geometry{&block, call.version, call.height, call.width, call.channels, nullptr}, cosine(call.version == 2),
          numbers(call.channels / block.heads), size(block.head_size),
          offsets((2L * block.window[0] - 1) * (2L * block.window[1] - 1)), group(geometry, 1, room),
          heads(block, group, 1, room), tokens(group.tokens), across(group.stride), out(room.take<float>(tokens * size)) {
        clear_padding(heads.qkv, 3 * tokens);
        clear_padding(out, tokens);
        if (!task.goes_back) return;
        values = room.take<float>(size * across);
        weights = room.take<float>(across * across + LANES); // a row of bias may be written past the end
        of_scores = room.take<float>(across * across);
        turned = room.take<float>(across * across);
        gradient = room.take<float>(tokens * 3 * size);
        lengths = room.take<float>(2 * tokens);
    }

    const swk_attention &call;
    const swk_block &block;
    const BlockTask geometry;
    const bool cosine;
    const long numbers, size; // of a head; size is padded
    const long offsets;       // in the table of bias
    Group group;
    const Heads<float> heads;
    const long tokens, across;
    float *const out; // N × size: results by number of the token; on the way back their gradient, by place
    float *values;    // size × N, turned
    float *weights;   // N × N
    float *of_scores; // N × N
    float *turned;    // N × N
    float *gradient;  // N × (q, k, v)
    float *lengths;   // of q and k, N each

    void clear_padding(float *rows, long count) const {
        if (!rows) return; // only counting
        for (long i = 0; i < count; i++) clear(rows + i * size, numbers, size);
    }

    float *q(long place) const { return heads.qkv + place * heads.step; }

    void gather(int head) {
        const Number *map = (const Number *)call.qkv;
        for (long place = 0; place < tokens; place++)
            for (int part = 0; part < 3; part++) {
                const long column = part * call.channels + head * numbers, number = group.number[place];
                float *to = q(place) + part * size;
                if (number < 0)
                    read(call.pad + column, numbers, to);
                else
                    read(map + group.token[number] * 3 * call.channels + column, numbers, to);
            }
    }

    void gather_gradient(int head) {
        const Number *map = (const Number *)call.out_gradient + head * numbers;
        for (long place = 0; place < tokens; place++) {
            const long number = group.number[place];
            if (number < 0)
                clear(out + place * size, 0, numbers);
            else
                read(map + group.token[number] * call.channels, numbers, out + place * size);
        }
    }

    void scatter(int head, float *of_padding) {
        Number *map = (Number *)call.qkv_gradient;
        for (long place = 0; place < tokens; place++)
            for (int part = 0; part < 3; part++) {
                const long column = part * call.channels + head * numbers, number = group.number[place];
                const float *from = gradient + place * heads.step + part * size;
                if (number < 0)
                    for (long c = 0; c < numbers; c++) of_padding[column + c] += from[c];
                else
                    write(from, numbers, map + group.token[number] * 3 * call.channels + column);
            }
    }

    void through_weights(int head, float *of_bias) {
        const float scale = block.scale[head];
        float *const k = heads.qkv + size, *const v = k + size;
        turn(k, heads.step, tokens, size, heads.keys, across);
        turn(v, heads.step, tokens, size, values, across);
        const long tiles = (tokens + TILE_ROWS - 1) / TILE_ROWS;
        for (long t = 0; t < tiles; t++) {
            const long begin = tokens * t / tiles, queries = tokens * (t + 1) / tiles - begin;
            float *const p = weights + begin * across, *const ds = of_scores + begin * across;
            float over_sum[TILE_ROWS];
            weigh(block, group, heads, 0, head, false, begin, queries, p, p, over_sum);
            product((const float *)out + begin * size, size, queries, plain(values, across, across), size, across,
                    [&](long i, long column, V sums) { store(ds + i * across + column, sums); });
            for (long i = 0; i < queries; i++) {
                through_softmax(p + i * across, over_sum[i], ds + i * across);
                add_to_bias(begin + i, ds + i * across, of_bias);
            }
            product((const float *)ds, across, queries, plain(k, heads.step, size), tokens, size,
                    [&](long i, long column, V sums) {
                        store(gradient + (begin + i) * heads.step + column, sums * all(scale));
                    });
        }
        turn(of_scores, across, tokens, across, turned, across);
        product((const float *)turned, across, tokens, plain(q(0), heads.step, size), tokens, size,
                [&](long i, long column, V sums) {
                    store(gradient + i * heads.step + size + column, sums * all(scale));
                });
        turn(weights, across, tokens, across, turned, across);
        product((const float *)turned, across, tokens, plain(out, size, size), tokens, size,
                [&](long i, long column, V sums) { store(gradient + i * heads.step + 2 * size + column, sums); });
    }

    // Weights p of one query, until now without their sum, and dp, which becomes ds.
    void through_softmax(float *p, float over_sum, float *dp) const {
        V total = all(0.0f);
        for (long at = 0; at < across; at += LANES) {
            const V weight = load(p + at) * all(over_sum);
            store(p + at, weight);
            total = fma(weight, load(dp + at), total);
        }
        const V mean = all(sum(total));
        for (long at = 0; at < across; at += LANES) store(dp + at, load(p + at) * (load(dp + at) - mean));
    }

    // The way back of look_up_bias.
    void add_to_bias(long query, const float *ds, float *of_bias) const {
        const long high = group.rows.window, wide = group.columns.window, row = 2 * wide - 1;
        float *to = of_bias + (high - 1 - query / wide) * row + (wide - 1 - query % wide);
        for (long y = 0; y < high; y++)
            for (long x = 0; x < wide; x += LANES) {
                float *at = to + y * row + x;
                const V part = load(ds + y * wide + x);
                store(at, load(at) + (x + LANES <= wide ? part : first(part, (int)(wide - x), all(0.0f))));
            }
    }

    // q and k to unit length; one of length zero stays.
    void make_units() {
        for (long i = 0; i < tokens; i++)
            for (int part = 0; part < 2; part++) {
                float *x = q(i) + part * size;
                const float is = lengths[2 * i + part] = length(x, size);
                for (long c = 0; c < size; c += LANES) store(x + c, load(x + c) * all(1.0f / is));
            }
    }

    // From gradients of unit vectors to those of the vectors: what lies along them goes. Σ dq̂·q̂
    float through_units() {
        float total = 0.0f;
        for (long i = 0; i < tokens; i++)
            for (int part = 0; part < 2; part++) {
                const float *unit = q(i) + part * size;
                float *d = gradient + i * heads.step + part * size;
                V products = all(0.0f);
                for (long c = 0; c < size; c += LANES) products = fma(load(unit + c), load(d + c), products);
                const float along = sum(products), over_length = 1.0f / lengths[2 * i + part];
                if (part == 0) total += along;
                for (long c = 0; c < size; c += LANES)
                    store(d + c, (load(d + c) - all(along) * load(unit + c)) * all(over_length));
            }
        return total;
    }
};

// Windows `from` to `to`, counted over all images.
template <class Number> void some_windows(const AttentionTask &task, long from, long to, float *sums, char *own) {
    OneWindow<Number> one(task, own);
    for (long window = from; window < to; window++) {
        if (task.goes_back)
            one.go_back_in(window, sums);
        else
            one.attend_in(window);
    }
}

inline void attention(const AttentionTask &task, long from, long to, float *sums, char *own) {
    task.call->is_bfloat16 ? some_windows<Half>(task, from, to, sums, own)
                           : some_windows<float>(task, from, to, sums, own);
}

inline size_t attention_own(const AttentionTask &task) { return OneWindow<float>::bytes(task); }

}} // namespace

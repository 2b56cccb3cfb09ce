// What stands before, between and behind the blocks: patch embedding, merging, maps that leave, pooling, head.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

// ------------------------------------------------------------------------------------ patch embedding

// A pixel as the network sees it.
inline float seen(const swk_images &, long, float pixel) { return pixel; }
inline float seen(const swk_images &images, long channel, unsigned char pixel) {
    return (float)pixel * images.scale[channel] + images.shift[channel];
}

// One patch of pixels, channel by channel and row by row; what lies outside the image is zero.
template <class Pixel>
void gather_patch(const swk_network &net, const swk_images &images, long image, long row, long column, float *patch) {
    const Pixel *pixels = (const Pixel *)images.pixels + image * images.strides[0];
    const long high = net.patch[0], wide = net.patch[1], y = row * high, x = column * wide;
    const long there = net.image[1] - x < wide ? net.image[1] - x : wide;
    for (long c = 0; c < net.in_channels; c++)
        for (long i = 0; i < high; i++, patch += wide) {
            const Pixel *pixel = pixels + c * images.strides[1] + (y + i) * images.strides[2] + x * images.strides[3];
            const long count = y + i < net.image[0] ? there : 0;
            for (long j = 0; j < count; j++) patch[j] = seen(images, c, pixel[j * images.strides[3]]);
            clear(patch, count, wide);
        }
}

template <class Element>
void embed(const EmbedTask &task, long from, long to, const Team &team, char *common, char *own) {
    const swk_network &net = *task.network;
    const swk_stage &stage = net.stage[0];
    const long channels = padded(stage.channels), in_image = (long)stage.height * stage.width;
    const long inputs = net.embed.inputs, used = (long)net.in_channels * net.patch[0] * net.patch[1];
    Carver shared(common), private_room(own);
    const auto patches = Rows<Element>::at_once(to - from, inputs, shared, private_room);
    float *patch = private_room.take<float>(inputs);
    clear(patch, used, inputs);
    const auto gather = task.images->scale ? gather_patch<unsigned char> : gather_patch<float>;
    const Share mine(to - from, team);
    for (long i = mine.from; i < mine.to; i++) {
        const long image = task.first + (from + i) / in_image, token = (from + i) % in_image;
        gather(net, *task.images, image, token / stage.width, token % stage.width, patch);
        settle_row(patch, inputs, patches, i);
    }
    barrier(team);
    float *map = task.map + from * channels;
    shared_layer(patches, to - from, net.embed, team, [&](long i, long column, V sums) {
        store(map + i * channels + column, sums + load(net.embed.bias + column));
    });
    barrier(team);
    for (long i = mine.from; i < mine.to; i++) {
        float *x = map + i * channels;
        if (net.embed_norm.weight) normalise(x, net.embed_norm, stage.channels, channels, x);
        if (!net.position) continue;
        const float *position = net.position + (from + i) % in_image * channels;
        for (long c = 0; c < channels; c += LANES) store(x + c, load(x + c) + load(position + c));
    }
    barrier(team);
}

// What so many rows for a layer take of the common room.
template <class Element> size_t rows_common(long rows, const swk_linear &layer) {
    Carver common(nullptr), own(nullptr);
    Rows<Element>::at_once(rows, layer.inputs, common, own);
    return common.bytes();
}

template <class Element> size_t embed_common(const swk_network &net, long tokens) {
    return rows_common<Element>(tokens, net.embed);
}

// ------------------------------------------------------------------------------------ merging

// Four neighbours side by side, rows fastest; beyond the edge of an odd map they are zero.
inline void gather_neighbours(const MergeTask &task, const float *image, long row, long column, float *merged) {
    const long channels = task.channels, step = padded(channels);
    for (int i = 0; i < 4; i++) {
        const long y = row * 2 + i % 2, x = column * 2 + i / 2;
        if (y < task.height && x < task.width)
            copy(merged + i * channels, image + (y * task.width + x) * step, channels);
        else
            clear(merged + i * channels, 0, channels);
    }
    clear(merged, 4 * channels, task.stage->reduction.inputs);
}

// v1 norms the four together before the reduction, v2 the two that are left behind it.
template <class Element>
void merge(const MergeTask &task, long from, long to, const Team &team, char *common, char *own) {
    const swk_stage &stage = *task.stage;
    const swk_norm none = {}, &norm = stage.reduction_norm;
    const long in_image = (long)stage.height * stage.width, inputs = stage.reduction.inputs;
    const long channels = padded(stage.channels), before = (long)task.height * task.width * padded(task.channels);
    Carver shared(common), private_room(own);
    const auto merged = Rows<Element>::at_once(to - from, inputs, shared, private_room);
    float *neighbours = private_room.take<float>(inputs);
    const Share mine(to - from, team);
    for (long i = mine.from; i < mine.to; i++) {
        const long image = (from + i) / in_image, token = (from + i) % in_image;
        gather_neighbours(task, task.from + image * before, token / stage.width, token % stage.width, neighbours);
        normalise(neighbours, task.version == 1 ? norm : none, 4 * task.channels, padded(4 * task.channels), merged, i);
    }
    barrier(team);
    float *map = task.map + from * channels;
    shared_layer(merged, to - from, stage.reduction, team,
                 [&](long i, long column, V sums) { store(map + i * channels + column, sums); });
    barrier(team);
    if (task.version == 1) return;
    for (long i = mine.from; i < mine.to; i++)
        normalise(map + i * channels, norm, stage.channels, channels, map + i * channels);
    barrier(team);
}

template <class Element> size_t merge_common(const swk_stage &stage, long tokens) {
    return rows_common<Element>(tokens, stage.reduction);
}

// ------------------------------------------------------------------------------------ what leaves

// Tokens to rows of real channels, through the norm.
inline void encode(const MapTask &task, long from, long to, const Team &team, char *, char *own) {
    const long step = padded(task.channels);
    float *row = Carver(own).take<float>(step);
    const Share mine(to - from, team);
    for (long i = from + mine.from; i < from + mine.to; i++) {
        normalise(task.map + i * step, *task.norm, task.channels, step, row);
        copy(task.out + i * task.channels, row, task.channels);
    }
}

inline long token_groups(long tokens) { return (tokens + LANES - 1) / LANES; }

// Maps, channels first; units are groups of LANES tokens of one image.
inline void channels_first(const MapTask &task, long from, long to, const Team &team, char *, char *own) {
    const long step = padded(task.channels), tokens = (long)task.height * task.width;
    const long groups = token_groups(tokens);
    float *rows = Carver(own).take<float>(LANES * step);
    const Share mine(to - from, team);
    for (long unit = from + mine.from; unit < from + mine.to; unit++) {
        const long image = unit / groups, begin = unit % groups * LANES;
        const long count = tokens - begin < LANES ? tokens - begin : LANES;
        for (long i = 0; i < count; i++)
            normalise(task.map + (image * tokens + begin + i) * step, *task.norm, task.channels, step, rows + i * step);
        float *out = task.out + image * task.channels * tokens + begin;
        for (long c = 0; c < task.channels; c++)
            for (long i = 0; i < count; i++) out[c * tokens + i] = rows[i * step + c];
    }
}

// The mean of an image's tokens behind the final norm; units are images.
inline void pool(const PoolTask &task, long from, long to, const Team &team, char *, char *own) {
    const long step = padded(task.channels);
    float *row = Carver(own).take<float>(step);
    const Share mine(to - from, team);
    for (long image = from + mine.from; image < from + mine.to; image++) {
        float *mean = task.pooled + image * step;
        clear(mean, 0, step);
        for (long t = 0; t < task.tokens; t++) {
            normalise(task.map + (image * task.tokens + t) * step, *task.norm, task.channels, step, row);
            for (long c = 0; c < step; c += LANES) store(mean + c, load(mean + c) + load(row + c));
        }
        const V share = all((float)task.tokens);
        for (long c = 0; c < step; c += LANES) store(mean + c, load(mean + c) / share);
        if (task.embedding) copy(task.embedding + image * task.channels, mean, task.channels);
    }
}

template <class Element> void head(const HeadTask &task, const Team &team, char *common) {
    const long inputs = task.head->inputs;
    Carver shared(common), nobody(nullptr);
    const auto rows = Rows<Element>::at_once(task.batch, inputs, shared, nobody);
    const Share mine(task.batch, team);
    for (long i = mine.from; i < mine.to; i++) settle_row(task.pooled + i * inputs, inputs, rows, i);
    barrier(team);
    const auto give = [&](long i, long column, V sums) {
        alignas(64) float logits[LANES];
        store(logits, sums + load(task.head->bias + column));
        const long there = task.classes - column < LANES ? task.classes - column : LANES;
        for (long j = 0; j < there; j++) task.logits[i * task.classes + column + j] = logits[j];
    };
    // Short runs: nothing averages the rounding of these sums, and they are few.
    shared_layer(rows, task.batch, *task.head, team, give, 32);
    barrier(team);
}

template <class Element> size_t head_common(const swk_network &net, long images) {
    return rows_common<Element>(images, net.head);
}

// Room of one's own for the tasks above: a row, or LANES of them.
inline size_t row_own(long channels) { return (size_t)rounded_up(LANES * padded(channels) * 4, 64); }

// ------------------------------------------------------------------------------------ all of them

// End: of patch embedding, attention and head, where that is another type.
template <class Element, class End = Element>
constexpr Kernels kernels(void (*enter)() = nullptr, void (*leave)() = nullptr) {
    constexpr bool whole = sizeof(Element) == sizeof(float);
    return {(int)panel_outputs<Element>(), Cut<Element>::inputs,  (int)panel_outputs<End>(),
            embed<End>,            merge<Element>,        block<Element, End>,
            encode,                channels_first,        pool,
            head<End>,             embed_common<End>,     merge_common<Element>,
            block_common<Element>, block_own<Element, End>, head_common<End>,
            row_own,               token_groups,          whole ? attention : nullptr,
            whole ? attention_own : nullptr, enter, leave};
}

}} // namespace

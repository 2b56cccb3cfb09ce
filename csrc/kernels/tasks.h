// What the walk over a network asks of a target: the tasks, who does them together, and where they may work.
//
// Everything here has internal linkage: it is compiled once for each instruction set, and no copy made for one
// machine may ever be run on a lesser one.
#pragma once

#include "../swinkit.h"

namespace swinkit {

// The threads that do one task together. Alone, a thread is a team of one.
struct Team {
    int rank;
    int size;
    void (*meet)(void *);
    void *place;
};

struct EmbedTask {
    const swk_network *network;
    const swk_images *images;
    long first; // image; tokens are counted from it
    float *map;
};

struct MergeTask {
    const swk_stage *stage;
    int version;
    long batch;
    int height, width, channels; // of the map that is merged
    const float *from;
    float *map;
};

struct BlockTask {
    const swk_block *block;
    int version;
    int height, width, channels;
    float *map;
};

struct MapTask {
    const swk_norm *norm;
    int height, width, channels;
    const float *map;
    float *out;
};

struct PoolTask {
    const swk_norm *norm;
    int tokens, channels;
    const float *map;
    float *embedding; // may be NULL
    float *pooled;    // padded rows for the head
};

struct HeadTask {
    const swk_linear *head;
    long batch;
    int classes;
    const float *pooled;
    float *logits;
};

// goes_back: the gradient is wanted.
struct AttentionTask {
    const swk_attention *call;
    bool goes_back;
};

// Kernels of one target. Each does units `from` to `to` of a task: tokens, windows over all images, or images.
// `room` is a thread's own; `common` is one for the team. The sizes say what so many units need of each.
struct Kernels {
    int panel, inputs, end_panel;
    void (*embed)(const EmbedTask &, long from, long to, const Team &, char *common, char *own);
    void (*merge)(const MergeTask &, long from, long to, const Team &, char *common, char *own);
    void (*block)(const BlockTask &, long from, long to, const Team &, char *common, char *own);
    void (*encode)(const MapTask &, long from, long to, const Team &, char *common, char *own);
    void (*channels_first)(const MapTask &, long from, long to, const Team &, char *common, char *own);
    void (*pool)(const PoolTask &, long from, long to, const Team &, char *common, char *own);
    void (*head)(const HeadTask &, const Team &, char *common);
    size_t (*embed_common)(const swk_network &, long tokens);
    size_t (*merge_common)(const swk_stage &, long tokens);
    size_t (*block_common)(const BlockTask &, long windows);
    size_t (*block_own)(const BlockTask &, long windows);
    size_t (*head_common)(const swk_network &, long images);
    size_t (*row_own)(long channels);
    long (*token_groups)(long tokens); // units of channels_first in one image
    // Of targets for float32 alone; windows `from` to `to` of a training.
    void (*attention)(const AttentionTask &, long from, long to, float *sums, char *own);
    size_t (*attention_own)(const AttentionTask &);
    // What a thread does before and behind its work, or NULL.
    void (*enter)();
    void (*leave)();
};

namespace {

constexpr long PAD = SWK_PAD;

constexpr long rounded_up(long n, long to) { return (n + to - 1) / to * to; }
constexpr long padded(long n) { return rounded_up(n, PAD); }

inline void barrier(const Team &team) {
    if (team.size > 1) team.meet(team.place);
}

// The part of 0…n that is this thread's.
struct Share {
    long from, to;
    Share(long n, const Team &team) : from(n * team.rank / team.size), to(n * (team.rank + 1) / team.size) {}
};

// Hands out pieces of a thread's scratch memory; on nothing it only counts.
class Carver {
  public:
    explicit Carver(char *room) : start(room), used(0) {}

    template <class T> T *take(long count) {
        T *piece = start ? (T *)(start + used) : nullptr;
        used += rounded_up(count * (long)sizeof(T), 64);
        return piece;
    }

    size_t bytes() const { return (size_t)used; }

  private:
    char *start;
    long used;
};

} // namespace
} // namespace swinkit

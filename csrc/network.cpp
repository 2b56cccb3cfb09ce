// The walk over a network: every thread goes through the same steps and takes its part of each.
//
//   for each few images                        so that working memory does not grow with the batch
//     patch embedding
//     for each stage: merging, blocks, the map where it is wanted
//     final norm, mean, head
//
// A step is many equal units (windows, tokens, images). While there are enough of them, each thread takes groups
// of its own, as they come; the few that are left, all threads do together, sharing heads and columns.
#include "denormals.h"
#include "dispatch.h"
#include "pool.h"

namespace swinkit {
namespace {

constexpr long MOST_ROWS = 256;        // that a group may have: more would not make products faster
constexpr long MOST_NUMBERS = 80000;   // of rows × channels: with their product they stay in 1 MiB
constexpr long FEWEST_ROWS = 32;       // worth a group of their own
constexpr long TOKENS_AT_A_TIME = 4 * 56 * 56; // of the first stage, for each thread

long at_most(long a, long b) { return a < b ? a : b; }
long at_least(long a, long b) { return a > b ? a : b; }

long windows_of(const swk_stage &stage, const swk_block &block) {
    const long rows = (stage.height + block.window[0] - 1) / block.window[0];
    return rows * ((stage.width + block.window[1] - 1) / block.window[1]);
}

struct Grouping {
    long most;   // units of a group
    long fewest; // below which a group is not left to one thread
};

Grouping grouping_of_rows(long inputs) {
    return {at_least(FEWEST_ROWS, at_most(MOST_ROWS, MOST_NUMBERS * 2 / inputs)), FEWEST_ROWS};
}

Grouping grouping_of_windows(const swk_stage &stage, const swk_block &block) {
    const long tokens = (long)block.window[0] * block.window[1];
    const long rows = at_most(MOST_ROWS, MOST_NUMBERS / padded(stage.channels));
    return {at_least(1, rows / tokens), at_least(1, FEWEST_ROWS / tokens)};
}

// Where everything lies in the workspace.
struct Layout {
    long images;         // at a time
    size_t maps[2];      // bytes of the map of even and of odd stages
    size_t pooled;       // bytes
    size_t common, own;  // bytes for each thread

    Layout(const Kernels &kernels, const swk_network &net, long batch, int threads) : maps{0, 0}, common(0), own(0) {
        const swk_stage &first = net.stage[0];
        images = at_least(1, at_most(batch, threads * TOKENS_AT_A_TIME / ((long)first.height * first.width)));
        need(common, kernels.embed_common(net, grouping_of_rows(net.embed.inputs).most));
        need(own, kernels.row_own(net.embed.inputs));
        for (int i = 0; i < net.stages; i++) {
            const swk_stage &stage = net.stage[i];
            const long tokens = (long)stage.height * stage.width;
            need(maps[i % 2], images * tokens * padded(stage.channels) * sizeof(float));
            need(own, kernels.row_own(4 * padded(stage.channels)));
            if (i) need(common, kernels.merge_common(stage, grouping_of_rows(stage.reduction.inputs).most));
            for (int j = 0; j < stage.depth; j++) {
                const swk_block &block = stage.blocks[j];
                const BlockTask task = {&block, net.version, stage.height, stage.width, stage.channels, nullptr};
                const long windows = grouping_of_windows(stage, block).most;
                need(common, kernels.block_common(task, windows));
                need(own, kernels.block_own(task, windows));
            }
        }
        pooled = rounded(images * padded(net.stage[net.stages - 1].channels) * sizeof(float));
        if (net.classes) need(common, kernels.head_common(net, images));
    }

    size_t bytes(int threads) const { return maps[0] + maps[1] + pooled + threads * (common + own); }

  private:
    static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }
    static void need(size_t &have, size_t bytes) { have = rounded(bytes) > have ? rounded(bytes) : have; }
};

class Walk {
  public:
    Walk(const Kernels &kernels_, const swk_network &net_, const swk_images &images_, const swk_outputs &wanted_,
         char *workspace, int threads)
        : kernels(kernels_), net(net_), images(images_), wanted(wanted_), layout(kernels_, net_, images_.batch, threads),
          maps{(float *)workspace, (float *)(workspace + layout.maps[0])},
          pooled((float *)(workspace + layout.maps[0] + layout.maps[1])),
          rooms(workspace + layout.maps[0] + layout.maps[1] + layout.pooled) {}

    static void go(void *walk, int rank, int size) {
        const FlushingDenormals now;
        Thread(*(Walk *)walk, rank, size).go();
    }

    // One of the threads that walk.
    class Thread {
      public:
        Thread(Walk &walk_, int rank_, int size_)
            : walk(walk_), kernels(walk_.kernels), net(walk_.net), rank(rank_), size(size_), handed_out(0) {}

        void go() {
            if (kernels.enter) kernels.enter();
            for (long from = 0; from < walk.images.batch; from += walk.layout.images)
                some(from, at_most(walk.layout.images, walk.images.batch - from));
            if (kernels.leave) kernels.leave();
        }

      private:
        Walk &walk;
        const Kernels &kernels;
        const swk_network &net;
        const int rank, size;
        long handed_out;

        void some(long from, long batch) {
            embed(from, batch);
            for (int i = 0; i < net.stages; i++) {
                const swk_stage &stage = net.stage[i];
                if (i) merge(i, batch);
                for (int j = 0; j < stage.depth; j++) block(i, stage.blocks[j], batch);
                if (walk.wanted.maps[i]) give_map(i, from, batch);
            }
            give_rest(from, batch);
        }

        void embed(long from, long batch) {
            const EmbedTask task = {&net, &walk.images, from, walk.maps[0]};
            spread(batch * net.stage[0].height * net.stage[0].width, grouping_of_rows(net.embed.inputs),
                   [&](auto... where) { kernels.embed(task, where...); });
        }

        void merge(int i, long batch) {
            const swk_stage &before = net.stage[i - 1], &stage = net.stage[i];
            const MergeTask task = {&stage,          net.version,          batch, before.height, before.width,
                                    before.channels, walk.maps[(i - 1) % 2], walk.maps[i % 2]};
            spread(batch * stage.height * stage.width, grouping_of_rows(stage.reduction.inputs),
                   [&](auto... where) { kernels.merge(task, where...); });
        }

        void block(int i, const swk_block &block, long batch) {
            const swk_stage &stage = net.stage[i];
            const BlockTask task = {&block,      net.version,    stage.height,
                                    stage.width, stage.channels, walk.maps[i % 2]};
            spread(batch * windows_of(stage, block), grouping_of_windows(stage, block),
                   [&](auto... where) { kernels.block(task, where...); });
        }

        void give_map(int i, long from, long batch) {
            const swk_stage &stage = net.stage[i];
            const long tokens = (long)stage.height * stage.width;
            const MapTask task = {&stage.output_norm, stage.height,     stage.width,
                                  stage.channels,     walk.maps[i % 2], walk.wanted.maps[i] + from * tokens * stage.channels};
            spread(batch * kernels.token_groups(tokens), {MOST_ROWS, 1},
                   [&](auto... where) { kernels.channels_first(task, where...); });
        }

        void give_rest(long from, long batch) {
            const int last = net.stages - 1;
            const swk_stage &stage = net.stage[last];
            const swk_outputs &wanted = walk.wanted;
            const long tokens = (long)stage.height * stage.width;
            const float *map = walk.maps[last % 2];
            if (wanted.encoded) {
                const MapTask task = {&net.norm,      stage.height, stage.width,
                                      stage.channels, map,          wanted.encoded + from * tokens * stage.channels};
                spread(batch * tokens, {MOST_ROWS, 1}, [&](auto... where) { kernels.encode(task, where...); });
            }
            if (!wanted.embedding && !wanted.logits) return;
            float *embedding = wanted.embedding ? wanted.embedding + from * stage.channels : nullptr;
            const PoolTask task = {&net.norm, (int)tokens, stage.channels, map, embedding, walk.pooled};
            spread(batch, {1, 1}, [&](auto... where) { kernels.pool(task, where...); });
            if (!wanted.logits) return;
            const HeadTask last_task = {&net.head, batch, net.classes, walk.pooled, wanted.logits + from * net.classes};
            kernels.head(last_task, everybody(), walk.room(0));
        }

        // work(from, to, team, common, own) until all units are done.
        template <class Work> void spread(long units, Grouping grouping, const Work &work) {
            long done = 0;
            while (done < units) {
                const long each = at_most(grouping.most, (units - done) / size);
                if (size > 1 && each < grouping.fewest) {
                    together(done, units, grouping.most, work);
                    break;
                }
                const long groups = (units - done) / (each * size) * size;
                for (long group = next(); group < groups; group = next())
                    work(done + group * each, done + (group + 1) * each, alone(), walk.room(rank), own());
                handed_out += groups + size; // each thread asked once in vain
                done += groups * each;
                meet();
            }
        }

        template <class Work> void together(long from, long to, long most, const Work &work) {
            for (; from < to; from += most)
                work(from, at_most(from + most, to), everybody(), walk.room(0), own());
            meet();
        }

        long next() { return walk.tickets.fetch_add(1, std::memory_order_relaxed) - handed_out; }

        char *own() const { return walk.room(rank) + walk.layout.common; }
        Team alone() const { return {0, 1, nullptr, nullptr}; }
        Team everybody() { return {rank, size, [](void *thread) { ((Thread *)thread)->meet(); }, this}; }
        void meet() { walk.meeting.meet(size); }
    };

  private:
    const Kernels &kernels;
    const swk_network &net;
    const swk_images &images;
    const swk_outputs &wanted;
    const Layout layout;
    float *const maps[2];
    float *const pooled;
    char *const rooms;
    Meeting meeting;
    std::atomic<long> tickets{0};

    char *room(int rank) const { return rooms + rank * (layout.common + layout.own); }
};

} // namespace
} // namespace swinkit

size_t swk_workspace(int target, const swk_network *network, int64_t batch, int threads) {
    return swinkit::Layout(*swinkit::targets[target].kernels, *network, batch, threads).bytes(threads);
}

int swk_run(int target, const swk_network *network, const swk_images *images, const swk_outputs *outputs,
            void *workspace, size_t bytes, int threads) {
    if (bytes < swk_workspace(target, network, images->batch, threads)) return -1;
    swinkit::Walk walk(*swinkit::targets[target].kernels, *network, *images, *outputs, (char *)workspace, threads);
    swinkit::run_together(threads, swinkit::Walk::go, &walk);
    return 0;
}

// One call of attention of a training, shared among threads part by part.
#include "denormals.h"
#include "dispatch.h"
#include "pool.h"

#if defined(__linux__)
#include <dlfcn.h>
#endif

namespace swinkit {
namespace {

constexpr long MOST_PARTS = 64; // fixed, so that sums do not depend on the threads; enough to keep many busy

long windows_of(const swk_attention &call) {
    const long rows = (call.height + call.block.window[0] - 1) / call.block.window[0];
    return call.batch * rows * ((call.width + call.block.window[1] - 1) / call.block.window[1]);
}

long parts_of(const swk_attention &call) {
    const long windows = windows_of(call);
    return windows < MOST_PARTS ? windows : MOST_PARTS;
}

long sums_of(const swk_attention &call) {
    const long offsets = (2L * call.block.window[0] - 1) * (2L * call.block.window[1] - 1);
    return call.block.heads * (offsets + 1) + 3L * call.channels + SWK_PAD; // bias is added in whole vectors
}

class Call {
  public:
    Call(const Kernels &kernels_, const swk_attention &call, bool goes_back, void *workspace_)
        : kernels(kernels_), task{&call, goes_back}, workspace((char *)workspace_), own(kernels.attention_own(task)),
          windows(windows_of(call)), parts(parts_of(call)), sums(sums_of(call)) {}

    void run(int threads) {
        if (threads > parts) threads = (int)parts;
        if (const auto parallel = threads > 1 ? openmp() : nullptr)
            parallel([](void *call) { go(call, ((Call *)call)->ranks.fetch_add(1), 0); }, this, threads, 0);
        else
            run_together(threads, go, this);
    }

  private:
    const Kernels &kernels;
    const AttentionTask task;
    char *const workspace;
    const size_t own;
    const long windows, parts, sums;
    std::atomic<long> next{0};
    std::atomic<int> ranks{0};

    using Parallel = void (*)(void (*work)(void *), void *what, unsigned threads, unsigned flags);

    // What calls the threads of GCC's OpenMP library where the process has one, which is torch's; NULL elsewhere. Between
    // two operators of torch its threads spin for a while, and ours would have to wait until they are sent away.
    static Parallel openmp() {
#if defined(__linux__)
        static const auto found = (Parallel)dlsym(RTLD_DEFAULT, "GOMP_parallel");
        return found;
#else
        return nullptr;
#endif
    }

    static void go(void *what, int rank, int) {
        const FlushingDenormals now;
        Call &call = *(Call *)what;
        for (long part = call.next.fetch_add(1); part < call.parts; part = call.next.fetch_add(1))
            call.kernels.attention(call.task, call.windows * part / call.parts, call.windows * (part + 1) / call.parts,
                                   call.task.goes_back ? call.task.call->sums + part * call.sums : nullptr,
                                   call.workspace + rank * call.own);
    }
};

} // namespace
} // namespace swinkit

size_t swk_attention_workspace(int target, const swk_attention *call, int threads) {
    return threads * swinkit::targets[target].kernels->attention_own({call, true});
}

int64_t swk_attention_parts(const swk_attention *call) { return swinkit::parts_of(*call); }
int64_t swk_attention_sums(const swk_attention *call) { return swinkit::sums_of(*call); }

void swk_attend(int target, const swk_attention *attention, int goes_back, void *workspace, int threads) {
    swinkit::Call call(*swinkit::targets[target].kernels, *attention, goes_back, workspace);
    call.run(threads);
}

// Threads that wait for work, and a place where those of one call meet.
//
// Not torch's pool: the library then needs neither torch nor an OpenMP of the right name, and a forked process
// simply gets a new pool. See docs/decisions/0007-own-thread-pool.md.
#pragma once

#include <atomic>
#include <thread>

namespace swinkit {

// Waits at first without giving the core away, then gives it to whoever wants it, and sleeps when that takes long: to
// wake a core that sleeps can take longer than a block, most of all in a virtual machine.
class Signal {
  public:
    unsigned now() const { return value.load(std::memory_order_acquire); }

    void raise() {
        value.fetch_add(1, std::memory_order_acq_rel);
        value.notify_all();
    }

    void wait_until(unsigned value_) const {
        for (unsigned seen = now(); seen != value_; seen = now()) wait_while(seen);
    }

    void wait_while(unsigned before) const {
        for (int i = 0; i < SPINS; i++) {
            if (now() != before) return;
            rest();
        }
        for (int i = 0; i < YIELDS; i++) {
            if (now() != before) return;
            std::this_thread::yield();
        }
        value.wait(before, std::memory_order_acquire);
    }

  private:
    static constexpr int SPINS = 2000; // some 50 µs
    static constexpr int YIELDS = 4000; // some 2 ms where nobody else wants the core

    static void rest() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    }

    std::atomic<unsigned> value{0};
};

// Where the threads of a call wait for each other.
class Meeting {
  public:
    void meet(int size) {
        const unsigned before = signal.now();
        if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < size) return signal.wait_while(before);
        arrived.store(0, std::memory_order_relaxed);
        signal.raise();
    }

  private:
    std::atomic<int> arrived{0};
    Signal signal;
};

// Calls work(what, rank, size) for rank 0…size − 1, rank 0 on this thread, and returns when all are done. Calls
// from several threads at once each get threads of their own. `size` is `threads`, or fewer where the system
// gives no more.
void run_together(int threads, void (*work)(void *what, int rank, int size), void *what);

} // namespace swinkit

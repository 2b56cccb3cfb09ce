#include "pool.h"

#include <mutex>
#include <system_error>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace swinkit {
namespace {

// A thread that waits to be called; it never ends, for a process may end at any time anyway.
struct Worker {
    Signal called, finished;
    void (*work)(void *, int, int) = nullptr;
    void *what = nullptr;
    int rank = 0, size = 0;
    unsigned calls = 0;     // that were made to it
    Worker *next = nullptr; // of the idle ones, or of those in one call

    void live() {
        for (unsigned heard = 0;; heard++) {
            called.wait_while(heard);
            work(what, rank, size);
            finished.raise();
        }
    }
};

class Pool {
  public:
    // A list of so many workers, or of as many as there can be.
    Worker *take(int count, int &taken) {
        const std::lock_guard<std::mutex> held(guard);
        Worker *list = nullptr;
        for (taken = 0; taken < count; taken++) {
            Worker *one = idle;
            if (one)
                idle = one->next;
            else if (!(one = hire()))
                break;
            one->next = list;
            list = one;
        }
        return list;
    }

    void give_back(Worker *list) {
        const std::lock_guard<std::mutex> held(guard);
        while (list) {
            Worker *one = list;
            list = one->next;
            one->next = idle;
            idle = one;
        }
    }

  private:
    std::mutex guard;
    Worker *idle = nullptr;

    static Worker *hire() {
        Worker *worker = new Worker;
        try {
            std::thread(&Worker::live, worker).detach();
        } catch (const std::system_error &) {
            delete worker;
            return nullptr;
        }
        return worker;
    }
};

Pool *pool = nullptr;

// A forked child has this memory but not these threads: it starts anew, and lets go of what may be locked.
void start_anew() { pool = new Pool; }

Pool &the_pool() {
    static const bool started = [] {
        start_anew();
#if defined(__unix__) || defined(__APPLE__)
        pthread_atfork(nullptr, nullptr, start_anew);
#endif
        return true;
    }();
    (void)started;
    return *pool;
}

} // namespace

void run_together(int threads, void (*work)(void *, int, int), void *what) {
    if (threads <= 1) return work(what, 0, 1);
    Pool &source = the_pool();
    int taken;
    Worker *others = source.take(threads - 1, taken);
    int rank = 1;
    for (Worker *one = others; one; one = one->next) {
        one->work = work;
        one->what = what;
        one->rank = rank++;
        one->size = taken + 1;
        one->calls++;
        one->called.raise();
    }
    work(what, 0, taken + 1);
    for (Worker *one = others; one; one = one->next) one->finished.wait_until(one->calls);
    source.give_back(others);
}

} // namespace swinkit

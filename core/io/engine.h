/* What objects live on: the loops and the pool of a runtime, its counters, its
 * log, and the list of what must be aborted before it can end. */
#ifndef WWI_ENGINE_H
#define WWI_ENGINE_H

#include <stdatomic.h>

#include "core/base/lock.h"
#include "core/base/log.h"
#include "core/base/table.h"
#include "core/io/loop.h"
#include "core/io/pool.h"

enum { WWI_COUNTERS = WWS_COUNTER_HANDLES + 1 };

/* Something that lives on a runtime. */
struct wwi_member {
    struct wwi_link link;
    struct wwi_object *object;
    struct wwi_runtime *runtime;
    /* Ends everything the member does; must not block. */
    void (*abort)(struct wwi_member *member);
};

struct wwi_runtime {
    struct wwi_object object;
    struct wwi_log *log;
    wws_thread_callbacks threads;
    struct wwi_pool *pool;
    struct wwi_loop **loops;
    uint32_t loop_count;
    _Atomic uint32_t next_loop;
    _Atomic uint64_t counters[WWI_COUNTERS];
    _Atomic uint64_t busy; /* see wwi_runtime_begin() */
    _Atomic bool waited_for;

    struct { /* any thread, under the lock */
        struct wwi_lock lock;
        struct wwi_list members;
        pthread_cond_t idle; /* busy has come to 0 */
        bool closing; /* nothing joins or opens any more */
        bool ending;  /* a thread waits for the end of the others */
        bool ended;   /* the threads are gone */
    } synced;
};

/* Null when there is no memory, descriptor or thread for it. */
struct wwi_runtime *wwi_runtime_new(const wws_runtime_options *options);
/* The one that a null runtime means, if it has been made. */
struct wwi_runtime *wwi_runtime_existing_default(void);
/* The next use of a null runtime makes a new one. */
void wwi_runtime_forget_default(struct wwi_runtime *runtime);
/* Aborts all members, waits until nothing is busy and ends the threads; false
 * if that took too long. */
bool wwi_runtime_end(struct wwi_runtime *runtime, int64_t deadline);
void wwi_runtime_abort_members(struct wwi_runtime *runtime);
bool wwi_runtime_closing(struct wwi_runtime *runtime);
bool wwi_runtime_ended(struct wwi_runtime *runtime);

/* Something that the end of the runtime has to wait for begins and ends: a
 * caller that has not heard, an operation, a server that has not stopped.  The
 * runtime first aborts its members, then waits until nothing is begun, then ends
 * its loops: who begins finds the loops there, or finds that he was aborted. */
void wwi_runtime_begin(struct wwi_runtime *runtime);
void wwi_runtime_done(struct wwi_runtime *runtime);

/* With a reference: the one given, or the default for null.  Null when there is
 * no memory or thread for the default one. */
struct wwi_runtime *wwi_runtime_hold(struct wwi_runtime *runtime);

/* Takes a reference to the runtime, or fails if that is closed and leaves
 * member->runtime as it was. */
wws_status wwi_member_join(
    struct wwi_member *member,
    struct wwi_object *object,
    struct wwi_runtime *runtime,
    void (*abort)(struct wwi_member *member));
/* Gives the reference back. */
void wwi_member_leave(struct wwi_member *member);

struct wwi_loop *wwi_runtime_loop(struct wwi_runtime *runtime);

/* In an option 0 stands for its default. */
static inline void wwi_use_default(uint32_t *option, uint32_t standard)
{
    if (*option == 0)
        *option = standard;
}

static inline void wwi_count(struct wwi_runtime *runtime, wws_counter counter)
{
    atomic_fetch_add_explicit(&runtime->counters[counter], 1,
        memory_order_relaxed);
}

static inline void wwi_uncount(struct wwi_runtime *runtime, wws_counter counter)
{
    atomic_fetch_sub_explicit(&runtime->counters[counter], 1,
        memory_order_relaxed);
}

#endif

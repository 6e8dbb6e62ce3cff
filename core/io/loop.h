/* One thread that drives descriptors and timers.
 *
 * A descriptor is added once, armed for nothing.  Arming makes the loop its
 * owner until `ready` is called, once; who owns it then arms it again or drives
 * it alone.  So handing a descriptor to the loop is one system call that cannot
 * fail.  `ready`, work and timers run on the loop's thread with no lock held
 * and must not block. */
#ifndef WWI_LOOP_H
#define WWI_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/io/timer.h"
#include "core/io/work.h"
#include "wws/types.h"

struct wwi_loop;

struct wwi_source {
    int fd;
    void (*ready)(struct wwi_source *source, uint32_t events);
    /* The loop owns it; the system may report errors of one that is not. */
    _Atomic bool armed;
};

/* Work that may be asked for again before it has run; it then runs once. */
struct wwi_post {
    struct wwi_work work;
    _Atomic bool posted;
};

struct wwi_loop *wwi_loop_create(const wws_thread_callbacks *callbacks);
/* Ends the thread when it has run what was posted; true when it has ended.
 * What is posted later runs where it is posted. */
bool wwi_loop_close(struct wwi_loop *loop, int64_t deadline);
/* After it has been closed. */
void wwi_loop_free(struct wwi_loop *loop);

wws_status wwi_loop_add(struct wwi_loop *loop, struct wwi_source *source);
/* Events of epoll; an error or hang-up is always among them. */
void wwi_loop_arm(
    struct wwi_loop *loop,
    struct wwi_source *source,
    uint32_t events);
/* On the loop's thread: takes a source back without `ready`. */
void wwi_loop_disarm(struct wwi_loop *loop, struct wwi_source *source);
/* On the loop's thread, or for a source that is not armed.  `ready` is not
 * called any more; the descriptor is still open.  On another thread the memory
 * must stay until a post made after this has run, for the loop may just be
 * looking at it. */
void wwi_loop_remove(struct wwi_loop *loop, struct wwi_source *source);

void wwi_post_init(struct wwi_post *post, void (*run)(struct wwi_work *work));
/* False if it was posted already and has not begun to run. */
bool wwi_loop_post(struct wwi_loop *loop, struct wwi_post *post);

/* Timers of the loop; callable from any thread. */
void wwi_loop_set_timer(
    struct wwi_loop *loop,
    struct wwi_timer *timer,
    int64_t deadline);
/* True if it was set and will not run now; false if it was not set, runs, or
 * has run. */
bool wwi_loop_cancel_timer(struct wwi_loop *loop, struct wwi_timer *timer);

bool wwi_loop_current(const struct wwi_loop *loop);
uint64_t wwi_loop_handed_over(const struct wwi_loop *loop);

struct wwi_resolver;
/* The resolver of the loop, made on first use; only on the loop's thread. */
struct wwi_resolver *wwi_loop_resolver(struct wwi_loop *loop);

#endif

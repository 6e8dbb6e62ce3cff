/* The runtime of a test. */
#include "tests/support/engine.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/clock.h"

struct wwi_runtime *start_engine(void)
{
    wws_runtime_options options = WWS_RUNTIME_OPTIONS_INIT;
    struct wwi_runtime *runtime;

    options.loop_threads = 2;
    runtime = wwi_runtime_new(&options);
    assert_non_null(runtime);
    return runtime;
}

struct barrier {
    struct wwi_post post;
    sem_t passed;
};

static void pass(struct wwi_work *work)
{
    sem_post(&WWI_CONTAINER(work, struct barrier, post.work)->passed);
}

static void let_run(struct wwi_loop *loop)
{
    struct barrier barrier;

    wwi_post_init(&barrier.post, pass);
    sem_init(&barrier.passed, 0, 0);
    wwi_loop_post(loop, &barrier.post);
    sem_wait(&barrier.passed);
    sem_destroy(&barrier.passed);
}

void let_loops_run(const struct wwi_runtime *runtime)
{
    /* Accepting, then adopting, then reading may be on different loops. */
    for (uint32_t i = 0; i < 4 * runtime->loop_count; i++)
        let_run(runtime->loops[i % runtime->loop_count]);
}

void end_engine(struct wwi_runtime *runtime)
{
    assert_true(wwi_runtime_end(runtime, wwi_clock_after(20000)));
    assert_int_equal(runtime->counters[WWS_COUNTER_SOCKETS], 0);
    assert_true(wwi_object_close(&runtime->object));
    wwi_object_unref(&runtime->object);
}

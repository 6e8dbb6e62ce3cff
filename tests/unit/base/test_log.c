/* Lines of the log, and whoever takes them coming and going. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum { WRITERS = 3, TABLES = 2000 };

struct taker {
    _Atomic int lines;
    _Atomic int freed;
    _Atomic int late;
    wws_log_level level;
    wws_phase phase;
    char text[1024];
};

static struct wwi_log *written;
static uint64_t live_before;

static int set_up(void **state)
{
    (void) state;
    live_before = wwi_memory_live();
    written = wwi_log_create();
    return written != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_log_free(written);
    return wwi_memory_live() == live_before ? 0 : -1;
}

static void take_line(
    wws_log_level level,
    wws_phase phase,
    wws_string text,
    void *state)
{
    struct taker *taker = state;

    if (atomic_load(&taker->freed) != 0)
        atomic_fetch_add(&taker->late, 1);
    if (atomic_fetch_add(&taker->lines, 1) != 0)
        return;
    taker->level = level;
    taker->phase = phase;
    memcpy(taker->text, text.data, text.size);
    taker->text[text.size] = '\0';
}

static void note_free(void *state)
{
    atomic_fetch_add(&((struct taker *) state)->freed, 1);
}

static void listen(struct taker *taker, wws_log_level level)
{
    wws_log_callbacks callbacks = WWS_LOG_CALLBACKS_INIT;

    callbacks.state = taker;
    callbacks.free_state = note_free;
    callbacks.line = take_line;
    assert_int_equal(wwi_log_set(written, level, &callbacks), WWS_S_OK);
}

static void log__hands_over_the_line_with_its_level_and_phase(void **state)
{
    struct taker taker = { .lines = 0 };

    (void) state;
    listen(&taker, WWS_LOG_LEVEL_DEBUG);
    wwi_log_write(written, WWS_LOG_LEVEL_INFO, WWS_PHASE_CONNECT,
        "%s is %d", "it", 42);

    assert_int_equal(taker.lines, 1);
    assert_int_equal(taker.level, WWS_LOG_LEVEL_INFO);
    assert_int_equal(taker.phase, WWS_PHASE_CONNECT);
    assert_string_equal(taker.text, "it is 42");
    wwi_log_set(written, 0, NULL);
}

static void log__drops_lines_that_matter_less(void **state)
{
    (void) state;
    for (wws_log_level least = 0; least <= WWS_LOG_LEVEL_DEBUG; least++) {
        for (wws_log_level level = 0; level <= WWS_LOG_LEVEL_DEBUG; level++) {
            struct taker taker = { .lines = 0 };

            listen(&taker, least);
            wwi_log_write(written, level, WWS_PHASE_NONE, "x");

            assert_int_equal(taker.lines, level <= least);
            wwi_log_set(written, 0, NULL);
            assert_int_equal(taker.freed, 1);
        }
    }
}

static void log__without_a_taker_is_silent(void **state)
{
    (void) state;
    wwi_log_write(NULL, WWS_LOG_LEVEL_ERROR, WWS_PHASE_NONE, "x");
    wwi_log_write(written, WWS_LOG_LEVEL_ERROR, WWS_PHASE_NONE, "x");

    assert_int_equal(wwi_log_set(written, 0, NULL), WWS_S_OK);
}

static void log__frees_the_state_when_another_comes_or_it_ends(void **state)
{
    struct taker first = { .lines = 0 }, second = { .lines = 0 };
    struct wwi_log *kept = written;

    (void) state;
    listen(&first, WWS_LOG_LEVEL_DEBUG);
    listen(&second, WWS_LOG_LEVEL_DEBUG);
    assert_int_equal(first.freed, 1);
    assert_int_equal(second.freed, 0);
    wwi_log_write(written, WWS_LOG_LEVEL_ERROR, WWS_PHASE_NONE, "x");
    assert_int_equal(first.lines, 0);
    assert_int_equal(second.lines, 1);

    written = NULL;
    wwi_log_free(kept);

    assert_int_equal(first.freed, 1);
    assert_int_equal(second.freed, 1);
    wwi_log_free(NULL);
}

static void log__cuts_a_long_line_between_characters(void **state)
{
    struct taker taker = { .lines = 0 };
    char text[2001];

    (void) state;
    for (int from = 0; from < 3; from++) {
        taker.lines = 0;
        memset(text, 'x', (size_t) from);
        for (size_t i = (size_t) from; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4);
        taker.freed = 0;
        listen(&taker, WWS_LOG_LEVEL_DEBUG);
        wwi_log_write(written, WWS_LOG_LEVEL_ERROR, WWS_PHASE_NONE, "%s",
            text);

        assert_true(strlen(taker.text) > 500);
        assert_true(wwi_utf8_valid(taker.text, strlen(taker.text)));
        wwi_log_set(written, 0, NULL);
    }
}

static _Atomic int stop;

static void *write_lines(void *state)
{
    (void) state;
    while (atomic_load(&stop) == 0)
        wwi_log_write(written, WWS_LOG_LEVEL_ERROR, WWS_PHASE_NONE, "x");
    return NULL;
}

static void log__never_uses_a_table_that_was_replaced(void **state)
{
    static struct taker takers[TABLES];
    pthread_t writers[WRITERS];

    (void) state;
    atomic_store(&stop, 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&writers[i], NULL, write_lines, NULL);
    for (int i = 0; i < TABLES; i++)
        listen(&takers[i], WWS_LOG_LEVEL_ERROR);
    wwi_log_set(written, 0, NULL);
    atomic_store(&stop, 1);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);

    for (int i = 0; i < TABLES; i++) {
        assert_int_equal(takers[i].freed, 1);
        assert_int_equal(takers[i].late, 0);
    }
}

static void log__needs_memory_to_begin(void **state)
{
    (void) state;
    wwi_memory_fail(1, 0);

    assert_null(wwi_log_create());

    wwi_memory_fail(0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(log__hands_over_the_line_with_its_level_and_phase),
        TEST(log__drops_lines_that_matter_less),
        TEST(log__without_a_taker_is_silent),
        TEST(log__frees_the_state_when_another_comes_or_it_ends),
        TEST(log__cuts_a_long_line_between_characters),
        TEST(log__never_uses_a_table_that_was_replaced),
        TEST(log__needs_memory_to_begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

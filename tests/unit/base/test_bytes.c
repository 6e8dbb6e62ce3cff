/* Runs of octets that grow, fail once for all, and are moved into buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bytes.h"
#include "core/base/memory.h"

static uint64_t live_before;
static int released;

static int set_up(void **state)
{
    (void) state;
    live_before = wwi_memory_live();
    released = 0;
    return 0;
}

static int nothing_leaked(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    assert_int_equal(wwi_memory_live(), live_before);
    return 0;
}

static void assert_content(const struct wwi_bytes *bytes, const char *text)
{
    assert_false(bytes->failed);
    assert_int_equal(bytes->size, strlen(text));
    assert_memory_equal(bytes->data, text, bytes->size);
}

static void bytes__keep_all_that_is_appended(void **state)
{
    struct wwi_bytes bytes = { 0 };

    (void) state;
    for (int i = 0; i < 10000; i++)
        wwi_bytes_append_char(&bytes, (char) ('a' + i % 26));

    assert_int_equal(bytes.size, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(bytes.data[i], 'a' + i % 26);
    wwi_bytes_fini(&bytes);
}

static void bytes__take_texts_strings_and_numbers(void **state)
{
    struct wwi_bytes bytes = { 0 };

    (void) state;
    wwi_bytes_append_text(&bytes, "a");
    wwi_bytes_append_string(&bytes, WWS_STR("b\0c"));
    wwi_bytes_consume(&bytes, 1);
    assert_int_equal(bytes.size, 3);
    wwi_bytes_consume(&bytes, 3);
    wwi_bytes_append_number(&bytes, 0);
    wwi_bytes_append_char(&bytes, ' ');
    wwi_bytes_append_number(&bytes, 10);
    wwi_bytes_append_char(&bytes, ' ');
    wwi_bytes_append_number(&bytes, UINT64_MAX);

    assert_content(&bytes, "0 10 18446744073709551615");
    wwi_bytes_fini(&bytes);
}

static void bytes__take_nothing_from_nowhere(void **state)
{
    struct wwi_bytes bytes = { 0 };

    (void) state;
    wwi_bytes_append(&bytes, NULL, 0);
    wwi_bytes_append_string(&bytes, (wws_string) { NULL, 0 });
    wwi_bytes_append_text(&bytes, "");
    wwi_bytes_consume(&bytes, 0);

    assert_int_equal(bytes.size, 0);
    assert_false(bytes.failed);
    wwi_bytes_fini(&bytes);
}

static void bytes__drop_what_is_consumed(void **state)
{
    struct wwi_bytes bytes = { 0 };

    (void) state;
    wwi_bytes_append_text(&bytes, "abcdef");

    wwi_bytes_consume(&bytes, 4);
    wwi_bytes_append_text(&bytes, "gh");

    assert_content(&bytes, "efgh");
    wwi_bytes_fini(&bytes);
}

static void bytes__that_could_not_grow_stay_as_they_were(void **state)
{
    static const char big[4096];
    struct wwi_bytes bytes = { 0 };

    (void) state;
    wwi_bytes_append_text(&bytes, "abc");
    wwi_memory_fail(1, 0);
    wwi_bytes_append(&bytes, big, sizeof big);
    /* There would be room, and memory, but something is missing already. */
    wwi_bytes_append_text(&bytes, "d");

    assert_true(bytes.failed);
    assert_int_equal(bytes.size, 3);
    assert_memory_equal(bytes.data, "abc", 3);
    assert_null(wwi_bytes_reserve(&bytes, 1));
    wwi_bytes_fini(&bytes);
}

static void bytes__that_are_reset_begin_anew(void **state)
{
    struct wwi_bytes bytes = { 0 };

    (void) state;
    wwi_memory_fail(1, 0);
    wwi_bytes_append_text(&bytes, "abc");
    assert_true(bytes.failed);

    wwi_bytes_reset(&bytes, 0);
    wwi_bytes_append_text(&bytes, "d");

    assert_content(&bytes, "d");
    wwi_bytes_fini(&bytes);
}

static void bytes__that_are_reset_keep_no_more_memory_than_allowed(void **state)
{
    struct wwi_bytes bytes = { 0 };
    uint8_t *data;

    (void) state;
    wwi_bytes_append_text(&bytes, "abc");
    data = bytes.data;

    wwi_bytes_reset(&bytes, bytes.capacity);
    assert_ptr_equal(bytes.data, data);
    assert_int_equal(bytes.size, 0);
    wwi_bytes_reset(&bytes, bytes.capacity - 1);

    assert_null(bytes.data);
    assert_int_equal(bytes.capacity, 0);
}

static void bytes__refuse_a_size_that_no_memory_has(void **state)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 3, SIZE_MAX - 4,
        SIZE_MAX / 2 + 2 };

    (void) state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct wwi_bytes bytes = { 0 };

        wwi_bytes_append_text(&bytes, "abc");

        assert_null(wwi_bytes_reserve(&bytes, sizes[i]));
        assert_true(bytes.failed);
        assert_int_equal(bytes.size, 3);
        wwi_bytes_fini(&bytes);
    }
}

static void bytes__have_room_for_nothing(void **state)
{
    struct wwi_bytes bytes = { 0 };

    (void) state;
    assert_non_null(wwi_bytes_reserve(&bytes, 0));
    wwi_bytes_fini(&bytes);
}

static void bytes__become_a_buffer_without_being_copied(void **state)
{
    struct wwi_bytes bytes = { 0 };
    wws_buffer buffer;
    uint8_t *data;

    (void) state;
    wwi_bytes_append_text(&bytes, "abc");
    data = bytes.data;

    wwi_bytes_to_buffer(&bytes, &buffer);

    assert_ptr_equal(buffer.data, data);
    assert_int_equal(buffer.size, 3);
    assert_null(bytes.data);
    assert_int_equal(bytes.size, 0);
    wwi_buffer_release(&buffer);
    assert_null(buffer.data);
    assert_null(buffer.release);
    assert_int_equal(buffer.size, 0);
}

static void note_release(void *owner)
{
    assert_ptr_equal(owner, &released);
    released++;
}

static void buffer__is_released_once(void **state)
{
    wws_buffer buffer = { "x", 1, &released, note_release };

    (void) state;
    wwi_buffer_release(&buffer);
    wwi_buffer_release(&buffer);

    assert_int_equal(released, 1);
}

static void buffer__that_is_empty_or_not_there_is_fine(void **state)
{
    wws_buffer empty = { 0 }, borrowed = { "x", 1, NULL, NULL };

    (void) state;
    wwi_buffer_release(&empty);
    wwi_buffer_release(&borrowed);
    wwi_buffer_release(NULL);

    assert_null(borrowed.data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, nothing_leaked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes__keep_all_that_is_appended),
        TEST(bytes__take_texts_strings_and_numbers),
        TEST(bytes__take_nothing_from_nowhere),
        TEST(bytes__drop_what_is_consumed),
        TEST(bytes__that_could_not_grow_stay_as_they_were),
        TEST(bytes__that_are_reset_begin_anew),
        TEST(bytes__that_are_reset_keep_no_more_memory_than_allowed),
        TEST(bytes__refuse_a_size_that_no_memory_has),
        TEST(bytes__have_room_for_nothing),
        TEST(bytes__become_a_buffer_without_being_copied),
        TEST(buffer__is_released_once),
        TEST(buffer__that_is_empty_or_not_there_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

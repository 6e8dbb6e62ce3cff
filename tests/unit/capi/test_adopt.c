/* Structs of other versions, handles and texts, as the veneer checks them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capi/adopt.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { LARGEST = 4096 };

/* A struct that has grown twice. */
struct grown {
    uint32_t struct_size;
    uint32_t version;
    uint64_t first;
    uint64_t second; /* since 2 */
    uint64_t third;  /* since 3 */
};

static const uint32_t sizes[] = { 16, 24, 32 };
static const struct grown defaults = { sizeof defaults, 3, 10, 20, 30 };

static union {
    struct grown grown;
    uint32_t size;
    uint8_t octets[2 * LARGEST];
} theirs;

static bool adopt(struct grown *ours, uint32_t their_size)
{
    *ours = defaults;
    theirs.grown = (struct grown) { their_size, 7, 1, 2, 3 };
    return wwi_adopt(ours, sizes, 3, &theirs);
}

static void struct__that_is_null_means_all_defaults(void **state)
{
    struct grown ours = defaults;

    (void) state;
    assert_true(wwi_adopt(&ours, sizes, 3, NULL));

    assert_memory_equal(&ours, &defaults, sizeof ours);
}

static void struct__of_an_older_caller_keeps_the_defaults_it_lacks(void **state)
{
    struct grown ours;

    (void) state;
    assert_true(adopt(&ours, 16));
    assert_int_equal(ours.first, 1);
    assert_int_equal(ours.second, 20);
    assert_int_equal(ours.third, 30);

    assert_true(adopt(&ours, 24));
    assert_int_equal(ours.second, 2);
    assert_int_equal(ours.third, 30);
}

static void struct__that_was_adopted_has_our_size(void **state)
{
    static const uint32_t taken[] = { 16, 24, 32, 33, 40, LARGEST };
    struct grown ours;

    (void) state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        memset(&theirs, 0, sizeof theirs);
        assert_true(adopt(&ours, taken[i]));
        assert_int_equal(ours.struct_size, sizeof ours);
    }
    assert_int_equal(ours.third, 3);
}

static void struct__of_any_other_size_is_refused_and_changes_nothing(
    void **state)
{
    struct grown ours;

    (void) state;
    memset(&theirs, 0, sizeof theirs);
    for (uint32_t size = 0; size < 32; size++) {
        assert_int_equal(adopt(&ours, size), size == 16 || size == 24);
        if (size != 16 && size != 24)
            assert_memory_equal(&ours, &defaults, sizeof ours);
    }
    assert_false(adopt(&ours, LARGEST + 1));
    assert_false(adopt(&ours, UINT32_MAX));
    assert_memory_equal(&ours, &defaults, sizeof ours);
}

static void struct__of_a_newer_caller_must_end_in_zeros(void **state)
{
    struct grown ours;

    (void) state;
    memset(&theirs, 0, sizeof theirs);
    for (uint32_t at = 32; at < 64; at++) {
        theirs.octets[at] = 1;
        assert_false(adopt(&ours, 64));
        assert_false(adopt(&ours, at + 1));
        assert_memory_equal(&ours, &defaults, sizeof ours);
        /* It is not part of a shorter one. */
        assert_true(adopt(&ours, at));
        theirs.octets[at] = 0;
        assert_true(adopt(&ours, 64));
    }
}

static void record__is_taken_with_every_size_that_can_be_filled(void **state)
{
    (void) state;
    memset(&theirs, 0xEE, sizeof theirs);
    for (uint32_t size = 0; size <= LARGEST + 8; size++) {
        theirs.size = size;
        assert_int_equal(wwi_adopt_record(&theirs, sizes, 3),
            size == 16 || size == 24 || (size >= 32 && size <= LARGEST));
    }
}

static void text__is_valid_as_utf_8_or_when_it_is_empty(void **state)
{
    (void) state;
    assert_true(wwi_text_valid(WWS_STR("abc")));
    assert_true(wwi_text_valid((wws_string) { NULL, 0 }));
    assert_false(wwi_text_valid((wws_string) { NULL, 1 }));
    assert_false(wwi_text_valid(WWS_STR("\xFF")));
    assert_false(wwi_text_valid(WWS_STR("a\0b")));
}

static void bytes__are_valid_unless_they_are_nowhere(void **state)
{
    (void) state;
    assert_true(wwi_bytes_valid((wws_bytes) { "\xFF", 1 }));
    assert_true(wwi_bytes_valid((wws_bytes) { NULL, 0 }));
    assert_false(wwi_bytes_valid((wws_bytes) { NULL, 1 }));
}

static void handle__is_entered_with_a_reference_until_it_is_left(void **state)
{
    struct wwi_error *error = wwi_error_new(), *entered = NULL;
    uint64_t live = wwi_memory_live();

    (void) state;
    assert_int_equal(wwi_enter(error->object.id, WWI_KIND_ERROR, "it", NULL,
        &entered), WWS_S_OK);
    assert_ptr_equal(entered, error);
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
    assert_int_equal(wwi_memory_live(), live);

    wwi_leave(entered);

    assert_int_equal(wwi_memory_live(), live - 1);
    wwi_leave(NULL);
}

static void handle__that_is_refused_is_named(void **state)
{
    struct wwi_error *error = wwi_error_new(), *stale = wwi_error_new();
    uint64_t id = stale->object.id;
    struct wwi_error *entered = NULL;
    wws_string text;

    (void) state;
    assert_int_equal(wwi_error_free(stale), WWS_S_OK);
    assert_int_equal(wwi_enter(id, WWI_KIND_ERROR, "it", error, &entered),
        WWS_E_HANDLE);
    assert_int_equal(wwi_error_get_string(error, 0, &text), WWS_S_OK);
    assert_memory_equal(text.data, "it: ", 4);
    assert_int_equal(wwi_enter(error->object.id, WWI_KIND_CALL, "it", error,
        &entered), WWS_E_HANDLE);
    assert_int_equal(wwi_enter(0, WWI_KIND_ERROR, "it", error, &entered),
        WWS_E_INVALIDARG);

    assert_null(entered);
    assert_int_equal(error->count, 3);
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
}

static void handle__that_may_be_zero_is_then_a_null_object(void **state)
{
    struct wwi_error *entered = (struct wwi_error *) &theirs;

    (void) state;
    assert_int_equal(wwi_enter_optional(0, WWI_KIND_ERROR, "it", NULL,
        &entered), WWS_S_OK);

    assert_null(entered);
    assert_int_equal(wwi_enter_optional(1, WWI_KIND_ERROR, "it", NULL,
        &entered), WWS_E_HANDLE);
}

static void argument__that_is_refused_is_named(void **state)
{
    struct wwi_error *error = wwi_error_new();
    wws_string text;

    (void) state;
    assert_int_equal(wwi_invalid_argument(NULL, "it"), WWS_E_INVALIDARG);
    assert_int_equal(wwi_invalid_argument(error, "it"), WWS_E_INVALIDARG);

    assert_int_equal(wwi_error_get_string(error, 0, &text), WWS_S_OK);
    assert_memory_equal(text.data, "it: ", 4);
    assert_int_equal(wwi_error_free(error), WWS_S_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(struct__that_is_null_means_all_defaults),
        cmocka_unit_test(
            struct__of_an_older_caller_keeps_the_defaults_it_lacks),
        cmocka_unit_test(struct__that_was_adopted_has_our_size),
        cmocka_unit_test(
            struct__of_any_other_size_is_refused_and_changes_nothing),
        cmocka_unit_test(struct__of_a_newer_caller_must_end_in_zeros),
        cmocka_unit_test(record__is_taken_with_every_size_that_can_be_filled),
        cmocka_unit_test(text__is_valid_as_utf_8_or_when_it_is_empty),
        cmocka_unit_test(bytes__are_valid_unless_they_are_nowhere),
        cmocka_unit_test(handle__is_entered_with_a_reference_until_it_is_left),
        cmocka_unit_test(handle__that_is_refused_is_named),
        cmocka_unit_test(handle__that_may_be_zero_is_then_a_null_object),
        cmocka_unit_test(argument__that_is_refused_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

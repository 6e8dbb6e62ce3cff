/* Where every member of every public struct is, and what every constant is,
 * against what is recorded of version 1.  With --record it writes that record,
 * which changes with the schema until the first release and never after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wws/wws.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { LINE = 128, LINES = 4096 };

enum kind { IS_STRUCT, IS_MEMBER, IS_VALUE };

struct fact {
    enum kind kind;
    const char *name;
    long long number; /* the offset of a member, the value of a constant */
    size_t size;
};

#define STRUCT(type) { IS_STRUCT, #type, 0, sizeof(type) },
#define MEMBER(type, member)                                                  \
    { IS_MEMBER, #type "." #member, (long long) offsetof(type, member),       \
      sizeof(((type *) NULL)->member) },
#define VALUE(value) { IS_VALUE, #value, value, 0 },

static const struct fact facts[] = {
#include "layout.inc"
};

static char recorded[LINES][LINE];
static size_t recorded_count;

static void describe(const struct fact *fact, char *line)
{
    switch (fact->kind) {
    case IS_STRUCT:
        (void) snprintf(line, LINE, "%s size %zu\n", fact->name, fact->size);
        break;
    case IS_MEMBER:
        (void) snprintf(line, LINE, "%s at %lld size %zu\n", fact->name,
            fact->number, fact->size);
        break;
    case IS_VALUE:
        (void) snprintf(line, LINE, "%s = %lld\n", fact->name, fact->number);
        break;
    }
}

static int record(void)
{
    FILE *file = fopen(LAYOUT_TXT, "w");
    char line[LINE];

    if (file == NULL)
        return EXIT_FAILURE;
    for (size_t i = 0; i < COUNT(facts); i++) {
        describe(&facts[i], line);
        if (fputs(line, file) < 0) {
            (void) fclose(file);
            return EXIT_FAILURE;
        }
    }
    return fclose(file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int read_record(void **state)
{
    FILE *file = fopen(LAYOUT_TXT, "r");

    (void) state;
    if (file == NULL)
        return -1;
    while (recorded_count < LINES
        && fgets(recorded[recorded_count], LINE, file) != NULL)
        recorded_count++;
    return fclose(file);
}

static void layout__says_what_is_recorded_of_it(void **state)
{
    char line[LINE];
    size_t known = 0;

    (void) state;
    for (size_t i = 0; i < COUNT(facts) && known < recorded_count; i++) {
        describe(&facts[i], line);
        if (strcmp(line, recorded[known]) == 0)
            known++;
    }

    if (known < recorded_count)
        fail_msg("promised, but not there in this order: %s", recorded[known]);
    assert_true(recorded_count > 0);
}

static void layout__has_nothing_that_is_not_recorded(void **state)
{
    char line[LINE];

    (void) state;
    for (size_t i = 0; i < COUNT(facts); i++) {
        bool found = false;

        describe(&facts[i], line);
        for (size_t j = 0; j < recorded_count && !found; j++)
            found = strcmp(line, recorded[j]) == 0;
        if (!found)
            fail_msg("not recorded: %s", line);
    }
}

/* Padding would make two versions of a struct the same size. */
static void layout__of_every_struct_has_no_padding(void **state)
{
    long long end = 0;
    const struct fact *type = NULL;

    (void) state;
    for (size_t i = 0; i < COUNT(facts); i++) {
        if (facts[i].kind == IS_MEMBER) {
            assert_int_equal(facts[i].number, end);
            end += (long long) facts[i].size;
        }
        if (i + 1 == COUNT(facts) || facts[i + 1].kind != IS_MEMBER) {
            if (type != NULL)
                assert_int_equal(end, type->size);
            type = NULL;
        }
        if (facts[i].kind == IS_STRUCT) {
            type = &facts[i];
            end = 0;
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout__says_what_is_recorded_of_it),
        cmocka_unit_test(layout__has_nothing_that_is_not_recorded),
        cmocka_unit_test(layout__of_every_struct_has_no_padding),
    };

    if (argc == 2 && strcmp(argv[1], "--record") == 0)
        return record();
    return cmocka_run_group_tests(tests, read_record, NULL);
}

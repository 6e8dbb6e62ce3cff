/* The body of a message that travels in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/pieces.h"

#define HEAD "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'>" \
    "<s:Header><h xmlns='urn:h'/></s:Header><s:Body>"
#define TAIL "</s:Body></s:Envelope>"
#define FAULT "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>" \
    "<s:Reason><s:Text xml:lang='en'>no</s:Text></s:Reason></s:Fault>"

enum { MOST = 100000, ROOM = 4096 };

struct feeding {
    struct wwi_pieces *pieces;
    const char *envelope;
    size_t size;
    size_t cut;
};

static struct wwi_bytes bytes_of(const char *octets, size_t size)
{
    struct wwi_bytes bytes = { 0 };

    wwi_bytes_append(&bytes, octets, size);
    return bytes;
}

/* Up to the aim, with as many pieces as that needs; without memory it may end
 * earlier, and so may the pieces. */
static void reach(struct feeding *feeding, enum wwi_pieces_aim aim)
{
    while (!wwi_pieces_reach(feeding->pieces, aim)) {
        size_t size = feeding->size < feeding->cut
            ? feeding->size : feeding->cut;
        struct wwi_bytes piece = bytes_of(feeding->envelope, size);

        feeding->envelope += size;
        feeding->size -= size;
        wwi_pieces_feed(feeding->pieces, &piece, feeding->size != 0);
        wwi_bytes_fini(&piece);
    }
}

static struct feeding feeding_of(
    struct wwi_pieces *pieces,
    const char *envelope,
    size_t cut)
{
    return (struct feeding) { pieces, envelope, strlen(envelope), cut };
}

/* All content; false if something went wrong. */
static bool read_content(struct feeding *feeding, char *content)
{
    struct wwi_pieces *pieces = feeding->pieces;
    size_t size = 0;

    reach(feeding, WWI_PIECES_HEAD);
    do {
        reach(feeding, WWI_PIECES_CONTENT);
        if (pieces->content.size != 0)
            memcpy(content + size, pieces->content.data, pieces->content.size);
        size += pieces->content.size;
        pieces->content = (wws_bytes) { 0 };
    } while (!pieces->ended);
    content[size] = '\0';
    return pieces->status >= 0;
}

static void reading__gives_out_the_same_however_it_is_cut(void **state)
{
    static const char envelope[] = HEAD "<a>one &amp; two</a> <b c='3'/>" TAIL;
    char content[ROOM];

    (void) state;
    for (size_t cut = 1; cut < sizeof envelope; cut++) {
        struct wwi_pieces *pieces = wwi_pieces_new_reading(MOST, MOST);
        struct feeding feeding = feeding_of(pieces, envelope, cut);

        assert_true(read_content(&feeding, content));

        assert_true(pieces->headed);
        assert_false(pieces->fault);
        assert_non_null(strstr(content, ">one &amp; two</a> <b"));
        assert_non_null(strstr(content, "c='3'"));
        wwi_pieces_free(pieces);
    }
}

/* The beginning of the content is not lost when its head is given out. */
static void reading__waits_with_the_head_for_the_content(void **state)
{
    struct wwi_pieces *pieces = wwi_pieces_new_reading(MOST, MOST);
    struct wwi_bytes head = bytes_of(HEAD "  ", strlen(HEAD) + 2);
    struct wwi_bytes content = bytes_of("<a>1", 4);

    (void) state;
    assert_false(wwi_pieces_reach(pieces, WWI_PIECES_HEAD));
    wwi_pieces_feed(pieces, &head, true);

    assert_false(wwi_pieces_reach(pieces, WWI_PIECES_HEAD));
    wwi_pieces_feed(pieces, &content, true);

    assert_true(wwi_pieces_reach(pieces, WWI_PIECES_HEAD));
    assert_true(pieces->content.size > 0);
    assert_false(pieces->ended);
    wwi_pieces_free(pieces);
}

static void reading__puts_a_fault_together(void **state)
{
    static const char envelope[] = HEAD "\n" FAULT TAIL;
    static const char other[] = HEAD "<s:Faults/>" TAIL;
    char whole[ROOM];

    (void) state;
    for (size_t cut = 1; cut < sizeof envelope; cut += 3) {
        struct wwi_pieces *pieces = wwi_pieces_new_reading(MOST, MOST);
        struct feeding feeding = feeding_of(pieces, envelope, cut);

        reach(&feeding, WWI_PIECES_HEAD);

        assert_true(pieces->fault);
        assert_true(pieces->ended);
        memcpy(whole, pieces->whole.data, pieces->whole.size);
        whole[pieces->whole.size] = '\0';
        assert_non_null(strstr(whole, "<h xmlns='urn:h'/>"));
        assert_non_null(strstr(whole, ">no</s:Text></s:Reason></s:Fault>"));
        assert_string_equal(whole + strlen(whole) - strlen(TAIL), TAIL);
        wwi_pieces_free(pieces);

        pieces = wwi_pieces_new_reading(MOST, MOST);
        feeding = feeding_of(pieces, other, cut);
        reach(&feeding, WWI_PIECES_HEAD);
        assert_false(pieces->fault);
        wwi_pieces_free(pieces);
    }
}

static void reading__takes_no_fault_that_is_too_large(void **state)
{
    struct wwi_pieces *pieces = wwi_pieces_new_reading(MOST, 150);
    struct feeding feeding = feeding_of(pieces, HEAD FAULT TAIL, 40);

    (void) state;
    reach(&feeding, WWI_PIECES_HEAD);

    assert_int_equal(pieces->status, WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(wwi_pieces_tell(pieces, NULL), WWS_E_QUOTA_EXCEEDED);
    wwi_pieces_free(pieces);
}

static void gathering__puts_any_message_together(void **state)
{
    static const char *const bodies[] = { "", "<a/>", FAULT, "<a/> <b>2</b>" };
    char envelope[ROOM], whole[ROOM];

    (void) state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct wwi_pieces *pieces = wwi_pieces_new_gathering(MOST);
        struct feeding feeding;

        strcat(strcat(strcpy(envelope, HEAD), bodies[i]), TAIL);
        feeding = feeding_of(pieces, envelope, 7);
        reach(&feeding, WWI_PIECES_HEAD);

        assert_true(pieces->ended);
        assert_int_equal(pieces->status, 0);
        assert_false(pieces->fault);
        memcpy(whole, pieces->whole.data, pieces->whole.size);
        whole[pieces->whole.size] = '\0';
        assert_non_null(strstr(whole, "<h xmlns='urn:h'/>"));
        assert_string_equal(whole + strlen(whole) - strlen(TAIL), TAIL);
        wwi_pieces_free(pieces);
    }
}

static void reading__says_where_it_is_malformed(void **state)
{
    struct wwi_pieces *pieces = wwi_pieces_new_reading(MOST, MOST);
    struct feeding feeding = feeding_of(pieces, HEAD "<a>\n</b>", 11);
    struct wwi_error *error = wwi_error_new();
    char content[ROOM];
    wws_string string;

    (void) state;
    assert_false(read_content(&feeding, content));

    assert_int_equal(wwi_pieces_tell(pieces, error), WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_pieces_tell(pieces, NULL), WWS_E_INVALID_FORMAT);
    assert_int_equal(wwi_error_get_string(error, 0, &string), 0);
    assert_memory_equal(string.data, "line 2, column ", 15);
    wwi_pieces_free(pieces);
    (void) wwi_error_free(error);
}

static wws_status write_text(
    struct wwi_pieces *pieces,
    const char *text,
    uint64_t most)
{
    return wwi_pieces_write(pieces, (wws_bytes) { text, strlen(text) }, most,
        NULL);
}

static void writing__counts_what_it_takes(void **state)
{
    struct wwi_pieces *pieces = wwi_pieces_new_writing();

    (void) state;
    assert_int_equal(write_text(pieces, "<a>", 7), 0);
    assert_int_equal(write_text(pieces, "12345", 7), WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(write_text(pieces, "</a>", 7), 0);
    assert_int_equal(write_text(pieces, " ", 7), WWS_E_QUOTA_EXCEEDED);
    assert_int_equal(write_text(pieces, "", 7), 0);
    assert_int_equal(wwi_stream_checker_finish(&pieces->checker, NULL), 0);
    wwi_pieces_free(pieces);
}

static void read_all(struct wwi_pieces *pieces)
{
    struct feeding feeding = feeding_of(pieces, HEAD FAULT TAIL, 33);

    reach(&feeding, WWI_PIECES_HEAD);
    reach(&feeding, WWI_PIECES_END);
    assert_true(pieces->ended);
}

static void pieces__without_memory_fail_and_leak_nothing(void **state)
{
    uint64_t before = wwi_memory_live();
    bool whole = false;
    int failures = 0;

    (void) state;
    for (uint64_t n = 1; !whole; n++) {
        struct wwi_pieces *pieces;

        wwi_memory_fail(n, 1);
        pieces = n % 2 == 0 ? wwi_pieces_new_reading(MOST, MOST)
            : wwi_pieces_new_gathering(MOST);
        if (pieces != NULL)
            read_all(pieces);
        wwi_memory_fail(0, 0);

        whole = pieces != NULL && pieces->status >= 0;
        failures += !whole;
        if (pieces != NULL)
            wwi_pieces_free(pieces);
        assert_int_equal(wwi_memory_live(), before);
    }
    assert_true(failures > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading__gives_out_the_same_however_it_is_cut),
        cmocka_unit_test(reading__waits_with_the_head_for_the_content),
        cmocka_unit_test(reading__puts_a_fault_together),
        cmocka_unit_test(reading__takes_no_fault_that_is_too_large),
        cmocka_unit_test(gathering__puts_any_message_together),
        cmocka_unit_test(reading__says_where_it_is_malformed),
        cmocka_unit_test(writing__counts_what_it_takes),
        cmocka_unit_test(pieces__without_memory_fail_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

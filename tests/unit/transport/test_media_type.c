/* Promises of media types and SOAPAction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/transport/media_type.h"
#include "core/transport/transport.h"

static struct wwi_bytes out;

static wws_string string(const char *text)
{
    return (wws_string) { text, strlen(text) };
}

static struct wwi_media_type parse(const char *text)
{
    struct wwi_media_type media_type;

    if (!wwi_media_type_parse(&media_type, string(text)))
        fail_msg("not accepted: %s", text);
    return media_type;
}

static void assert_out(const char *expected)
{
    assert_false(out.failed);
    wwi_bytes_append_char(&out, '\0');
    assert_string_equal((const char *) out.data, expected);
    out.size = 0;
}

static void assert_parameter(
    const char *text,
    const char *name,
    const char *expected)
{
    struct wwi_media_type media_type = parse(text);

    if (!wwi_media_type_parameter(&media_type, name, &out))
        fail_msg("no %s in %s", name, text);
    assert_out(expected);
}

static void media_type__compares_in_any_case(void **state)
{
    (void) state;
    struct wwi_media_type media_type = parse(" Text/XML ; charset=utf-8 ");

    assert_true(wwi_media_type_is(&media_type, "text/xml"));
    assert_false(wwi_media_type_is(&media_type, "text/xm"));
    assert_false(wwi_media_type_is(&media_type, "text/xmlx"));
    media_type = parse("application/soap+xml");
    assert_true(wwi_media_type_is(&media_type, "application/soap+xml"));
}

static void parameter__is_found_quoted_or_not(void **state)
{
    (void) state;
    assert_parameter("a/b;charset=utf-8", "charset", "utf-8");
    assert_parameter("a/b ;\tCharSet=\"utf-8\"", "charset", "utf-8");
    assert_parameter("a/b; x=y; charset=\"\"", "charset", "");
    assert_parameter("a/b; x=\"; charset=no\"; charset=yes", "charset", "yes");
    assert_parameter("a/b;;; c=d;", "c", "d");
    assert_parameter("a/b; c=\"\\\"\\\\\\d\\;\"", "c", "\"\\d;");
    assert_parameter("a/b; c=\"x\\\"\"", "c", "x\"");
    assert_parameter("a/b; c=\"\xC3\xA4\t \"", "c", "\xC3\xA4\t ");
}

static void parameter__is_missed_where_there_is_none(void **state)
{
    (void) state;
    struct wwi_media_type media_type =
        parse("a/b; charse=x; charset2=\"charset=y\"");

    assert_false(wwi_media_type_parameter(&media_type, "charset", &out));
    assert_int_equal(out.size, 0);
    media_type = parse("a/b;");
    assert_false(wwi_media_type_parameter(&media_type, "charset", &out));
}

static void media_type__tells_the_charset(void **state)
{
    static const struct {
        const char *text;
        enum wwi_charset charset;
    } rows[] = {
        { "a/b", WWI_CHARSET_UNSAID },
        { "a/b; charset=utf-8", WWI_CHARSET_UTF_8 },
        { "a/b; Charset=UTF-16; x=y", WWI_CHARSET_UTF_16 },
        { "a/b; charset=\"Utf-16LE\"", WWI_CHARSET_UTF_16LE },
        { "a/b; charset=\"utf\\-16b\\e\"", WWI_CHARSET_UTF_16BE },
        { "a/b; charset=\"\"", WWI_CHARSET_OTHER },
        { "a/b; charset=latin1", WWI_CHARSET_OTHER },
        { "a/b; charset=utf-16leandmuchmore", WWI_CHARSET_OTHER },
        { "a/b; charset=\"\\u\\t\\f\\-\\1\\6\\l\\e\\and\\more\"",
            WWI_CHARSET_OTHER },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wwi_media_type media_type = parse(rows[i].text);

        assert_int_equal(wwi_media_type_charset(&media_type),
            rows[i].charset);
    }
}

struct pair {
    const char *name, *value;
};

static bool next_pair(
    const void *state,
    uint32_t *index,
    wws_string *name,
    wws_string *value)
{
    const struct pair *pair = (const struct pair *) state + *index;

    if (pair->name == NULL)
        return false;
    (*index)++;
    *name = wwi_string(pair->name);
    *value = wwi_string(pair->value);
    return true;
}

static void fields__tell_the_charset_of_their_content_type(void **state)
{
    static const struct pair said[] = {
        { "X", "a/b; charset=utf-8" },
        { "content-type", "a/b; charset=utf-16" },
        { "Content-Type", "a/b; charset=utf-8" },
        { NULL, NULL },
    };
    static const struct pair malformed[] = {
        { "Content-Type", "charset=utf-8" }, { NULL, NULL },
    };
    static const struct pair none[] = { { NULL, NULL } };
    struct wwi_fields fields = { next_pair, said };

    (void) state;
    assert_int_equal(wwi_fields_charset(&fields), WWI_CHARSET_UTF_16);
    fields.state = malformed;
    assert_int_equal(wwi_fields_charset(&fields), WWI_CHARSET_UNSAID);
    fields.state = none;
    assert_int_equal(wwi_fields_charset(&fields), WWI_CHARSET_UNSAID);
    fields.next = NULL;
    assert_int_equal(wwi_fields_charset(&fields), WWI_CHARSET_UNSAID);
}

static void media_type__refuses_what_is_none(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "", " ", "text", "text/", "/xml", "text /xml", "text/ xml",
        "text/xml x", "text/xml, text/html", "text/xml/x", "a/b; c",
        "a/b; c=", "a/b; =d", "a/b; c =d", "a/b; c= d", "a/b; c=\"d",
        "a/b; c=\"d\"e", "a/b; c=d e", "a/b; c=\"d\\", "a/b; c=\"d\\\"",
        "a/b; c=1; C=2", "a/b; c=\"\x01\"", "a/b; c=\"\\\n\"", "a/b; c=<d>",
        "a/b c=d", "*", "a/\xC3\xA4",
    };
    struct wwi_media_type media_type;

    assert_false(wwi_media_type_parse(&media_type, (wws_string) { 0 }));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (wwi_media_type_parse(&media_type, string(texts[i])))
            fail_msg("accepted: %s", texts[i]);
    }
}

static void media_type__has_a_bounded_number_of_parameters(void **state)
{
    (void) state;
    struct wwi_media_type media_type;
    struct wwi_bytes text = { 0 };
    char parameter[16];

    wwi_bytes_append_text(&text, "a/b");
    for (int i = 0; i < 33; i++) {
        assert_true(wwi_media_type_parse(&media_type,
            (wws_string) { (const char *) text.data, text.size }));
        snprintf(parameter, sizeof parameter, ";p%d=x", i);
        wwi_bytes_append_text(&text, parameter);
    }
    assert_false(wwi_media_type_parse(&media_type,
        (wws_string) { (const char *) text.data, text.size }));
    wwi_bytes_fini(&text);
}

static bool action(const char *text)
{
    struct wwi_media_type media_type = parse(text);

    return wwi_media_type_action(&media_type, &out);
}

static void action__is_that_of_start_info_then_the_outer(void **state)
{
    (void) state;
    assert_true(action("application/soap+xml; action=\"urn:a\""));
    assert_out("urn:a");
    assert_true(action("application/soap+xml; action=\"\""));
    assert_out("");
    assert_true(action("multipart/related; action=\"outer\"; "
        "start-info=\"application/soap+xml; action=\\\"in\\\\\\\"ner\\\"\""));
    assert_out("in\"ner");
    assert_true(action("multipart/related; action=\"outer\"; "
        "start-info=\"application/soap+xml\""));
    assert_out("outer");
    assert_true(action("multipart/related; action=\"outer\"; "
        "start-info=\"no type; action=x\""));
    assert_out("outer");
    assert_true(action("multipart/related; start-info=\"\"; action=o"));
    assert_out("o");
    assert_false(action("multipart/related; start-info=\"text/xml\""));
    assert_false(action("text/xml; charset=utf-8"));
    assert_int_equal(out.size, 0);
}

static void action__reports_missing_memory(void **state)
{
    (void) state;
    uint64_t n = 0;

    do {
        wwi_bytes_fini(&out);
        wwi_memory_fail(++n, 0);
        action("a/b; start-info=\"c/d; action=in\"; action=out");
        wwi_memory_fail(0, 0);
    } while (out.failed);
    assert_int_equal(n, 3);
    assert_out("in");
}

static void append__is_read_back_unchanged(void **state)
{
    (void) state;
    static const char *const values[] = {
        "", "urn:a", "\"", "\\", "a\"b\\c", "\\\"\\", "\xC3\xA4 \t;=,",
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct wwi_bytes text = { 0 };

        wwi_bytes_append_text(&text, "a/b");
        assert_true(wwi_media_type_append(&text, "c", string(values[i])));
        wwi_bytes_append_char(&text, '\0');
        assert_parameter((const char *) text.data, "c", values[i]);
        wwi_bytes_fini(&text);
    }
}

static void append__refuses_every_control_character(void **state)
{
    (void) state;
    for (int c = 0; c < 256; c++) {
        const char value[] = { 'a', (char) c };
        bool control = (c < ' ' && c != '\t') || c == 0x7F;

        assert_int_equal(wwi_media_type_append(&out, "c",
            (wws_string) { value, 2 }), !control);
        assert_int_equal(out.size == 0, control);
        out.size = 0;
    }
}

static void soap_action__loses_one_pair_of_quotes(void **state)
{
    (void) state;
    static const char *const pairs[][2] = {
        { "\"urn:a\"", "urn:a" }, { "urn:a", "urn:a" }, { "\"\"", "" },
        { "", "" }, { " \"a b\"\t", "a b" }, { "\"a'b\"", "a'b" },
    };
    static const char *const wrong[] = {
        "\"", "\"a", "a\"", "\"a\"b\"", "\"\"a\"\"", "\"\"\"",
    };
    wws_string found;

    assert_true(wwi_soap_action_parse((wws_string) { 0 }, &found));
    assert_int_equal(found.size, 0);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_true(wwi_soap_action_parse(string(pairs[i][0]), &found));
        assert_int_equal(found.size, strlen(pairs[i][1]));
        assert_memory_equal(found.data, pairs[i][1], found.size);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(wwi_soap_action_parse(string(wrong[i]), &found));
}

static uint64_t live;

static int set_up(void **state)
{
    (void) state;
    live = wwi_memory_live();
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    wwi_memory_fail(0, 0);
    wwi_bytes_fini(&out);
    return wwi_memory_live() != live;
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(media_type__compares_in_any_case),
        PROMISE(parameter__is_found_quoted_or_not),
        PROMISE(parameter__is_missed_where_there_is_none),
        PROMISE(media_type__tells_the_charset),
        PROMISE(fields__tell_the_charset_of_their_content_type),
        PROMISE(media_type__refuses_what_is_none),
        PROMISE(media_type__has_a_bounded_number_of_parameters),
        PROMISE(action__is_that_of_start_info_then_the_outer),
        PROMISE(action__reports_missing_memory),
        PROMISE(append__is_read_back_unchanged),
        PROMISE(append__refuses_every_control_character),
        PROMISE(soap_action__loses_one_pair_of_quotes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Promises of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "core/transport/url.h"

static wws_string string(const char *text)
{
    return (wws_string) { text, strlen(text) };
}

static void assert_text(wws_string text, const char *expected)
{
    if (text.size != strlen(expected)
        || (text.size != 0 && memcmp(text.data, expected, text.size) != 0))
        fail_msg("'%.*s' is not '%s'", (int) text.size, text.data, expected);
}

static void parse(struct wwi_url *url, const char *text)
{
    const char *what;

    if (wwi_url_parse(url, string(text), &what) != 0)
        fail_msg("%s: %s", text, what);
}

static void refuse(const char *text, size_t size)
{
    struct wwi_url url;
    const char *what = NULL;

    if (wwi_url_parse(&url, (wws_string) { text, size }, &what)
        != WWS_E_INVALID_ENDPOINT_URL)
        fail_msg("accepted: %s", text);
    assert_non_null(what);
}

static void url__has_its_parts(void **state)
{
    (void) state;
    struct wwi_url url;

    parse(&url, "HTTP://Example.COM:8080/a/B?c=D#e");

    assert_int_equal(url.scheme, WWI_URL_HTTP);
    assert_text(url.host, "example.com");
    assert_text(url.authority, "example.com:8080");
    assert_int_equal(url.port, 8080);
    assert_text(url.path, "/a/B");
    assert_true(url.has_query);
    assert_true(url.has_fragment);
    assert_text(url.query, "c=D");
    assert_text(url.target, "/a/B?c=D");
    assert_text(url.absolute, "http://example.com:8080/a/B?c=D");
    assert_false(url.ipv6);
    assert_false(url.wildcard);
    wwi_url_fini(&url);
}

static void url__becomes_normal(void **state)
{
    (void) state;
    static const char *const pairs[][2] = {
        { "http://a", "http://a/" },
        { "http://a:80/", "http://a/" },
        { "http://a:/", "http://a/" },
        { "https://a:443", "https://a/" },
        { "https://a:80", "https://a:80/" },
        { "http://a?q", "http://a/?q" },
        { "http://a/?", "http://a/?" },
        { "http://a#f", "http://a/" },
        { "http://u:p@a/b@c", "http://a/b@c" },
        { "http://u@v@a/", "http://a/" },
        { "http://a/b c", "http://a/b%20c" },
        { "http://a/\xC3\xA4?\xC3\xB6", "http://a/%C3%A4?%C3%B6" },
        { "http://a/%7euser/%c3", "http://a/%7euser/%c3" },
        { "http://a/\"<>\\^`{|}[]", "http://a/%22%3C%3E%5C%5E%60%7B%7C%7D%5B"
            "%5D" },
        { "http://a/?/?:@!$&'()*+,;=-._~", "http://a/?/?:@!$&'()*+,;=-._~" },
        { "http://a/b/../c/./d/..", "http://a/c/" },
        { "http://a/../../b/.", "http://a/b/" },
        { "http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/" },
        { "http://[fe80::1%25eth0]/", "http://[fe80::1]/" },
        { "net.tcp://a/s", "net.tcp://a/s" },
        { "net.tcp://a:808/s", "net.tcp://a/s" },
        { "soap.udp://239.255.255.250:3702/",
            "soap.udp://239.255.255.250:3702/" },
        { "net.pipe://localhost/s", "net.pipe://localhost/s" },
        { "http://+:8000/s/", "http://+:8000/s/" },
        { "http://127.0.0.1:0/", "http://127.0.0.1:0/" },
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct wwi_url url, again;

        parse(&url, pairs[i][0]);
        assert_text(url.absolute, pairs[i][1]);
        parse(&again, pairs[i][1]);
        assert_text(again.absolute, pairs[i][1]);
        wwi_url_fini(&url);
        wwi_url_fini(&again);
    }
}

static void url__knows_default_ports(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        uint16_t port;
    } cases[] = {
        { "http://a", 80 }, { "https://a", 443 }, { "net.tcp://a", 808 },
        { "net.pipe://a", 0 }, { "soap.udp://a", 0 }, { "http://a:0", 0 },
        { "http://a:65535", 65535 }, { "http://a:00081", 81 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wwi_url url;

        parse(&url, cases[i].text);
        assert_int_equal(url.port, cases[i].port);
        wwi_url_fini(&url);
    }
}

static void url__splits_ipv6_and_zone(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "http://[FE80::1%25eth0]:81/", "http://[fe80::1%eth0]:81/",
    };

    for (size_t i = 0; i < 2; i++) {
        struct wwi_url url;

        parse(&url, texts[i]);
        assert_true(url.ipv6);
        assert_text(url.host, "fe80::1");
        assert_text(url.zone, "eth0");
        assert_text(url.authority, "[fe80::1]:81");
        wwi_url_fini(&url);
    }
}

static void url__marks_wildcard_hosts(void **state)
{
    (void) state;
    static const char *const texts[] = { "http://+/", "http://*:81/" };

    for (size_t i = 0; i < 2; i++) {
        struct wwi_url url;

        parse(&url, texts[i]);
        assert_true(url.wildcard);
        wwi_url_fini(&url);
    }
}

static void url__refuses_what_is_none(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "", "a", "http", "http:", "http:/a", "http:a", "//a/", "ftp://a/",
        "httpx://a/", " http://a/", "http://", "http:///a", "http://:80/",
        "http://a:b/", "http://a:65536/", "http://a:123456/", "http://a:-1/",
        "http://a:8 0/", "http://a b/", "http://\xC3\xA4/", "http://a%41/",
        "http://[::1/", "http://[]/", "http://[::1]x/", "http://[::g]/",
        "http://[1.2.3.4]/", "http://[v1.a]/", "http://[::1%25]/",
        "http://[::1%25a b]/", "http://a,b/", "http://++/", "http://a\\b/",
        "http://a/%", "http://a/%4", "http://a/%4g", "http://a/?%zz",
        "http://a/\r\nX: y", "http://a/\x7F", "http://a/?\t", "http://a\t/",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuse(texts[i], strlen(texts[i]));
    refuse(NULL, 0);
    refuse("http://a/b\0c", 12);
    refuse("http://a\0b/", 11);
    refuse("http://[::1\0]/", 14);
}

static void url__reports_missing_memory(void **state)
{
    (void) state;
    static const char text[] = "http://[fe80::1%25a]/0123456789012345678901234"
        "5678901234567890123456789012345678901234567890123456789012345678901"
        "5678901234567890123456789012345678901234567890123456789012345678901"
        "5678901234567890123456789012345678901234567890123456789012345678901"
        "5678901234567890123456789012345678901234567890123456789012345678901";
    struct wwi_url url;
    const char *what;
    wws_status status;
    uint64_t n = 0;

    do {
        wwi_memory_fail(++n, 0);
        status = wwi_url_parse(&url, string(text), &what);
        wwi_memory_fail(0, 0);
        if (status != 0)
            assert_int_equal(status, WWS_E_OUTOFMEMORY);
    } while (status != 0);
    assert_true(n > 3);
    wwi_url_fini(&url);
}

static void authority__is_host_and_port(void **state)
{
    (void) state;
    wws_string host;
    uint16_t port;

    assert_true(wwi_authority_parse(string("A.b:81"), &host, &port));
    assert_text(host, "A.b");
    assert_int_equal(port, 81);
    assert_true(wwi_authority_parse(string("[::1]"), &host, &port));
    assert_text(host, "::1");
    assert_int_equal(port, 0);
    assert_true(wwi_authority_parse(string("a:"), &host, &port));
    assert_int_equal(port, 0);
    assert_false(wwi_authority_parse(string(""), &host, &port));
    assert_false(wwi_authority_parse(string("+"), &host, &port));
    assert_false(wwi_authority_parse(string("a:0"), &host, &port));
    assert_false(wwi_authority_parse(string("[fe80::1%25a]"), &host, &port));
}

static bool target(struct wwi_target *out, const char *method,
    const char *text)
{
    return wwi_target_parse(out, string(method), string(text));
}

static void target__has_four_forms(void **state)
{
    (void) state;
    struct wwi_target out;

    assert_true(target(&out, "POST", "/a%20?b?c"));
    assert_int_equal(out.authority.size, 0);
    assert_text(out.path, "/a%20");
    assert_true(out.has_query);
    assert_text(out.query, "b?c");
    assert_true(target(&out, "POST", "/"));
    assert_false(out.has_query);

    assert_true(target(&out, "POST", "hTTp://B:81?q"));
    assert_false(out.https);
    assert_text(out.authority, "B:81");
    assert_text(out.path, "/");
    assert_text(out.query, "q");
    assert_true(target(&out, "POST", "https://b/c"));
    assert_true(out.https);

    assert_true(target(&out, "CONNECT", "a:443"));
    assert_text(out.authority, "a:443");
    assert_int_equal(out.path.size, 0);
    assert_true(target(&out, "OPTIONS", "*"));
    assert_int_equal(out.authority.size + out.path.size, 0);
}

static void target__refuses_what_does_not_fit(void **state)
{
    (void) state;
    static const char *const pairs[][2] = {
        { "POST", "" }, { "POST", "a" }, { "POST", "*" }, { "POST", "a:80" },
        { "POST", "/a b" }, { "POST", "/\x7F" }, { "POST", "/\xC3\xA4" },
        { "POST", "/#" }, { "POST", "/%" }, { "POST", "/%4" },
        { "POST", "/%xx" }, { "POST", "/?%" }, { "POST", "ftp://a/" },
        { "POST", "http://" }, { "POST", "http:///a" },
        { "POST", "http://u@a/" }, { "POST", "http://a:x/" },
        { "CONNECT", "/" }, { "CONNECT", "a" }, { "CONNECT", "a:" },
        { "CONNECT", "http://a:80/" }, { "connect", "a:80" },
        { "OPTIONS", "**" },
    };
    struct wwi_target out;

    assert_false(wwi_target_parse(&out, WWS_STR("GET"), (wws_string) { 0 }));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (target(&out, pairs[i][0], pairs[i][1]))
            fail_msg("accepted: %s %s", pairs[i][0], pairs[i][1]);
    }
}

static void path__becomes_comparable(void **state)
{
    (void) state;
    static const char *const pairs[][2] = {
        { "/", "/" }, { "/%61%2d%2E%5f%7e", "/a-._~" },
        { "/%c3%a4", "/%C3%A4" }, { "/%2561", "/%2561" },
        { "/a/%2e%2E/b", "/b" }, { "/a/./b/.", "/a/b/" },
        { "/a/..", "/" }, { "/..", "/" }, { "/...", "/..." },
        { "/.a/..b/c..", "/.a/..b/c.." }, { "//a//b/", "//a//b/" },
        { "/a//../b", "/a/b" }, { "/{", "/%7B" }, { "/%3b;", "/%3B;" },
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct wwi_bytes out = { 0 };

        wwi_bytes_append_text(&out, "<");
        assert_int_equal(wwi_path_normalise(&out, string(pairs[i][0])), 0);
        assert_text((wws_string) { (const char *) out.data + 1, out.size - 1 },
            pairs[i][1]);
        wwi_bytes_fini(&out);
    }
}

static void path__refuses_what_could_mislead(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "", "a", "*", "/%00", "/%2F", "/%2f", "/%5C", "/%5c", "/\\", "/%",
        "/%a", "/%ag", "/\x01", "/ ", "/\xC3",
    };
    struct wwi_bytes out = { 0 };

    assert_int_equal(wwi_path_normalise(&out, (wws_string) { 0 }),
        WWS_E_INVALID_FORMAT);
    wwi_bytes_append_text(&out, "<");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(wwi_path_normalise(&out, string(texts[i])),
            WWS_E_INVALID_FORMAT);
        assert_int_equal(out.size, 1);
    }
    wwi_bytes_fini(&out);

    wwi_memory_fail(1, 0);
    assert_int_equal(wwi_path_normalise(&out, string("/a")),
        WWS_E_OUTOFMEMORY);
    wwi_bytes_fini(&out);
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
    return wwi_memory_live() != live;
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(url__has_its_parts),
        PROMISE(url__becomes_normal),
        PROMISE(url__knows_default_ports),
        PROMISE(url__splits_ipv6_and_zone),
        PROMISE(url__marks_wildcard_hosts),
        PROMISE(url__refuses_what_is_none),
        PROMISE(url__reports_missing_memory),
        PROMISE(authority__is_host_and_port),
        PROMISE(target__has_four_forms),
        PROMISE(target__refuses_what_does_not_fit),
        PROMISE(path__becomes_comparable),
        PROMISE(path__refuses_what_could_mislead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

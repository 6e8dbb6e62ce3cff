/*
 * Feeds the HTTP parser. The first octets say what is expected and how to cut
 * the rest, which is parsed whole and in pieces: the outcome must be the same.
 * What was parsed is then read as addresses and media types, and a head that
 * the writer takes must come out of the parser unchanged.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/transport/http_parser.h"
#include "core/transport/http_writer.h"
#include "core/transport/media_type.h"
#include "core/transport/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the first octets say. */
enum { CHOICES, CUT_SEED, HEADER };

#define CHECK(condition) do { if (!(condition)) __builtin_trap(); } while (0)

struct run {
    struct wwi_http_parser parser;
    struct wwi_bytes body;
    enum wwi_http_event event;
    unsigned heads;
};

static void begin(struct run *run, uint8_t choices)
{
    struct wwi_http_limits limits = WWI_HTTP_LIMITS_INIT;

    /* Small ones are reached by small inputs. */
    if (choices & 2) {
        limits = (struct wwi_http_limits) {
            .head_size = 200, .line_size = 60, .field_count = 5,
            .target_size = 30, .chunk_line_size = 12, .extension_size = 20,
            .body_size = 40,
        };
    }
    memset(run, 0, sizeof(*run));
    wwi_http_parser_init(&run->parser,
        choices & 1 ? WWI_HTTP_RESPONSE : WWI_HTTP_REQUEST, &limits);
    run->parser.head_request = (choices & 4) != 0;
    run->parser.connect_request = (choices & 8) != 0;
}

static void end(struct run *run)
{
    wwi_http_parser_fini(&run->parser);
    wwi_bytes_fini(&run->body);
}

/* Feeds one piece; false once the message has ended, well or badly. */
static bool feed(struct run *run, const uint8_t *data, size_t size)
{
    size_t consumed;
    wws_bytes body;

    do {
        run->event = wwi_http_parser_execute(&run->parser, data, size,
            &consumed, &body);
        CHECK(consumed <= size);
        CHECK((run->event == WWI_HTTP_BODY) == (body.size != 0));
        wwi_bytes_append(&run->body, body.data, body.size);
        run->heads += run->event == WWI_HTTP_HEAD_DONE;
        data += consumed;
        size -= consumed;
    } while (run->event == WWI_HTTP_HEAD_DONE || run->event == WWI_HTTP_BODY);
    CHECK(run->event != WWI_HTTP_MORE || size == 0);
    return run->event == WWI_HTTP_MORE;
}

/* Pieces of one octet if the seed is 0, else of 1 to 32. */
static void feed_pieces(
    struct run *run,
    const uint8_t *data,
    size_t size,
    uint32_t seed)
{
    size_t at = 0, piece;
    bool more = feed(run, data, 0);

    while (more && at < size) {
        piece = 1;
        if (seed != 0) {
            seed = seed * 1664525 + 1013904223;
            piece = (seed >> 16) % 32 + 1;
        }
        if (piece > size - at)
            piece = size - at;
        more = feed(run, data + at, piece);
        at += piece;
    }
}

static bool same(wws_string left, wws_string right)
{
    return left.size == right.size
        && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

static void compare_heads(
    const struct wwi_http_parser *a,
    const struct wwi_http_parser *b)
{
    size_t count = wwi_http_parser_field_count(a);
    wws_string name[2], value[2];

    CHECK(same(a->method, b->method) && same(a->target, b->target));
    CHECK(a->status == b->status && same(a->reason, b->reason));
    CHECK(a->minor == b->minor && a->framing == b->framing);
    CHECK(a->keep_alive == b->keep_alive);
    CHECK(count == wwi_http_parser_field_count(b));
    for (size_t i = 0; i < count; i++) {
        wwi_http_parser_field(a, i, &name[0], &value[0]);
        wwi_http_parser_field(b, i, &name[1], &value[1]);
        CHECK(same(name[0], name[1]) && same(value[0], value[1]));
    }
}

static void compare(const struct run *a, const struct run *b)
{
    const struct wwi_http_error *left = &a->parser.error;
    const struct wwi_http_error *right = &b->parser.error;

    CHECK(a->event == b->event && a->heads == b->heads);
    CHECK(a->parser.offset == b->parser.offset);
    CHECK(a->parser.body_size == b->parser.body_size);
    CHECK(a->parser.body_size == a->body.size);
    CHECK(same((wws_string) { (const char *)a->body.data, a->body.size },
        (wws_string) { (const char *)b->body.data, b->body.size }));
    CHECK(left->text == right->text && left->status == right->status);
    CHECK(left->http_status == right->http_status);
    CHECK(left->offset == right->offset);
    CHECK(left->offset <= a->parser.offset);
    if (a->heads != 0)
        compare_heads(&a->parser, &b->parser);
}

/* A path in normal form is a path, and stays as it is. */
static void read_path(wws_string path)
{
    struct wwi_bytes once = { 0 }, twice = { 0 };
    wws_string text;

    if (wwi_path_normalise(&once, path) == 0) {
        text = (wws_string) { (const char *)once.data, once.size };
        CHECK(wwi_path_normalise(&twice, text) == 0);
        CHECK(same(text,
            (wws_string) { (const char *)twice.data, twice.size }));
    }
    wwi_bytes_fini(&once);
    wwi_bytes_fini(&twice);
}

/* A URL in normal form is a URL, and stays as it is. */
static void read_url(wws_string text)
{
    struct wwi_url url, again;
    const char *what;
    struct wwi_target target;
    wws_string host;
    uint16_t port;

    wwi_authority_parse(text, &host, &port);
    if (wwi_url_parse(&url, text, &what) != 0)
        return;
    CHECK(wwi_url_parse(&again, url.absolute, &what) == 0);
    CHECK(same(url.absolute, again.absolute));
    CHECK(wwi_target_parse(&target, WWS_STR("POST"), url.target));
    CHECK(same(target.path, url.path) && same(target.query, url.query));
    wwi_url_fini(&again);
    wwi_url_fini(&url);
}

static void read_value(wws_string value)
{
    struct wwi_media_type media_type;
    struct wwi_bytes text = { 0 };
    wws_string action;

    if (wwi_media_type_parse(&media_type, value)) {
        wwi_media_type_parameter(&media_type, "charset", &text);
        wwi_media_type_action(&media_type, &text);
    }
    wwi_bytes_fini(&text);
    wwi_soap_action_parse(value, &action);
    read_url(value);
}

static void read_fields(const struct wwi_http_parser *parser)
{
    struct wwi_target target;
    wws_string name, value;

    for (size_t i = 0; i < wwi_http_parser_field_count(parser); i++) {
        wwi_http_parser_field(parser, i, &name, &value);
        read_value(value);
    }
    if (wwi_target_parse(&target, parser->method, parser->target))
        read_path(target.path);
}

/* Writes the head again, without what frames it. */
static void write_again(const struct wwi_http_parser *parser)
{
    struct wwi_http_writer writer;
    struct wwi_bytes out = { 0 };
    struct run run;
    wws_string name, value, found;

    wwi_http_writer_response(&writer, &out, 299, parser->reason);
    for (size_t i = 0; i < wwi_http_parser_field_count(parser); i++) {
        wwi_http_parser_field(parser, i, &name, &value);
        wwi_http_writer_field(&writer, name, value);
    }
    if (wwi_http_writer_end(&writer) == 0) {
        begin(&run, 1);
        feed(&run, out.data, out.size);
        CHECK(run.heads == 1);
        CHECK(wwi_http_parser_field_count(&run.parser)
            == wwi_http_parser_field_count(parser));
        for (size_t i = 0; i < wwi_http_parser_field_count(parser); i++) {
            wwi_http_parser_field(parser, i, &name, &value);
            wwi_http_parser_field(&run.parser, i, &name, &found);
            CHECK(same(value, found));
        }
        end(&run);
    }
    wwi_bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t live = wwi_memory_live();
    struct run whole, pieces;

    if (size < HEADER)
        return 0;
    begin(&whole, data[CHOICES]);
    begin(&pieces, data[CHOICES]);
    feed(&whole, data + HEADER, size - HEADER);
    feed_pieces(&pieces, data + HEADER, size - HEADER, data[CUT_SEED]);
    compare(&whole, &pieces);
    CHECK(wwi_http_parser_eof(&whole.parser)
        == wwi_http_parser_eof(&pieces.parser));
    if (whole.heads != 0) {
        read_fields(&whole.parser);
        write_again(&whole.parser);
    }
    end(&whole);
    end(&pieces);
    read_value((wws_string) { (const char *)data, size });
    CHECK(wwi_memory_live() == live);
    return 0;
}

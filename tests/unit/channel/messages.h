/* What tests of messages share: versions, a request, both ways of a message. */
#ifndef TESTS_CHANNEL_MESSAGES_H
#define TESTS_CHANNEL_MESSAGES_H

#include "core/base/text.h"
#include "core/channel/message.h"

#define S11 "http://schemas.xmlsoap.org/soap/envelope/"
#define S12 "http://www.w3.org/2003/05/soap-envelope"
#define A10 "http://www.w3.org/2005/08/addressing"
#define A09 "http://schemas.xmlsoap.org/ws/2004/08/addressing"

#define BLANK WWS_MESSAGE_INITIALIZATION_BLANK
#define DUPLICATE WWS_MESSAGE_INITIALIZATION_DUPLICATE
#define REQUEST WWS_MESSAGE_INITIALIZATION_REQUEST
#define REPLY WWS_MESSAGE_INITIALIZATION_REPLY
#define FAULT WWS_MESSAGE_INITIALIZATION_FAULT

static const char received[] =
    "<s:Envelope xmlns:s='" S12 "' xmlns:a='" A10 "'><s:Header>"
    "<a:Action s:mustUnderstand='1'>urn:calc/Add</a:Action>"
    "<a:MessageID>urn:uuid:1</a:MessageID>"
    "<a:ReplyTo><a:Address>urn:back</a:Address><a:ReferenceParameters>"
    "<p:k xmlns:p='urn:p'>1</p:k></a:ReferenceParameters></a:ReplyTo>"
    "<h:Mine xmlns:h='urn:h' s:mustUnderstand='1'>x</h:Mine>"
    "<h:Mine xmlns:h='urn:h'>y</h:Mine>"
    "</s:Header><s:Body><a:Add/></s:Body></s:Envelope>";

static inline void assert_text(wws_string actual, const char *expected)
{
    if (!wwi_string_is(actual, expected))
        fail_msg("\"%.*s\" is not \"%s\"",
            (int) actual.size, actual.data, expected);
}

static inline void assert_xml(wws_bytes actual, const char *expected)
{
    assert_text((wws_string) { actual.data, actual.size }, expected);
}

static inline wws_bytes octets_of(const char *text)
{
    return (wws_bytes) { text, strlen(text) };
}

static inline struct wwi_message *new_message(
    wws_envelope_version envelope,
    wws_addressing_version addressing)
{
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;
    struct wwi_message *message;

    options.envelope_version = envelope;
    options.addressing_version = addressing;
    assert_int_equal(wwi_message_new(&options, &message, NULL), 0);
    return message;
}

static inline struct wwi_message *new_default(void)
{
    struct wwi_message *message;

    assert_int_equal(wwi_message_new(NULL, &message, NULL), 0);
    return message;
}

static inline struct wwi_message *initialized(wws_message_initialization kind)
{
    struct wwi_message *message = new_default();

    assert_int_equal(wwi_message_initialize(message, kind, NULL, NULL), 0);
    return message;
}

static inline wws_status decode(struct wwi_message *message, const char *text)
{
    struct wwi_decode_params params = {
        .envelope_version = message->options.envelope_version,
        .addressing_version = message->options.addressing_version,
    };
    struct wwi_bytes octets = { 0 };

    wwi_bytes_append_text(&octets, text);
    return wwi_message_decode(message, &octets, &params, NULL);
}

static inline struct wwi_message *decoded(const char *text)
{
    struct wwi_message *message = new_default();

    assert_int_equal(decode(message, text), 0);
    return message;
}

static inline wws_status encode(struct wwi_message *message, struct wwi_bytes *out)
{
    struct wwi_encode_params params = {
        .envelope_version = message->options.envelope_version,
        .addressing_version = message->options.addressing_version,
        .to = WWS_STR("http://host/path"),
    };

    return wwi_message_encode(message, &params, out, NULL);
}

/* Sends a message to another one, which is then done. */
static inline struct wwi_message *sent(struct wwi_message *message)
{
    struct wwi_message *other = new_message(
        message->options.envelope_version,
        message->options.addressing_version);
    struct wwi_bytes out = { 0 };

    assert_int_equal(encode(message, &out), 0);
    wwi_bytes_append_char(&out, '\0');
    assert_int_equal(decode(other, (const char *) out.data), 0);
    wwi_bytes_fini(&out);
    return other;
}

static inline void assert_header(
    struct wwi_message *message,
    wws_header header,
    const char *expected)
{
    wws_string text;

    assert_int_equal(
        wwi_message_get_header(message, header, &text, NULL), 0);
    assert_text(text, expected);
}

static inline void assert_no_header(struct wwi_message *message, wws_header header)
{
    wws_string text;

    assert_int_equal(
        wwi_message_get_header(message, header, &text, NULL), WWS_S_END);
}

static inline void assert_body(struct wwi_message *message, const char *expected)
{
    wws_bytes body;

    assert_int_equal(wwi_message_get_body(message, &body, NULL), 0);
    assert_xml(body, expected);
}

static inline void set_action(struct wwi_message *message, const char *action)
{
    assert_int_equal(wwi_message_set_header(
        message, WWS_HEADER_ACTION, wwi_string(action), NULL), 0);
}

#endif

/* The codec of .NET message framing.
 *
 * Every record begins with its type, and no unknown one can be skipped: a table
 * says which may come where, and where each leads.  Octets of envelopes are
 * never copied; strings are gathered whole, in runs that a session leaves to
 * the next.  A size is judged as soon as its last octet is there, before
 * anything is stored.  So the outcome cannot depend on how the input was
 * cut. */
#include "core/transport/framing.h"

#include "core/base/text.h"

enum {
    RECORDS = WWI_FRAMING_PREAMBLE_END + 1,
    KNOWN_ENCODINGS = 9,
    VIA_MAX = 2048,
    TEXT_MAX = 256,
};

/* Those of messages stand together, and so do those between two records: what
 * looks ahead, and at the end of the stream, relies on it. */
enum state {
    NO,

    /* A record is to come. */
    VERSION,
    MODE,
    VIA,
    ENCODING,
    UPGRADE,
    READY,         /* not before the preamble has been acknowledged */
    ACK,
    ENDED,         /* there is no record that may follow */
    REQUESTS,
    REPLIES,
    REQUEST_STREAM,
    REPLY_STREAM,
    STREAM_END,

    /* Within one; a text comes right behind its size. */
    ENVELOPE_SIZE,
    ENVELOPE_OCTETS,
    CHUNK_SIZE,
    CHUNK_OCTETS,
    MAJOR,
    MINOR,
    MODE_OCTET,
    VIA_SIZE,
    VIA_TEXT,
    ENCODING_OCTET,
    CONTENT_TYPE_SIZE,
    CONTENT_TYPE_TEXT,
    UPGRADE_SIZE,
    UPGRADE_TEXT,
    FAULT_SIZE,
    FAULT_TEXT,

    /* Nothing is read any more. */
    FAULTED,
    FAILED,
};

/* Where a record leads. */
static const uint8_t moves[][RECORDS] = {
    [VERSION] = { [WWI_FRAMING_VERSION] = MAJOR },
    [MODE] = { [WWI_FRAMING_MODE] = MODE_OCTET },
    [VIA] = { [WWI_FRAMING_VIA] = VIA_SIZE },
    [ENCODING] = {
        [WWI_FRAMING_KNOWN_ENCODING] = ENCODING_OCTET,
        [WWI_FRAMING_EXTENSIBLE_ENCODING] = CONTENT_TYPE_SIZE,
    },
    [UPGRADE] = {
        [WWI_FRAMING_UPGRADE_REQUEST] = UPGRADE_SIZE,
        [WWI_FRAMING_PREAMBLE_END] = READY,
    },
    [ACK] = {
        [WWI_FRAMING_PREAMBLE_ACK] = READY,
        [WWI_FRAMING_FAULT] = FAULT_SIZE,
    },
    [REQUESTS] = {
        [WWI_FRAMING_SIZED_ENVELOPE] = ENVELOPE_SIZE,
        [WWI_FRAMING_END] = ENDED,
    },
    [REPLIES] = {
        [WWI_FRAMING_SIZED_ENVELOPE] = ENVELOPE_SIZE,
        [WWI_FRAMING_END] = ENDED,
        [WWI_FRAMING_FAULT] = FAULT_SIZE,
    },
    [REQUEST_STREAM] = { [WWI_FRAMING_UNSIZED_ENVELOPE] = CHUNK_SIZE },
    [REPLY_STREAM] = {
        [WWI_FRAMING_UNSIZED_ENVELOPE] = CHUNK_SIZE,
        [WWI_FRAMING_END] = ENDED,
        [WWI_FRAMING_FAULT] = FAULT_SIZE,
    },
    [STREAM_END] = { [WWI_FRAMING_END] = ENDED },
};

/* What is wrong where no record of those comes. */
static const char *const problems[] = {
    [VERSION] = "the peer does not begin a net.tcp session",
    [MODE] = "no Mode record follows the version",
    [VIA] = "no Via record follows the mode",
    [ENCODING] = "no encoding record follows the via",
    [UPGRADE] = "the preamble does not end behind the encoding",
    [ACK] = "the server neither acknowledges the preamble nor refuses it",
    [ENDED] = "octets follow the End record",
    [REQUESTS] = "neither an envelope nor the End record follows",
    [REPLIES] = "neither an envelope, an End nor a Fault record follows",
    [REQUEST_STREAM] = "no unsized envelope follows the preamble",
    [REPLY_STREAM] = "neither an envelope, an End nor a Fault record follows",
    [STREAM_END] = "no End record follows the envelope",
};

static const char uri_base[] =
    "http://schemas.microsoft.com/ws/2006/05/framing/faults/";

/* Names behind that, and what they mean to a client. */
static const struct {
    const char *name;
    wws_status status;
} faults[] = {
    [WWI_FRAMING_CONTENT_TYPE_INVALID] =
        { "ContentTypeInvalid", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_CONTENT_TYPE_TOO_LONG] =
        { "ContentTypeTooLong", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_CONNECTION_DISPATCH_FAILED] =
        { "ConnectionDispatchFailed", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_ENDPOINT_ACCESS_DENIED] =
        { "EndpointAccessDenied", WWS_E_ENDPOINT_ACCESS_DENIED },
    [WWI_FRAMING_ENDPOINT_NOT_FOUND] =
        { "EndpointNotFound", WWS_E_ENDPOINT_NOT_FOUND },
    [WWI_FRAMING_ENDPOINT_PAUSED] =
        { "EndpointPaused", WWS_E_ENDPOINT_NOT_AVAILABLE },
    [WWI_FRAMING_ENDPOINT_UNAVAILABLE] =
        { "EndpointUnavailable", WWS_E_ENDPOINT_NOT_AVAILABLE },
    [WWI_FRAMING_INVALID_RECORD_SEQUENCE] =
        { "InvalidRecordSequence", WWS_E_INVALID_FORMAT },
    [WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED] =
        { "MaxMessageSizeExceededFault", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_SERVER_TOO_BUSY] =
        { "ServerTooBusy", WWS_E_ENDPOINT_TOO_BUSY },
    [WWI_FRAMING_SERVICE_ACTIVATION_FAILED] =
        { "ServiceActivationFailed", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_UNSUPPORTED_MODE] =
        { "UnsupportedMode", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_UNSUPPORTED_VERSION] =
        { "UnsupportedVersion", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_UPGRADE_INVALID] =
        { "UpgradeInvalid", WWS_E_ENDPOINT_FAILURE },
    [WWI_FRAMING_VIA_TOO_LONG] =
        { "ViaTooLong", WWS_E_ENDPOINT_FAILURE },
};

/* As an event: nothing to say yet, go on. */
enum { ON = -1 };

struct input {
    const uint8_t *at;
    const uint8_t *end;
};

static int fail(
    struct wwi_framing *framing,
    wws_status status,
    enum wwi_framing_fault fault,
    const char *problem)
{
    framing->state = FAILED;
    framing->status = status;
    framing->fault = framing->server ? fault : WWI_FRAMING_FAULT_NONE;
    framing->problem = problem;
    return WWI_FRAMING_FAILED;
}

/* Nothing that a fault could explain to the peer. */
static int violation(struct wwi_framing *framing, const char *problem)
{
    return fail(framing, WWS_E_INVALID_FORMAT, WWI_FRAMING_FAULT_NONE,
        problem);
}

static int too_large(struct wwi_framing *framing)
{
    return fail(framing, WWS_E_QUOTA_EXCEEDED,
        WWI_FRAMING_MAX_MESSAGE_SIZE_EXCEEDED,
        "the envelope is larger than the quota");
}

/* What is left, as far as it is there. */
static wws_bytes take(struct wwi_framing *framing, struct input *in)
{
    wws_bytes piece = { in->at, (size_t) (in->end - in->at) };

    if (piece.size > framing->left)
        piece.size = (size_t) framing->left;
    in->at += piece.size;
    framing->left -= piece.size;
    return piece;
}

void wwi_framing_begin_messages(struct wwi_framing *framing)
{
    if (framing->state != READY)
        return;
    if (framing->mode == WWI_FRAMING_DUPLEX)
        framing->state = framing->server ? REQUESTS : REPLIES;
    else
        framing->state = framing->server ? REQUEST_STREAM : REPLY_STREAM;
}

static int wrong_record(struct wwi_framing *framing, uint8_t record)
{
    if (framing->state == ACK && (record == 'H' || record == 'h'))
        return violation(framing,
            "the peer is an HTTP server, not a net.tcp service");
    return violation(framing, problems[framing->state]);
}

static int take_record(struct wwi_framing *framing, uint8_t record)
{
    uint8_t next = record < RECORDS ? moves[framing->state][record] : NO;

    if (next == NO)
        return wrong_record(framing, record);
    framing->state = next;
    switch (record) {
    case WWI_FRAMING_PREAMBLE_END:
        return WWI_FRAMING_PREAMBLE;
    case WWI_FRAMING_PREAMBLE_ACK:
        wwi_framing_begin_messages(framing);
        return WWI_FRAMING_ACK;
    case WWI_FRAMING_UNSIZED_ENVELOPE:
        return WWI_FRAMING_ENVELOPE;
    case WWI_FRAMING_END:
        return WWI_FRAMING_ENDED;
    default:
        return ON;
    }
}

static int take_major(struct wwi_framing *framing, uint8_t octet)
{
    if (octet != 1)
        return fail(framing, WWS_E_INVALID_FORMAT,
            WWI_FRAMING_UNSUPPORTED_VERSION,
            "the version of the framing is not 1");
    framing->state = MINOR;
    return ON;
}

static int take_mode(struct wwi_framing *framing, uint8_t octet)
{
    if (octet != WWI_FRAMING_SINGLETON_UNSIZED
        && octet != WWI_FRAMING_DUPLEX)
        return fail(framing, WWS_E_INVALID_FORMAT,
            WWI_FRAMING_UNSUPPORTED_MODE, "the mode is not supported");
    framing->mode = (enum wwi_framing_mode) octet;
    framing->state = VIA;
    return ON;
}

static int take_encoding(struct wwi_framing *framing, uint8_t octet)
{
    if (octet >= KNOWN_ENCODINGS)
        return fail(framing, WWS_E_INVALID_FORMAT,
            WWI_FRAMING_CONTENT_TYPE_INVALID, "the encoding is unknown");
    framing->encoding = octet;
    framing->state = UPGRADE;
    return ON;
}

static int begin_envelope(struct wwi_framing *framing, uint32_t size)
{
    if (size == 0)
        return violation(framing, "an envelope is empty");
    if (size > framing->max_message_size)
        return too_large(framing);
    framing->size = size;
    framing->left = size;
    framing->state = ENVELOPE_OCTETS;
    return WWI_FRAMING_ENVELOPE;
}

static int end_chunks(struct wwi_framing *framing)
{
    if (framing->total == 0)
        return violation(framing, "an envelope is empty");
    framing->state = STREAM_END;
    return WWI_FRAMING_ENVELOPE_DONE;
}

static int begin_chunk(struct wwi_framing *framing, uint32_t size)
{
    if (size == 0)
        return end_chunks(framing);
    if (size > framing->max_streamed_size - framing->total)
        return too_large(framing);
    framing->total += size;
    framing->left = size;
    framing->state = CHUNK_OCTETS;
    return ON;
}

/* The run that the text goes to whose size or octets are read. */
static struct wwi_bytes *text_run(struct wwi_framing *framing)
{
    switch (framing->state) {
    case VIA_SIZE:
    case VIA_TEXT:
        return &framing->vias;
    case CONTENT_TYPE_SIZE:
    case CONTENT_TYPE_TEXT:
        return &framing->content_types;
    default:
        return &framing->texts;
    }
}

static int text_too_long(struct wwi_framing *framing)
{
    switch (framing->state) {
    case VIA_SIZE:
        return fail(framing, WWS_E_QUOTA_EXCEEDED, WWI_FRAMING_VIA_TOO_LONG,
            "the via is too long");
    case CONTENT_TYPE_SIZE:
    case UPGRADE_SIZE:
        return fail(framing, WWS_E_QUOTA_EXCEEDED,
            WWI_FRAMING_CONTENT_TYPE_TOO_LONG,
            "the name of an encoding or upgrade is too long");
    default:
        return violation(framing, "the name of a fault is too long");
    }
}

static int begin_text(struct wwi_framing *framing, uint32_t size)
{
    if (size > (framing->state == VIA_SIZE ? VIA_MAX : TEXT_MAX))
        return text_too_long(framing);
    text_run(framing)->size = 0;
    framing->left = size;
    framing->state++;
    return ON;
}

static int size_known(struct wwi_framing *framing, uint32_t size)
{
    switch (framing->state) {
    case ENVELOPE_SIZE:
        return begin_envelope(framing, size);
    case CHUNK_SIZE:
        return begin_chunk(framing, size);
    default:
        return begin_text(framing, size);
    }
}

static int take_size(struct wwi_framing *framing, uint8_t octet)
{
    uint32_t size;

    /* Of 31 bits a fifth octet has three, and none may follow it. */
    if (framing->shift == 28 && octet > 0x07)
        return violation(framing, "a size has more than 31 bits");
    framing->number |= (uint32_t) (octet & 0x7F) << framing->shift;
    framing->shift += 7;
    if (octet & 0x80)
        return ON;
    size = framing->number;
    framing->number = 0;
    framing->shift = 0;
    return size_known(framing, size);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Begins with a scheme (RFC 3986, section 3.1). */
static bool is_absolute(wws_string uri)
{
    size_t at = 0;

    while (at < uri.size
        && (is_letter(uri.data[at])
            || (at != 0 && uri.data[at] >= '0' && uri.data[at] <= '9')
            || (at != 0 && strchr("+-.", uri.data[at]) != NULL)))
        at++;
    return at != 0 && at < uri.size && uri.data[at] == ':';
}

static wws_status meaning(wws_string uri)
{
    size_t base = sizeof uri_base - 1;
    wws_string name;

    if (uri.size < base || memcmp(uri.data, uri_base, base) != 0)
        return WWS_E_ENDPOINT_FAILURE;
    name = (wws_string) { uri.data + base, uri.size - base };
    for (size_t i = 1; i < sizeof faults / sizeof *faults; i++)
        if (wwi_string_is(name, faults[i].name))
            return faults[i].status;
    return WWS_E_ENDPOINT_FAILURE;
}

static int text_known(struct wwi_framing *framing, wws_string text)
{
    switch (framing->state) {
    case VIA_TEXT:
        if (!is_absolute(text))
            return violation(framing, "the via is not an absolute URI");
        framing->via = text;
        framing->state = ENCODING;
        return ON;
    case CONTENT_TYPE_TEXT:
        if (text.size == 0)
            return violation(framing, "the content type is empty");
        framing->content_type = text;
        framing->encoding = -1;
        framing->state = UPGRADE;
        return ON;
    case UPGRADE_TEXT:
        framing->text = text;
        framing->state = UPGRADE;
        return WWI_FRAMING_UPGRADE;
    default:
        framing->text = text;
        framing->status = meaning(text);
        framing->state = FAULTED;
        return WWI_FRAMING_FAULTED;
    }
}

static int take_text(struct wwi_framing *framing, struct input *in)
{
    struct wwi_bytes *run = text_run(framing);
    wws_bytes piece = take(framing, in);
    wws_string text;

    wwi_bytes_append(run, piece.data, piece.size);
    if (run->failed)
        return fail(framing, WWS_E_OUTOFMEMORY, WWI_FRAMING_SERVER_TOO_BUSY,
            "out of memory");
    if (framing->left != 0)
        return WWI_FRAMING_MORE;
    text.data = run->size != 0 ? (const char *) run->data : "";
    text.size = run->size;
    if (!wwi_utf8_valid(text.data, text.size))
        return violation(framing, "a text is not UTF-8");
    return text_known(framing, text);
}

static int take_octets(
    struct wwi_framing *framing,
    struct input *in,
    wws_bytes *octets)
{
    if (framing->left != 0 && in->at == in->end)
        return WWI_FRAMING_MORE;
    if (framing->left != 0) {
        *octets = take(framing, in);
        return WWI_FRAMING_OCTETS;
    }
    if (framing->state == CHUNK_OCTETS) {
        framing->state = CHUNK_SIZE;
        return ON;
    }
    framing->state = framing->server ? REQUESTS : REPLIES;
    return WWI_FRAMING_ENVELOPE_DONE;
}

static int take_octet(struct wwi_framing *framing, struct input *in)
{
    uint8_t octet;

    if (in->at == in->end)
        return WWI_FRAMING_MORE;
    octet = *in->at++;
    switch (framing->state) {
    case MAJOR:
        return take_major(framing, octet);
    case MINOR:
        framing->state = MODE;
        return ON;
    case MODE_OCTET:
        return take_mode(framing, octet);
    case ENCODING_OCTET:
        return take_encoding(framing, octet);
    case ENVELOPE_SIZE:
    case CHUNK_SIZE:
    case VIA_SIZE:
    case CONTENT_TYPE_SIZE:
    case UPGRADE_SIZE:
    case FAULT_SIZE:
        return take_size(framing, octet);
    default:
        return take_record(framing, octet);
    }
}

static int step(
    struct wwi_framing *framing,
    struct input *in,
    wws_bytes *octets)
{
    switch (framing->state) {
    case READY:
        return WWI_FRAMING_MORE;
    case VIA_TEXT:
    case CONTENT_TYPE_TEXT:
    case UPGRADE_TEXT:
    case FAULT_TEXT:
        return take_text(framing, in);
    case ENVELOPE_OCTETS:
    case CHUNK_OCTETS:
        return take_octets(framing, in, octets);
    case FAULTED:
        return WWI_FRAMING_FAULTED;
    case FAILED:
        return WWI_FRAMING_FAILED;
    default:
        return take_octet(framing, in);
    }
}

static struct input input_of(const uint8_t *data, size_t size)
{
    static const uint8_t none;
    const uint8_t *begin = size != 0 ? data : &none;

    return (struct input) { begin, begin + size };
}

enum wwi_framing_event wwi_framing_execute(
    struct wwi_framing *framing,
    const uint8_t *data,
    size_t size,
    size_t *used,
    wws_bytes *octets)
{
    struct input in = input_of(data, size);
    int event;

    *octets = (wws_bytes) { 0 };
    do
        event = step(framing, &in, octets);
    while (event == ON);
    *used = size - (size_t) (in.end - in.at);
    return (enum wwi_framing_event) event;
}

bool wwi_framing_between_records(const struct wwi_framing *framing)
{
    return framing->state <= STREAM_END;
}

bool wwi_framing_will_end(
    const struct wwi_framing *framing,
    const uint8_t *data,
    size_t size)
{
    struct wwi_framing ahead = *framing;
    struct input in = input_of(data, size);
    wws_bytes octets;
    int event = ON;

    wwi_framing_begin_messages(&ahead);
    /* Only messages have no texts, which would be written over ours. */
    while (event != WWI_FRAMING_MORE
        && ahead.state >= REQUESTS && ahead.state <= CHUNK_OCTETS)
        event = step(&ahead, &in, &octets);
    return ahead.state == ENDED;
}

void wwi_framing_init(
    struct wwi_framing *framing,
    bool server,
    enum wwi_framing_mode mode,
    uint32_t max_message_size,
    uint64_t max_streamed_size)
{
    *framing = (struct wwi_framing) {
        .mode = mode,
        .server = server,
        .state = server ? VERSION : ACK,
        .max_message_size = max_message_size,
        .max_streamed_size = max_streamed_size,
    };
}

void wwi_framing_fini(struct wwi_framing *framing)
{
    wwi_bytes_fini(&framing->vias);
    wwi_bytes_fini(&framing->content_types);
    wwi_bytes_fini(&framing->texts);
}

void wwi_framing_reset(struct wwi_framing *framing)
{
    struct wwi_framing before = *framing;

    wwi_framing_init(framing, before.server, before.mode,
        before.max_message_size, before.max_streamed_size);
    framing->vias = before.vias;
    framing->content_types = before.content_types;
    framing->texts = before.texts;
    wwi_bytes_reset(&framing->vias, SIZE_MAX);
    wwi_bytes_reset(&framing->content_types, SIZE_MAX);
    wwi_bytes_reset(&framing->texts, SIZE_MAX);
}

void wwi_framing_write_size(struct wwi_bytes *out, uint32_t size)
{
    uint8_t octets[5];
    size_t count = 0;

    for (; size > 0x7F; size >>= 7)
        octets[count++] = (uint8_t) (size | 0x80);
    octets[count++] = (uint8_t) size;
    wwi_bytes_append(out, octets, count);
}

static void write_string(struct wwi_bytes *out, wws_string string)
{
    wwi_framing_write_size(out, (uint32_t) string.size);
    wwi_bytes_append_string(out, string);
}

void wwi_framing_write_preamble(
    struct wwi_bytes *out,
    enum wwi_framing_mode mode,
    wws_string via,
    uint8_t encoding)
{
    const uint8_t before[] = {
        WWI_FRAMING_VERSION, 1, 0,
        WWI_FRAMING_MODE, (uint8_t) mode,
        WWI_FRAMING_VIA,
    };
    const uint8_t behind[] = {
        WWI_FRAMING_KNOWN_ENCODING, encoding,
        WWI_FRAMING_PREAMBLE_END,
    };

    wwi_bytes_append(out, before, sizeof before);
    write_string(out, via);
    wwi_bytes_append(out, behind, sizeof behind);
}

void wwi_framing_write_record(
    struct wwi_bytes *out,
    enum wwi_framing_record record)
{
    wwi_bytes_append_char(out, (char) record);
}

void wwi_framing_write_sized(struct wwi_bytes *out, uint32_t size)
{
    wwi_framing_write_record(out, WWI_FRAMING_SIZED_ENVELOPE);
    wwi_framing_write_size(out, size);
}

void wwi_framing_write_fault(
    struct wwi_bytes *out,
    enum wwi_framing_fault fault)
{
    const char *name = faults[fault].name;

    if (fault == WWI_FRAMING_FAULT_NONE)
        return;
    wwi_framing_write_record(out, WWI_FRAMING_FAULT);
    wwi_framing_write_size(out,
        (uint32_t) (sizeof uri_base - 1 + strlen(name)));
    wwi_bytes_append_text(out, uri_base);
    wwi_bytes_append_text(out, name);
}

/* What the demo prints. */
#include "print.h"

#include <stdio.h>
#include <string.h>

static bool json;

void print_as_json(void)
{
    json = true;
}

const char *progress_name(wws_progress progress)
{
    static const char *const names[] = { "not_sent", "partly_sent", "sent",
        "replying" };

    return progress < sizeof names / sizeof names[0] ? names[progress] : "?";
}

const char *phase_name(wws_phase phase)
{
    static const char *const names[] = { "none", "queue", "resolve", "connect",
        "proxy", "handshake", "auth", "send", "wait", "headers", "body",
        "decompress", "accept", "close" };

    return phase < sizeof names / sizeof names[0] ? names[phase] : "?";
}

/* A JSON string; null if there is none. */
static void put_string(const char *text, size_t size)
{
    if (text == NULL) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        unsigned char octet = (unsigned char) text[i];

        if (octet == '"' || octet == '\\')
            printf("\\%c", octet);
        else if (octet < 0x20 || octet > 0x7e)
            printf("\\u%04x", octet);
        else
            putchar(octet);
    }
    putchar('"');
}

static void put_member(const char *name, const char *text)
{
    printf("\"%s\":", name);
    put_string(text, text != NULL ? strlen(text) : 0);
    putchar(',');
}

static void put_record(const char *name, const struct record *record)
{
    printf("\"%s\":", name);
    put_string(record->text, record->size);
    putchar(',');
}

/* What is no text is shown as numbers. */
static void print_octets(const char *octets, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char octet = (unsigned char) octets[i];

        if (octet < 0x20 || octet > 0x7e)
            printf("\\x%02x", octet);
        else
            putchar(octet);
    }
}

/* A line ends by itself, or with what came at once. */
static size_t line_end(const struct record *record, size_t at)
{
    const char *text = record->text;
    const char *newline = memchr(text + at, '\n', record->size - at);
    size_t end = newline != NULL ? (size_t) (newline - text) + 1
        : record->size;

    for (unsigned i = 0; i < record->parts; i++)
        if (record->ends[i] > at && record->ends[i] < end)
            end = record->ends[i];
    return end;
}

/* The lines of a record, each marked with who spoke. */
static void print_record(const char *mark, const struct record *record)
{
    for (size_t at = 0; at < record->size;) {
        size_t next = line_end(record, at), end = next;

        if (record->text[end - 1] == '\n')
            end--;
        if (end > at && record->text[end - 1] == '\r')
            end--;
        printf("  %s ", mark);
        print_octets(record->text + at, end - at);
        putchar('\n');
        at = next;
    }
}

static void print_conversation_json(
    const char *client,
    const char *transport,
    const char *soap,
    const struct record *request,
    const struct record *reply,
    bool ok)
{
    putchar('{');
    put_member("client", client);
    put_member("transport", transport);
    put_member("soap", soap);
    if (request != NULL) {
        put_record("request", request);
        put_record("reply", reply);
    }
    printf("\"ok\":%s}\n", ok ? "true" : "false");
}

void print_conversation(
    const char *client,
    const char *transport,
    const char *soap,
    const struct record *request,
    const struct record *reply,
    bool ok)
{
    if (json) {
        print_conversation_json(client, transport, soap, request, reply, ok);
        return;
    }
    printf("Calculator, Add by %s, %s, SOAP %s: %s\n", client, transport,
        soap, ok ? "served" : "WRONG");
    if (request == NULL)
        return;
    print_record(">", request);
    print_record("<", reply);
    putchar('\n');
}

static const char row_format[] =
    "%-26s %-33s %-9s %-8s %-8s %-27s %9s %-11s %-7s %-15s %-10s %s\n";

void print_row_titles(void)
{
    if (json)
        return;
    putchar('\n');
    printf(row_format, "cancel", "case", "transport", "mode", "language",
        "status", "us", "progress", "phase", "reason", "neighbours", "ok");
}

static const char *neighbours(const struct line *line)
{
    return line->neighbours_ok ? "ok" : "wrong";
}

static void print_line_json(const struct line *line)
{
    putchar('{');
    put_member("cancel", line->cancel);
    put_member("case", line->name);
    put_member("transport", line->transport);
    put_member("mode", line->mode);
    put_member("language", line->language);
    put_member("status", line->status);
    printf("\"us\":%.1f,", line->us);
    put_member("progress", line->progress);
    put_member("phase", line->phase);
    if (line->reason != NULL)
        put_member("reason", line->reason);
    put_member("neighbours", neighbours(line));
    printf("\"ok\":%s}\n", line->ok ? "true" : "false");
}

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

void print_line(const struct line *line)
{
    char us[32];

    if (json) {
        print_line_json(line);
        return;
    }
    snprintf(us, sizeof us, "%.1f", line->us);
    printf(row_format, line->cancel, line->name, line->transport, line->mode,
        line->language, or_dash(line->status), us, or_dash(line->progress),
        or_dash(line->phase), or_dash(line->reason), neighbours(line),
        line->ok ? "ok" : "WRONG");
}

void print_row(const struct row *row)
{
    const struct line line = {
        .cancel = row->kind->cancel,
        .name = row->kind->name,
        .transport = row->setting->transport,
        .mode = mode_name(row->mode),
        .language = row->setting->language,
        .status = row->status,
        .us = row->us,
        .progress = row->progress,
        .phase = row->phase,
        .reason = row->reason,
        .neighbours_ok = row->neighbours_ok,
        .ok = row->ok,
    };

    print_line(&line);
}

void print_end(unsigned rows, unsigned ok, double seconds)
{
    if (json)
        printf("{\"rows\":%u,\"ok\":%u,\"seconds\":%.1f}\n", rows, ok,
            seconds);
    else
        printf("\n%u rows, %u ok, %.1f s\n", rows, ok, seconds);
}

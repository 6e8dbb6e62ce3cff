/* Heads and chunk framing.  Every octet a caller supplies passes one of two
 * checks, token or field text; there is no other way into the output. */
#include "core/transport/http_writer.h"

#include <stdio.h>
#include <string.h>

#include "core/transport/http_char.h"

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    { 100, "Continue" },
    { 200, "OK" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 407, "Proxy Authentication Required" },
    { 408, "Request Timeout" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

const char *wwi_http_reason(unsigned status)
{
    static const char *const classes[] = {
        "Unknown", "Informational", "Success", "Redirection", "Client Error",
        "Server Error",
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return classes[status < 600 ? status / 100 : 0];
}

static void refuse(struct wwi_http_writer *writer, const char *why)
{
    if (writer->refused == NULL)
        writer->refused = why;
}

static bool is_text(wws_string text)
{
    return text.size == 0 || wwi_text_is_all(text, WWI_CHAR_TEXT);
}

static void begin(struct wwi_http_writer *writer, struct wwi_bytes *out)
{
    *writer = (struct wwi_http_writer) { .out = out, .start = out->size };
}

void wwi_http_writer_request(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    wws_string method,
    wws_string target)
{
    begin(writer, out);
    if (!wwi_text_is_all(method, WWI_CHAR_TOKEN))
        refuse(writer, "the method is not a token");
    if (!wwi_text_is_all(target, WWI_CHAR_VISIBLE)
        || memchr(target.data, '#', target.size) != NULL)
        refuse(writer, "the request target is malformed");
    wwi_bytes_append_string(out, method);
    wwi_bytes_append_char(out, ' ');
    wwi_bytes_append_string(out, target);
    wwi_bytes_append_text(out, " HTTP/1.1\r\n");
}

void wwi_http_writer_response(
    struct wwi_http_writer *writer,
    struct wwi_bytes *out,
    unsigned status,
    wws_string reason)
{
    begin(writer, out);
    if (status < 100 || status > 999)
        refuse(writer, "the status is not three digits");
    if (!is_text(reason))
        refuse(writer, "the reason has a control character");
    wwi_bytes_append_text(out, "HTTP/1.1 ");
    wwi_bytes_append_number(out, status);
    wwi_bytes_append_char(out, ' ');
    if (reason.size != 0)
        wwi_bytes_append_string(out, reason);
    else
        wwi_bytes_append_text(out, wwi_http_reason(status));
    wwi_bytes_append_text(out, "\r\n");
}

static void put_field(
    struct wwi_http_writer *writer,
    wws_string name,
    wws_string value)
{
    wwi_bytes_append_string(writer->out, name);
    wwi_bytes_append_text(writer->out, ": ");
    wwi_bytes_append_string(writer->out, value);
    wwi_bytes_append_text(writer->out, "\r\n");
}

void wwi_http_writer_field(
    struct wwi_http_writer *writer,
    wws_string name,
    wws_string value)
{
    if (!wwi_text_is_all(name, WWI_CHAR_TOKEN))
        refuse(writer, "the name of a field is not a token");
    else if (!is_text(value))
        refuse(writer, "the value of a field has a control character");
    else if (wwi_text_is(name, "Content-Length")
        || wwi_text_is(name, "Transfer-Encoding"))
        refuse(writer, "a field would change the framing");
    else
        put_field(writer, name, value);
}

/* Two framings in one head could be read in two ways. */
static bool may_frame(struct wwi_http_writer *writer)
{
    if (writer->framed)
        refuse(writer, "the framing is given twice");
    writer->framed = true;
    return writer->refused == NULL;
}

void wwi_http_writer_length(struct wwi_http_writer *writer, uint64_t length)
{
    if (!may_frame(writer))
        return;
    wwi_bytes_append_text(writer->out, "Content-Length: ");
    wwi_bytes_append_number(writer->out, length);
    wwi_bytes_append_text(writer->out, "\r\n");
}

void wwi_http_writer_chunked(struct wwi_http_writer *writer)
{
    if (may_frame(writer))
        put_field(writer, WWS_STR("Transfer-Encoding"), WWS_STR("chunked"));
}

struct date {
    int year;
    int month;  /* 0 is March: so the day that comes and goes is the last */
    int day;
};

static struct date date_of(int days_since_1970)
{
    int days = days_since_1970 + 719468;  /* since 1 March of year 0 */
    int era = days / 146097;
    int day_of_era = days % 146097;
    int year = (day_of_era - day_of_era / 1460 + day_of_era / 36524
        - day_of_era / 146096) / 365;
    int day = day_of_era - (365 * year + year / 4 - year / 100);
    int month = (5 * day + 2) / 153;

    return (struct date) {
        .year = era * 400 + year + (month >= 10),
        .month = month,
        .day = day - (153 * month + 2) / 5 + 1,
    };
}

static void write_date(char *text, size_t size, int64_t seconds)
{
    static const char days[7][4] = {
        "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed",
    };
    static const char months[12][4] = {
        "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        "Jan", "Feb",
    };
    int day = (int) (seconds / 86400);
    int second = (int) (seconds % 86400);
    struct date date = date_of(day);

    snprintf(text, size, "%s, %02d %s %04d %02d:%02d:%02d GMT",
        days[day % 7], date.day, months[date.month], date.year,
        second / 3600, second / 60 % 60, second % 60);
}

void wwi_http_writer_date(struct wwi_http_writer *writer, int64_t seconds)
{
    /* It is asked for far more often than it changes. */
    static _Thread_local struct {
        int64_t seconds;
        char text[64];
    } last = { .seconds = -1 };
    const int64_t year_10000 = INT64_C(253402300800);

    if (seconds < 0 || seconds >= year_10000) {
        refuse(writer, "the date is out of range");
        return;
    }
    if (seconds != last.seconds) {
        write_date(last.text, sizeof last.text, seconds);
        last.seconds = seconds;
    }
    put_field(writer, WWS_STR("Date"),
        (wws_string) { last.text, strlen(last.text) });
}

wws_status wwi_http_writer_end(struct wwi_http_writer *writer)
{
    struct wwi_bytes *out = writer->out;

    wwi_bytes_append_text(out, "\r\n");
    if (writer->refused == NULL && !out->failed)
        return 0;
    out->size = writer->start;
    return writer->refused != NULL ? WWS_E_INVALIDARG : WWS_E_OUTOFMEMORY;
}

void wwi_http_write_chunk_begin(struct wwi_bytes *out, uint64_t size)
{
    char digits[16];
    size_t at = sizeof digits;

    if (size == 0)
        return;
    for (; size != 0; size >>= 4)
        digits[--at] = "0123456789ABCDEF"[size & 15];
    wwi_bytes_append(out, digits + at, sizeof digits - at);
    wwi_bytes_append_text(out, "\r\n");
}

void wwi_http_write_chunk_end(struct wwi_bytes *out, uint64_t size)
{
    if (size != 0)
        wwi_bytes_append_text(out, "\r\n");
}

void wwi_http_write_last_chunk(struct wwi_bytes *out)
{
    wwi_bytes_append_text(out, "0\r\n\r\n");
}

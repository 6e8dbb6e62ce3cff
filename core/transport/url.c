/* Addresses.  One grammar of host and port serves URLs, Host fields and request
 * targets; what differs is what is done with the parts. */
#include "core/transport/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/transport/http_char.h"

static const struct {
    const char *name;
    uint16_t port;
} schemes[] = {
    [WWI_URL_HTTP] = { "http", 80 },
    [WWI_URL_HTTPS] = { "https", 443 },
    [WWI_URL_NET_TCP] = { "net.tcp", 808 },
    [WWI_URL_NET_PIPE] = { "net.pipe", 0 },
    [WWI_URL_SOAP_UDP] = { "soap.udp", 0 },
};

enum { SCHEMES = sizeof schemes / sizeof *schemes };

/* Takes what stands before the first of these characters. */
static wws_string take_until(wws_string *text, const char *stops)
{
    size_t size = 0;

    while (size < text->size
        && (text->data[size] == '\0'
            || strchr(stops, text->data[size]) == NULL))
        size++;
    return wwi_text_split(text, size);
}

static bool take_prefix(wws_string *text, const char *prefix)
{
    size_t size = strlen(prefix);

    if (text->size < size
        || !wwi_text_is((wws_string) { text->data, size }, prefix))
        return false;
    wwi_text_split(text, size);
    return true;
}

struct authority {
    wws_string host;  /* without brackets and zone */
    wws_string zone;
    bool ipv6;
    bool has_port;
    uint16_t port;
};

static bool is_ipv6(wws_string text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ignored;

    if (text.size >= sizeof address || memchr(text.data, '\0', text.size))
        return false;
    memcpy(address, text.data, text.size);
    address[text.size] = '\0';
    return inet_pton(AF_INET6, address, &ignored) == 1;
}

static bool is_wildcard(wws_string host)
{
    return host.size == 1 && (host.data[0] == '+' || host.data[0] == '*');
}

/* Takes "[address%25zone]" from the front. */
static bool take_literal(wws_string *text, struct authority *authority)
{
    wws_string inside;

    wwi_text_take_char(text, '[');
    inside = take_until(text, "]");
    authority->ipv6 = true;
    authority->host = take_until(&inside, "%");
    if (!wwi_text_take_char(text, ']') || authority->host.size == 0
        || !is_ipv6(authority->host))
        return false;
    if (inside.size == 0)
        return true;
    if (!take_prefix(&inside, "%25"))
        wwi_text_take_char(&inside, '%');
    authority->zone = inside;
    return wwi_text_is_all(inside, WWI_CHAR_UNRESERVED);
}

/* What stands behind the host: nothing, or a colon and perhaps a number. */
static bool parse_port(wws_string text, struct authority *authority)
{
    unsigned port = 0;

    if (text.size == 0)
        return true;
    if (!wwi_text_take_char(&text, ':') || text.size > 5)
        return false;
    authority->has_port = text.size != 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!wwi_char_is(text.data[i], WWI_CHAR_DIGIT))
            return false;
        port = port * 10 + wwi_char_hex(text.data[i]);
    }
    authority->port = (uint16_t) port;
    return port <= UINT16_MAX;
}

static const char *parse_authority(
    struct authority *authority,
    wws_string text)
{
    *authority = (struct authority) { 0 };
    if (text.size != 0 && text.data[0] == '[') {
        if (!take_literal(&text, authority))
            return "the IPv6 address is malformed";
    } else {
        authority->host = take_until(&text, ":");
        if (!is_wildcard(authority->host)
            && !wwi_text_is_all(authority->host, WWI_CHAR_HOST))
            return "the host is empty or has characters that need an A-label";
    }
    return parse_port(text, authority) ? NULL : "the port is malformed";
}

bool wwi_authority_parse(wws_string text, wws_string *host, uint16_t *port)
{
    struct authority authority;

    if (parse_authority(&authority, text) != NULL || authority.zone.size != 0
        || is_wildcard(authority.host)
        || (authority.has_port && authority.port == 0))
        return false;
    *host = authority.host;
    *port = authority.port;
    return true;
}

/* Whether an escape, '%' and two digits, stands there. */
static bool is_escape(wws_string text, size_t at)
{
    return text.size - at >= 3 && text.data[at] == '%'
        && wwi_char_is(text.data[at + 1], WWI_CHAR_HEX)
        && wwi_char_is(text.data[at + 2], WWI_CHAR_HEX);
}

static void append_escape(struct wwi_bytes *out, unsigned octet)
{
    static const char digits[] = "0123456789ABCDEF";

    wwi_bytes_append_char(out, '%');
    wwi_bytes_append_char(out, digits[octet >> 4]);
    wwi_bytes_append_char(out, digits[octet & 15]);
}

/* Removes "." and ".." in place from a path that begins, at start, with '/'. */
static void remove_dots(struct wwi_bytes *text, size_t start)
{
    char *path = (char *) text->data + start;
    size_t size = text->size - start;
    size_t from = 0, to = 0, end;

    for (; from < size; from = end) {
        bool up = size - from >= 3 && memcmp(path + from, "/..", 3) == 0;
        const char *slash = memchr(path + from + 1, '/', size - from - 1);

        end = slash != NULL ? (size_t) (slash - path) : size;
        up = up && end - from == 3;
        if (!up && !(end - from == 2 && path[from + 1] == '.')) {
            memmove(path + to, path + from, end - from);
            to += end - from;
            continue;
        }
        while (up && to > 0 && path[--to] != '/')
            continue;
        if (end == size)
            path[to++] = '/';
    }
    text->size = start + to;
}

static bool append_normal(struct wwi_bytes *out, wws_string path)
{
    for (size_t i = 0; i < path.size; i++) {
        unsigned octet = (uint8_t) path.data[i];

        if (octet != '%') {
            if (!wwi_char_is((char) octet, WWI_CHAR_VISIBLE) || octet == '\\')
                return false;
            if (wwi_char_is((char) octet, WWI_CHAR_PATH))
                wwi_bytes_append_char(out, (char) octet);
            else
                append_escape(out, octet);
            continue;
        }
        if (!is_escape(path, i))
            return false;
        octet = wwi_char_hex(path.data[i + 1]) << 4
            | wwi_char_hex(path.data[i + 2]);
        if (octet == 0 || octet == '/' || octet == '\\')
            return false;
        if (wwi_char_is((char) octet, WWI_CHAR_UNRESERVED))
            wwi_bytes_append_char(out, (char) octet);
        else
            append_escape(out, octet);
        i += 2;
    }
    return true;
}

wws_status wwi_path_normalise(struct wwi_bytes *out, wws_string path)
{
    size_t start = out->size;
    bool valid = path.size != 0 && path.data[0] == '/'
        && append_normal(out, path);

    if (valid && !out->failed) {
        remove_dots(out, start);
        return 0;
    }
    out->size = start;
    return valid ? WWS_E_OUTOFMEMORY : WWS_E_INVALID_FORMAT;
}

static bool are_escapes_valid(wws_string text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '%' && !is_escape(text, i))
            return false;
    }
    return true;
}

static void split_path(struct wwi_target *target, wws_string text)
{
    target->path = take_until(&text, "?");
    target->has_query = wwi_text_take_char(&text, '?');
    target->query = text;
    if (target->path.size == 0)
        target->path = WWS_STR("/");
}

static bool parse_connect(struct wwi_target *target, wws_string text)
{
    wws_string host;
    uint16_t port;

    target->authority = text;
    return wwi_authority_parse(text, &host, &port) && port != 0;
}

static bool parse_absolute(struct wwi_target *target, wws_string text)
{
    wws_string host;
    uint16_t port;

    target->https = take_prefix(&text, "https://");
    if (!target->https && !take_prefix(&text, "http://"))
        return false;
    target->authority = take_until(&text, "/?");
    split_path(target, text);
    return wwi_authority_parse(target->authority, &host, &port);
}

bool wwi_target_parse(
    struct wwi_target *target,
    wws_string method,
    wws_string text)
{
    *target = (struct wwi_target) { 0 };
    if (!wwi_text_is_all(text, WWI_CHAR_VISIBLE) || !are_escapes_valid(text)
        || memchr(text.data, '#', text.size) != NULL)
        return false;
    if (method.size == 7 && memcmp(method.data, "CONNECT", 7) == 0)
        return parse_connect(target, text);
    if (text.size == 1 && text.data[0] == '*')
        return method.size == 7 && memcmp(method.data, "OPTIONS", 7) == 0;
    if (text.data[0] != '/')
        return parse_absolute(target, text);
    split_path(target, text);
    return true;
}

/* The parts of a URL as they were written. */
struct parts {
    struct authority authority;
    wws_string path;
    wws_string query;
};

static const char *split_url(
    struct wwi_url *url,
    struct parts *parts,
    wws_string text)
{
    wws_string scheme = take_until(&text, ":/?#");
    wws_string authority;
    const char *at;
    int found = 0;

    while (found < SCHEMES && !wwi_text_is(scheme, schemes[found].name))
        found++;
    if (found == SCHEMES || !take_prefix(&text, "://"))
        return "the scheme is unknown";
    url->scheme = (enum wwi_url_scheme) found;
    authority = take_until(&text, "/?#");
    while (authority.size != 0
        && (at = memchr(authority.data, '@', authority.size)) != NULL)
        wwi_text_split(&authority, (size_t) (at + 1 - authority.data));
    parts->path = take_until(&text, "?#");
    url->has_query = wwi_text_take_char(&text, '?');
    parts->query = take_until(&text, "#");
    url->has_fragment = text.size != 0;
    if (parts->path.size == 0)
        parts->path = WWS_STR("/");
    return parse_authority(&parts->authority, authority);
}

static void append_host(struct wwi_bytes *out, const struct authority *from)
{
    if (from->ipv6)
        wwi_bytes_append_char(out, '[');
    for (size_t i = 0; i < from->host.size; i++)
        wwi_bytes_append_char(out, wwi_char_lower(from->host.data[i]));
    if (from->ipv6)
        wwi_bytes_append_char(out, ']');
}

/* Keeps escapes and escapes what may not stand for itself. */
static const char *append_escaped(
    struct wwi_bytes *out,
    wws_string text,
    const char *allowed)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if ((uint8_t) c < 0x20 || c == 0x7F)
            return "a control character in the URL";
        if (c == '%' && !is_escape(text, i))
            return "an invalid escape in the URL";
        if (c == '%' || wwi_char_is(c, WWI_CHAR_PATH) || strchr(allowed, c))
            wwi_bytes_append_char(out, c);
        else
            append_escape(out, (uint8_t) c);
    }
    return NULL;
}

/* Offsets of the parts in the text, which may move while it grows. */
struct marks {
    size_t authority;
    size_t path;
    size_t query;
};

static const char *write_url(
    struct wwi_url *url,
    const struct parts *parts,
    struct marks *marks)
{
    struct wwi_bytes *out = &url->text;
    const char *what;

    wwi_bytes_append_text(out, schemes[url->scheme].name);
    wwi_bytes_append_text(out, "://");
    marks->authority = out->size;
    append_host(out, &parts->authority);
    if (url->port != schemes[url->scheme].port
        || (parts->authority.has_port && url->port == 0)) {
        wwi_bytes_append_char(out, ':');
        wwi_bytes_append_number(out, url->port);
    }
    marks->path = out->size;
    what = append_escaped(out, parts->path, "");
    if (what != NULL)
        return what;
    if (!out->failed)
        remove_dots(out, marks->path);
    marks->query = out->size;
    if (!url->has_query)
        return NULL;
    wwi_bytes_append_char(out, '?');
    return append_escaped(out, parts->query, "?");
}

static void set_views(struct wwi_url *url, const struct marks *marks)
{
    const char *text = (const char *) url->text.data;
    size_t size = url->text.size;

    url->absolute = (wws_string) { text, size };
    url->authority = (wws_string) { text + marks->authority,
        marks->path - marks->authority };
    url->host = (wws_string) { url->authority.data + url->ipv6,
        url->host.size };
    url->target = (wws_string) { text + marks->path, size - marks->path };
    url->path = (wws_string) { text + marks->path,
        marks->query - marks->path };
    url->query = (wws_string) { text + marks->query + url->has_query,
        size - marks->query - url->has_query };
    url->zone = (wws_string) { (const char *) url->zone_text.data,
        url->zone_text.size };
}

static wws_status give_up(struct wwi_url *url, wws_status status)
{
    wwi_url_fini(url);
    return status;
}

wws_status wwi_url_parse(
    struct wwi_url *url,
    wws_string text,
    const char **what)
{
    struct parts parts = { 0 };
    struct authority *authority = &parts.authority;
    struct marks marks;

    *url = (struct wwi_url) { 0 };
    *what = split_url(url, &parts, text);
    if (*what != NULL)
        return give_up(url, WWS_E_INVALID_ENDPOINT_URL);
    url->port = authority->has_port ? authority->port
                                    : schemes[url->scheme].port;
    url->ipv6 = authority->ipv6;
    url->wildcard = is_wildcard(authority->host);
    url->host.size = authority->host.size;
    *what = write_url(url, &parts, &marks);
    if (*what != NULL)
        return give_up(url, WWS_E_INVALID_ENDPOINT_URL);
    wwi_bytes_append_string(&url->zone_text, authority->zone);
    if (url->text.failed || url->zone_text.failed) {
        *what = "out of memory";
        return give_up(url, WWS_E_OUTOFMEMORY);
    }
    set_views(url, &marks);
    return 0;
}

void wwi_url_fini(struct wwi_url *url)
{
    wwi_bytes_fini(&url->text);
    wwi_bytes_fini(&url->zone_text);
    *url = (struct wwi_url) { 0 };
}

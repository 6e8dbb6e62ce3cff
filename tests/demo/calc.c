/* The bodies of the Calculator.  Reading takes any prefix, for other people's
 * clients choose their own; that is all the XML there is to understand. */
#include "calc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *action;
    const char *result;
} operations[] = {
    [CALC_ADD] = { "Add", CALC_NAMESPACE "/Add", "AddResult" },
    [CALC_ADD_LATER] = { "AddLater", CALC_NAMESPACE "/AddLater",
        "AddLaterResult" },
};

wws_string calc_action(enum calc_operation operation)
{
    const char *action = operations[operation].action;

    return (wws_string) { action, strlen(action) };
}

wws_bytes calc_request(
    char *text,
    enum calc_operation operation,
    long a,
    long b)
{
    const char *name = operations[operation].name;
    int size = snprintf(text, CALC_SIZE,
        "<%s xmlns=\"" CALC_NAMESPACE "\"><a>%ld</a><b>%ld</b></%s>", name, a,
        b, name);

    return (wws_bytes) { text, (size_t) size };
}

wws_bytes calc_reply(char *text, enum calc_operation operation, long sum)
{
    const char *name = operations[operation].name;
    const char *result = operations[operation].result;
    int size = snprintf(text, CALC_SIZE,
        "<%sResponse xmlns=\"" CALC_NAMESPACE "\"><%s>%ld</%s></%sResponse>",
        name, result, sum, result, name);

    return (wws_bytes) { text, (size_t) size };
}

/* The octets behind <name> or <prefix:name>. */
static const char *content_of(const char *text, const char *name)
{
    size_t size = strlen(name);
    const char *at = text;

    while ((at = strstr(at, name)) != NULL) {
        if (at > text && (at[-1] == '<' || at[-1] == ':') && at[size] == '>')
            return at + size + 1;
        at += size;
    }
    return NULL;
}

static bool read_number(wws_bytes body, const char *name, long *value)
{
    char text[1024];
    const char *content;
    char *end;

    if (body.size >= sizeof text)
        return false;
    memcpy(text, body.data, body.size);
    text[body.size] = '\0';
    content = content_of(text, name);
    if (content == NULL)
        return false;
    *value = strtol(content, &end, 10);
    return end != content && *end == '<';
}

bool calc_read_request(wws_bytes body, long *a, long *b)
{
    return read_number(body, "a", a) && read_number(body, "b", b);
}

bool calc_read_reply(wws_bytes body, enum calc_operation operation, long *sum)
{
    return body.size != 0
        && read_number(body, operations[operation].result, sum);
}

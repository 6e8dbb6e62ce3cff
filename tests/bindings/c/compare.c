/* Work that is over, held against what the scenario says of it. */
#include "runner.h"

static const char *phase_name(wws_phase phase)
{
    static const char *const names[] = { "none", "queue", "resolve", "connect",
        "proxy", "handshake", "auth", "send", "wait", "headers", "body",
        "decompress", "accept", "close" };

    return phase < sizeof names / sizeof *names ? names[phase] : "unknown";
}

static const char *progress_name(wws_progress progress)
{
    static const char *const names[] = { "not_sent", "partly_sent", "sent",
        "replying" };

    return progress < sizeof names / sizeof *names ? names[progress]
                                                   : "unknown";
}

static const char *code_name(wws_fault_code code)
{
    static const char *const names[] = { "receiver", "sender",
        "must_understand", "version_mismatch", "data_encoding_unknown" };

    return code < sizeof names / sizeof *names ? names[code] : "unknown";
}

static bool is_among(const char *there, const char *wanted)
{
    size_t size = strcspn(wanted, "|");

    if (strlen(there) == size && memcmp(wanted, there, size) == 0)
        return true;
    return wanted[size] != '\0' && is_among(there, wanted + size + 1);
}

/* Whether the option, if it is there, says what there is. */
static bool same(
    struct run *run,
    const struct line *line,
    const char *name,
    const char *there)
{
    const char *wanted = option(line, name);

    return wanted == NULL || is_among(there, wanted)
        || wrong(run, "%s %s, not %s", name, there, wanted);
}

static char *reply_text(const struct work *work)
{
    wws_bytes body = { work->reply_body.data, work->reply_body.size };

    if (body.size == 0)
        (void) wws_message_get_body(work->reply, &body, none);
    return text_in(body);
}

static bool compare_reply(
    struct run *run,
    const struct line *line,
    struct work *work)
{
    const char *option_text = option(line, "reply");
    char *wanted = expanded(option_text == NULL ? "" : option_text);
    char *text = reply_text(work);
    bool good = option_text == NULL || strcmp(wanted, text) == 0
        || wrong(run, "reply %.80s, not %.80s", text, wanted);

    free(text);
    free(wanted);
    return good;
}

static bool compare_fault(
    struct run *run,
    const struct line *line,
    struct work *work)
{
    wws_fault_info fault = WWS_FAULT_INFO_INIT;
    char *subcode;
    char *detail;
    bool good;

    if (wws_error_get_fault(work->error, &fault) != WWS_S_OK)
        return same(run, line, "fault", "-") && same(run, line, "code", "-")
            && same(run, line, "detail", "-");
    subcode = strndup(fault.subcode_name.data, fault.subcode_name.size);
    detail = text_in(fault.detail);
    good = same(run, line, "fault", subcode)
        && same(run, line, "code", code_name(fault.code))
        && same(run, line, "detail", detail);
    free(subcode);
    free(detail);
    return good;
}

bool work_compare(
    struct run *run,
    const struct line *line,
    struct work *work,
    struct result *result)
{
    wws_error_info info = WWS_ERROR_INFO_INIT;

    result->phase = "-";
    result->progress = "-";
    if (work->status >= 0)
        return compare_reply(run, line, work);
    (void) wws_error_get_info(work->error, &info);
    result->phase = phase_name(info.phase);
    result->progress = progress_name(info.progress);
    return same(run, line, "phase", result->phase)
        && same(run, line, "progress", result->progress)
        && compare_fault(run, line, work);
}

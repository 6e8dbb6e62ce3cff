/* The strings of a wws_error.  Strings are kept innermost first, so that a
 * layer that gives up later only appends. */
#include "core/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/memory.h"
#include "core/base/text.h"

static void free_strings(struct wwi_error_string *strings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strings[i].owned)
            wwi_free((void *) (uintptr_t) strings[i].text);
}

static void clear(struct wwi_error *error)
{
    free_strings(error->strings, error->count);
    error->count = 0;
    wwi_fault_fini(&error->fault);
    error->has_fault = false;
    error->outcome = (struct wwi_outcome) { 0 };
}

static void destroy(struct wwi_object *object)
{
    struct wwi_error *error = WWI_CONTAINER(object, struct wwi_error, object);

    clear(error);
    wwi_free(error);
}

struct wwi_error *wwi_error_new(void)
{
    struct wwi_error *error = wwi_alloc_zero(sizeof *error);

    if (error == NULL)
        return NULL;
    if (wwi_object_init(&error->object, WWI_KIND_ERROR, destroy) < 0) {
        wwi_free(error);
        return NULL;
    }
    return error;
}

wws_status wwi_error_create(wws_error *handle)
{
    struct wwi_error *error = wwi_error_new();

    if (error == NULL)
        return WWS_E_OUTOFMEMORY;
    handle->id = error->object.id;
    return WWS_S_OK;
}

wws_status wwi_error_free(struct wwi_error *error)
{
    if (!wwi_object_close(&error->object))
        return WWS_E_HANDLE;
    wwi_object_unref(&error->object);
    return WWS_S_OK;
}

wws_status wwi_error_reset(struct wwi_error *error)
{
    clear(error);
    return WWS_S_OK;
}

wws_status wwi_error_get_info(struct wwi_error *error, wws_error_info *info)
{
    wws_error_info ours = WWS_ERROR_INFO_INIT;

    ours.status = error->outcome.status;
    ours.original_code = error->outcome.original_code;
    ours.progress = error->outcome.progress;
    ours.phase = error->outcome.phase;
    ours.http_status = error->outcome.http_status;
    ours.has_fault = error->has_fault;
    ours.string_count = error->count;
    wwi_record_put(info, &ours, sizeof ours);
    return WWS_S_OK;
}

wws_status wwi_error_get_string(
    struct wwi_error *error,
    uint32_t index,
    wws_string *text)
{
    const struct wwi_error_string *string;

    if (index >= error->count)
        return WWS_E_INVALIDARG;
    string = &error->strings[error->count - 1 - index];
    *text = (wws_string) { string->text, string->size };
    return WWS_S_OK;
}

wws_status wwi_error_get_fault(struct wwi_error *error, wws_fault_info *fault)
{
    if (!error->has_fault)
        return WWS_S_END;
    wwi_record_put(fault, &error->fault.info, sizeof error->fault.info);
    return WWS_S_OK;
}

static void push(
    struct wwi_error *error,
    const char *text,
    size_t size,
    bool owned)
{
    if (error->count == WWI_ERROR_STRINGS) {
        if (owned)
            wwi_free((void *) (uintptr_t) text);
        return;
    }
    error->strings[error->count++] = (struct wwi_error_string) {
        .text = text,
        .size = size,
        .owned = owned,
    };
}

wws_status wwi_error_add_string(struct wwi_error *error, wws_string text)
{
    char *copy;

    if (error->count == WWI_ERROR_STRINGS)
        return WWS_E_QUOTA_EXCEEDED;
    copy = wwi_alloc(text.size + 1);
    if (copy == NULL)
        return WWS_E_OUTOFMEMORY;
    if (text.size != 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    push(error, copy, text.size, true);
    return WWS_S_OK;
}

wws_status wwi_error_set_fault(
    struct wwi_error *error,
    const wws_fault *fault)
{
    wws_fault_info info = wwi_fault_seen(fault);
    struct wwi_fault copy = { 0 };
    wws_status status;

    if (wwi_fault_refusal(fault, &status) != NULL)
        return status;
    if (!wwi_fault_copy(&copy, &info))
        return WWS_E_OUTOFMEMORY;
    (void) wwi_error_add_string(error, fault->reason);
    wwi_error_take_fault(error, &copy);
    return WWS_S_OK;
}

static bool copy_strings(
    const struct wwi_error *from,
    struct wwi_error_string *strings)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct wwi_error_string *string = &from->strings[i];
        char *copy;

        strings[i] = *string;
        if (!string->owned)
            continue;
        copy = wwi_string_copy((wws_string) { string->text, string->size });
        if (copy == NULL) {
            free_strings(strings, i);
            return false;
        }
        strings[i].text = copy;
    }
    return true;
}

wws_status wwi_error_copy(struct wwi_error *self, struct wwi_error *original)
{
    struct wwi_error_string strings[WWI_ERROR_STRINGS];
    struct wwi_fault fault = { 0 };

    if (self == original)
        return WWS_S_OK;
    if (original->has_fault && !wwi_fault_copy(&fault, &original->fault.info))
        return WWS_E_OUTOFMEMORY;
    if (!copy_strings(original, strings)) {
        wwi_fault_fini(&fault);
        return WWS_E_OUTOFMEMORY;
    }
    clear(self);
    self->outcome = original->outcome;
    self->count = original->count;
    memcpy(self->strings, strings, self->count * sizeof *strings);
    self->fault = fault;
    self->has_fault = original->has_fault;
    return WWS_S_OK;
}

wws_status wwi_fail(
    struct wwi_error *error,
    wws_status status,
    const char *format,
    ...)
{
    char text[512];
    va_list arguments;
    int size;

    if (error == NULL)
        return status;
    error->outcome.status = status;
    va_start(arguments, format);
    size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0)
        return status;
    if ((size_t) size >= sizeof text)
        size = (int) wwi_utf8_whole(text, sizeof text - 1);
    (void) wwi_error_add_string(error, (wws_string) { text, (size_t) size });
    return status;
}

wws_status wwi_fail_static(
    struct wwi_error *error,
    wws_status status,
    const char *text)
{
    if (error == NULL)
        return status;
    error->outcome.status = status;
    push(error, text, strlen(text), false);
    return status;
}

/* What the system says comes before all that we say of it. */
static void push_innermost(struct wwi_error *error, const char *text)
{
    if (error->count == WWI_ERROR_STRINGS)
        return;
    memmove(error->strings + 1, error->strings,
        error->count * sizeof *error->strings);
    error->strings[0] = (struct wwi_error_string) {
        .text = text,
        .size = strlen(text),
    };
    error->count++;
}

void wwi_error_set_outcome(
    struct wwi_error *error,
    const struct wwi_outcome *outcome)
{
    const char *system = NULL;

    if (error == NULL)
        return;
    error->outcome = *outcome;
    if (outcome->original_code != 0)
        system = strerrordesc_np(outcome->original_code);
    if (system != NULL)
        push_innermost(error, system);
    if (outcome->text != NULL)
        push(error, outcome->text, strlen(outcome->text), false);
}

void wwi_error_take_fault(struct wwi_error *error, struct wwi_fault *fault)
{
    if (error == NULL) {
        wwi_fault_fini(fault);
        return;
    }
    wwi_fault_fini(&error->fault);
    error->fault = *fault;
    error->has_fault = true;
    *fault = (struct wwi_fault) { 0 };
}

void wwi_record_put(void *theirs, const void *ours, uint32_t our_size)
{
    uint32_t their_size;

    memcpy(&their_size, theirs, sizeof their_size);
    memcpy(theirs, ours, their_size < our_size ? their_size : our_size);
    if (their_size > our_size)
        memset((char *) theirs + our_size, 0, their_size - our_size);
    memcpy(theirs, &their_size, sizeof their_size);
}

void wwi_error_tell(const struct wwi_error *error, struct wwi_bytes *text)
{
    for (uint32_t i = error->count; i-- > 0;) {
        wwi_bytes_append(text, error->strings[i].text, error->strings[i].size);
        if (i != 0)
            wwi_bytes_append_text(text, ": ");
    }
    if (error->count == 0 && error->outcome.status < 0)
        wwi_bytes_append_text(text, wwi_status_name(error->outcome.status));
}

#define NAME(status) case status: return #status

const char *wwi_status_name(wws_status status)
{
    switch (status) {
    NAME(WWS_S_OK);
    NAME(WWS_S_ASYNC);
    NAME(WWS_S_END);
    NAME(WWS_E_INVALID_FORMAT);
    NAME(WWS_E_OBJECT_FAULTED);
    NAME(WWS_E_NUMERIC_OVERFLOW);
    NAME(WWS_E_INVALID_OPERATION);
    NAME(WWS_E_OPERATION_ABORTED);
    NAME(WWS_E_ENDPOINT_ACCESS_DENIED);
    NAME(WWS_E_OPERATION_TIMED_OUT);
    NAME(WWS_E_OPERATION_ABANDONED);
    NAME(WWS_E_QUOTA_EXCEEDED);
    NAME(WWS_E_NO_TRANSLATION_AVAILABLE);
    NAME(WWS_E_SECURITY_VERIFICATION_FAILURE);
    NAME(WWS_E_ADDRESS_IN_USE);
    NAME(WWS_E_ADDRESS_NOT_AVAILABLE);
    NAME(WWS_E_ENDPOINT_NOT_FOUND);
    NAME(WWS_E_ENDPOINT_NOT_AVAILABLE);
    NAME(WWS_E_ENDPOINT_FAILURE);
    NAME(WWS_E_ENDPOINT_UNREACHABLE);
    NAME(WWS_E_ENDPOINT_ACTION_NOT_SUPPORTED);
    NAME(WWS_E_ENDPOINT_TOO_BUSY);
    NAME(WWS_E_ENDPOINT_FAULT_RECEIVED);
    NAME(WWS_E_ENDPOINT_DISCONNECTED);
    NAME(WWS_E_PROXY_FAILURE);
    NAME(WWS_E_PROXY_ACCESS_DENIED);
    NAME(WWS_E_NOT_SUPPORTED);
    NAME(WWS_E_PROXY_REQUIRES_BASIC_AUTH);
    NAME(WWS_E_PROXY_REQUIRES_DIGEST_AUTH);
    NAME(WWS_E_PROXY_REQUIRES_NTLM_AUTH);
    NAME(WWS_E_PROXY_REQUIRES_NEGOTIATE_AUTH);
    NAME(WWS_E_SERVER_REQUIRES_BASIC_AUTH);
    NAME(WWS_E_SERVER_REQUIRES_DIGEST_AUTH);
    NAME(WWS_E_SERVER_REQUIRES_NTLM_AUTH);
    NAME(WWS_E_SERVER_REQUIRES_NEGOTIATE_AUTH);
    NAME(WWS_E_INVALID_ENDPOINT_URL);
    NAME(WWS_E_OTHER);
    NAME(WWS_E_SECURITY_TOKEN_EXPIRED);
    NAME(WWS_E_SECURITY_SYSTEM_FAILURE);
    NAME(WWS_E_INVALIDARG);
    NAME(WWS_E_OUTOFMEMORY);
    NAME(WWS_E_HANDLE);
    NAME(WWS_E_OPERATION_CANCELLED);
    NAME(WWS_E_FORKED);
    default: return "unknown";
    }
}

/* The strings of a wws_error, one for each layer that gave up.
 *
 * Texts that are the library's own constants take no memory, so that cancelling
 * can explain itself without allocating.  Running out of memory here never
 * changes the result of anything: the string is just missing. */
#ifndef WWI_ERROR_H
#define WWI_ERROR_H

#include "core/base/bytes.h"
#include "core/base/fault.h"
#include "core/base/table.h"
#include "wws/types.h"

enum { WWI_ERROR_STRINGS = 16 };

/* What an operation says of itself when it ends. */
struct wwi_outcome {
    wws_status status;
    wws_phase phase;
    wws_progress progress;
    uint32_t http_status;
    int32_t original_code;
    /* A constant, or null. */
    const char *text;
};

struct wwi_error {
    struct wwi_object object;
    /* An asynchronous function has it until its caller hears. */
    _Atomic bool pending;
    struct wwi_outcome outcome;
    uint32_t count;
    /* Innermost first. */
    struct wwi_error_string {
        const char *text;
        size_t size;
        bool owned;
    } strings[WWI_ERROR_STRINGS];
    struct wwi_fault fault;
    bool has_fault;
};

wws_status wwi_error_create(wws_error *error);
/* The same for our own use; null when there is no memory. */
struct wwi_error *wwi_error_new(void);
wws_status wwi_error_free(struct wwi_error *error);
wws_status wwi_error_reset(struct wwi_error *error);
wws_status wwi_error_get_info(struct wwi_error *error, wws_error_info *info);
wws_status wwi_error_get_string(
    struct wwi_error *error,
    uint32_t index,
    wws_string *text);
wws_status wwi_error_get_fault(struct wwi_error *error, wws_fault_info *fault);
wws_status wwi_error_add_string(struct wwi_error *error, wws_string text);
wws_status wwi_error_set_fault(
    struct wwi_error *error,
    const wws_fault *fault);
wws_status wwi_error_copy(struct wwi_error *self, struct wwi_error *original);

/* Appends all strings, the outermost first; the name of the status, if there
 * are none. */
void wwi_error_tell(const struct wwi_error *error, struct wwi_bytes *text);

/* Everything below takes null for an error that nobody wants. */

/* Adds a string, records the status and returns it. */
wws_status wwi_fail(
    struct wwi_error *error,
    wws_status status,
    const char *format,
    ...) __attribute__((format(printf, 3, 4)));
/* The same with a text that lives for ever; needs no memory. */
wws_status wwi_fail_static(
    struct wwi_error *error,
    wws_status status,
    const char *text);
void wwi_error_set_outcome(
    struct wwi_error *error,
    const struct wwi_outcome *outcome);
/* Takes the fault over. */
void wwi_error_take_fault(struct wwi_error *error, struct wwi_fault *fault);

/* Copies a record over the caller's, which may be of another version. */
void wwi_record_put(void *theirs, const void *ours, uint32_t our_size);

/* The name of a status. */
const char *wwi_status_name(wws_status status);

#endif

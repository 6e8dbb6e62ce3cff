/* What a client makes of the envelope that answered it. */
#include "core/channel/reply.h"

#include "core/base/text.h"
#include "core/transport/media_type.h"

static wws_status put_fields(
    struct wwi_message *message,
    const struct wwi_fields *fields)
{
    uint32_t index = 0;
    wws_string name, value;

    while (fields->next(fields->state, &index, &name, &value)) {
        wws_status status = wwi_mapped_add(&message->mapped, name, value);

        if (status < 0)
            return status;
    }
    return WWS_S_OK;
}

static wws_status check_relation(
    const struct wwi_envelope *envelope,
    const struct wwi_reply_rules *rules,
    struct wwi_error *error)
{
    wws_string relates_to = envelope->standard[WWS_HEADER_RELATES_TO];

    if (rules->request_id.size == 0 || relates_to.size == 0
        || wwi_string_equal(relates_to, rules->request_id))
        return WWS_S_OK;
    return wwi_fail_static(error, WWS_E_INVALID_FORMAT,
        "the reply relates to another message");
}

static wws_status give_fault(
    const wws_fault_info *fault,
    struct wwi_error *error)
{
    struct wwi_fault copy = { 0 };
    wws_status status = wwi_fault_status(fault);
    wws_string reason = fault->reason;

    if (error != NULL && wwi_fault_copy(&copy, fault))
        wwi_error_take_fault(error, &copy);
    if (reason.size > 300)
        reason.size = wwi_utf8_whole(reason.data, 300);
    return wwi_fail(error, status, "the service answered with a fault: %.*s",
        (int) reason.size, reason.size != 0 ? reason.data : "");
}

static wws_status read_reply(
    struct wwi_message *message,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    const struct wwi_reply_rules *rules,
    struct wwi_error *error)
{
    struct wwi_decode_params params = {
        .envelope_version = rules->envelope_version,
        .addressing_version = rules->addressing_version,
        .charset = wwi_fields_charset(fields),
        .max_size = rules->max_message_size,
        .begins = rules->begins,
    };
    const wws_fault_info *fault;
    wws_status status;

    /* The fields come second, for a message that takes no envelope is to have
     * nothing of this reply. */
    status = wwi_message_decode(message, envelope, &params, error);
    if (status < 0)
        return status;
    status = put_fields(message, fields);
    if (status < 0) {
        wwi_message_clear(message);
        return wwi_fail_static(error, status, "no memory for the fields");
    }
    status = check_relation(wwi_message_envelope(message), rules, error);
    if (status < 0)
        return status;
    fault = wwi_message_fault(message);
    if (fault == NULL && rules->http_status >= 400)
        return wwi_fail(error, WWS_E_ENDPOINT_FAILURE,
            "the server answered %u with a reply that is no fault",
            (unsigned) rules->http_status);
    if (fault != NULL && rules->faults_as_errors)
        return give_fault(fault, error);
    return WWS_S_OK;
}

wws_status wwi_reply_read(
    struct wwi_message *message,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    const struct wwi_reply_rules *rules,
    struct wwi_error *error)
{
    wws_status status = read_reply(message, envelope, fields, rules, error);

    if (status < 0 && rules->begins)
        wwi_message_clear(message);
    return status;
}

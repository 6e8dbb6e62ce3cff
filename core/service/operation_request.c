/* From a request to an operation: what cannot be served is answered here. */
#include "core/service/operation_parts.h"

#include "core/base/text.h"
#include "core/transport/media_type.h"

static wws_status copy_fields(
    struct wwi_message *message,
    const struct wwi_fields *fields)
{
    wws_status status = WWS_S_OK;
    wws_string name, value;
    uint32_t index = 0;

    while (status >= 0 && fields->next != NULL
        && fields->next(fields->state, &index, &name, &value))
        status = wwi_mapped_add(&message->mapped, name, value);
    return status;
}

/* Without addressing, what the transport says is the action. */
static wws_status decode(struct wwi_operation *self, struct wwi_error *error)
{
    struct wwi_message *request = self->request;
    struct wwi_incoming *incoming = self->incoming;
    struct wwi_decode_params params = {
        .envelope_version = request->options.envelope_version,
        .addressing_version = request->options.addressing_version,
        .charset = wwi_fields_charset(&incoming->fields),
        .max_size = self->server->endpoint->options.max_message_size,
    };
    wws_status status = wwi_message_begin_use(request, error);

    if (status < 0)
        return status;
    status = copy_fields(request, &incoming->fields);
    if (status >= 0)
        status = wwi_message_decode(request, &incoming->envelope, &params,
            error);
    if (status >= 0 && incoming->has_action
        && !wwi_operation_has_addressing(self))
        status = wwi_message_put_action(request, incoming->action);
    wwi_message_end_use(request);
    return status;
}

/* Whether the request can be served; if not, what it is answered with. */
static bool check_addressing(
    const struct wwi_operation *self,
    struct wwi_fault_about *about)
{
    const struct wwi_incoming *incoming = self->incoming;
    const struct wwi_envelope *envelope = &self->request->envelope;
    wws_string action = wwi_message_action(self->request);

    if (!wwi_operation_has_addressing(self))
        return true;
    about->action = action;
    about->transport_action = incoming->action;
    about->header = WWS_HEADER_ACTION;
    about->fault = WWI_FAULT_HEADER_REQUIRED;
    if (action.size == 0)
        return false;
    about->fault = WWI_FAULT_ACTION_MISMATCH;
    if (incoming->has_action && incoming->action.size != 0
        && !wwi_string_equal(incoming->action, action))
        return false;
    about->fault = WWI_FAULT_ONLY_ANONYMOUS;
    about->header = wwi_envelope_reply_header(envelope, false);
    if (wwi_envelope_reply_to(envelope, false) == WWI_REPLY_ELSEWHERE)
        return false;
    about->header = wwi_envelope_reply_header(envelope, true);
    return wwi_envelope_reply_to(envelope, true) != WWI_REPLY_ELSEWHERE;
}

static bool check_headers(
    struct wwi_operation *self,
    struct wwi_fault_about *about)
{
    const wws_endpoint_options *options = &self->server->endpoint->options;

    about->fault = WWI_FAULT_MUST_UNDERSTAND;
    about->request = &self->request->envelope;
    return options->allow_unknown_headers
        || wwi_message_check_must_understand(self->request, NULL) >= 0;
}

static struct wwi_fault_about about_undecoded(
    struct wwi_operation *self,
    wws_status status)
{
    const struct wwi_envelope *envelope =
        wwi_message_envelope(self->request);

    if (status == WWS_E_OUTOFMEMORY || envelope == NULL)
        return (struct wwi_fault_about) { .fault = WWI_FAULT_RECEIVER };
    return wwi_fault_about_envelope(envelope,
        self->request->options.envelope_version);
}

/* What it is known by while it runs. */
static bool keep_action(struct wwi_operation *self)
{
    wws_string action = wwi_message_action(self->request);

    self->action_text = wwi_string_copy(action);
    self->action = (wws_string) { self->action_text, action.size };
    return self->action_text != NULL;
}

static bool begin_reply(
    struct wwi_operation *self,
    struct wwi_fault_about *about)
{
    wws_status status = wwi_message_begin_use(self->reply, NULL);

    about->fault = WWI_FAULT_RECEIVER;
    if (status >= 0)
        status = wwi_operation_begin_answer(self, self->reply, false, NULL);
    wwi_message_end_use(self->reply);
    return status >= 0 && keep_action(self);
}

/* An answer that relates to nothing would be taken for a request of ours. */
static bool is_one_way(
    const struct wwi_operation *self,
    const struct wwi_envelope *envelope)
{
    return self->incoming->of_session
        && envelope->problem == WWI_ENVELOPE_FINE
        && envelope->standard[WWS_HEADER_MESSAGE_ID].size == 0;
}

static void take_endpoints(struct wwi_operation *self)
{
    const struct wwi_envelope *envelope =
        wwi_message_envelope(self->request);

    if (envelope == NULL || !wwi_operation_has_addressing(self))
        return;
    self->reply_to = wwi_envelope_reply_to(envelope, false);
    self->fault_to = wwi_envelope_reply_to(envelope, true);
    if (is_one_way(self, envelope))
        self->reply_to = self->fault_to = WWI_REPLY_NOWHERE;
}

/* The strings of an error, outermost first. */
static void describe(const struct wwi_error *error, struct wwi_bytes *out)
{
    for (uint32_t i = error->count; i-- > 0;) {
        wwi_bytes_append(out, error->strings[i].text, error->strings[i].size);
        if (i > 0)
            wwi_bytes_append_text(out, ": ");
    }
}

/* Answers with a fault before anybody could serve it. */
static void refuse(
    struct wwi_operation *self,
    struct wwi_fault_about *about,
    const struct wwi_error *error)
{
    struct wwi_bytes reason = { 0 };

    if (error != NULL)
        describe(error, &reason);
    if (!reason.failed && reason.size != 0)
        about->reason = (wws_string) {
            (const char *) reason.data, reason.size };
    wwi_operation_end_with_fault(self, about);
    wwi_bytes_fini(&reason);
}

static bool receive(struct wwi_operation *self)
{
    struct wwi_error *error =
        wwi_operation_discloses(self) ? wwi_error_new() : NULL;
    wws_status status = decode(self, error);
    struct wwi_fault_about about = { 0 };
    bool good;

    take_endpoints(self);
    if (status < 0) {
        about = about_undecoded(self, status);
        refuse(self, &about, error);
        good = false;
    } else {
        good = check_addressing(self, &about) && check_headers(self, &about)
            && begin_reply(self, &about);
        if (!good)
            refuse(self, &about, NULL);
    }
    if (error != NULL)
        (void) wwi_error_free(error);
    return good;
}

static struct wwi_operation *take_request(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_operation *self = wwi_operation_new(server, incoming);

    if (self == NULL) {
        incoming->calls->drop(incoming);
        wwi_service_host_release(server);
    }
    return self;
}

void wwi_operation_refuse(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_fault_about about = { .fault = WWI_FAULT_ENDPOINT_UNAVAILABLE };
    struct wwi_operation *self = take_request(server, incoming);

    if (self == NULL)
        return;
    (void) decode(self, NULL);
    take_endpoints(self);
    refuse(self, &about, NULL);
}

void wwi_operation_begin(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_operation *self = take_request(server, incoming);

    if (self != NULL && receive(self))
        wwi_operation_serve(self);
}

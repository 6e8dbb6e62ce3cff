/* From a request to an operation: what cannot be served is answered here.
 *
 * A request has up to three operations, one after the other: over HTTP it may
 * have to be accepted, as a channel of its own; it may have to be let in; and
 * it is served.  Each is made when the one before has succeeded. */
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
    const wws_endpoint_options *options = &self->server->endpoint->options;
    struct wwi_message *request = self->request;
    struct wwi_incoming *incoming = self->incoming;
    struct wwi_decode_params params = {
        .envelope_version = request->options.envelope_version,
        .addressing_version = request->options.addressing_version,
        .charset = wwi_fields_charset(&incoming->fields),
        .max_size = options->max_message_size,
        .limits = {
            .depth = options->max_depth,
            .attributes = options->max_attributes,
        },
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

bool wwi_operation_new_message(
    struct wwi_operation *self,
    struct wwi_message **message)
{
    const wws_endpoint_options *endpoint = &self->server->endpoint->options;
    wws_message_options options = WWS_MESSAGE_OPTIONS_INIT;

    options.envelope_version = endpoint->envelope_version;
    options.addressing_version = endpoint->addressing_version;
    options.max_headers = endpoint->max_headers;
    if (wwi_message_new(&options, message, NULL) < 0)
        return false;
    wwi_object_ref(&(*message)->object);
    return true;
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
    wws_status status;

    about->fault = WWI_FAULT_RECEIVER;
    if (!wwi_operation_new_message(self, &self->reply))
        return false;
    status = wwi_message_begin_use(self->reply, NULL);
    if (status >= 0)
        status = wwi_operation_begin_answer(self, self->reply, false, NULL);
    wwi_message_end_use(self->reply);
    return status >= 0;
}

/* An answer that relates to nothing would be taken for a request of ours. */
static bool is_one_way(
    const struct wwi_operation *self,
    const struct wwi_envelope *envelope)
{
    return self->incoming->of_session
        && envelope->standard[WWS_HEADER_MESSAGE_ID].size == 0;
}

static void answer_nothing(struct wwi_operation *self)
{
    self->reply_to = self->fault_to = WWI_REPLY_NOWHERE;
}

static void take_endpoints(struct wwi_operation *self)
{
    const struct wwi_envelope *envelope =
        wwi_message_envelope(self->request);

    if (wwi_endpoint_names(&self->server->endpoint->one_way,
        wwi_message_action(self->request)))
        answer_nothing(self);
    if (envelope == NULL || !wwi_operation_has_addressing(self)
        || self->fault_to == WWI_REPLY_NOWHERE)
        return;
    self->reply_to = wwi_envelope_reply_to(envelope, false);
    self->fault_to = wwi_envelope_reply_to(envelope, true);
    if (is_one_way(self, envelope))
        answer_nothing(self);
}

/* On a session whoever waits for the answer must be told apart from others,
 * also when what he has sent is refused. */
static bool find_sender(struct wwi_operation *self, wws_status status)
{
    struct wwi_envelope *envelope = wwi_message_envelope(self->request);

    if (status >= 0 || !self->incoming->of_session
        || !wwi_operation_has_addressing(self))
        return true;
    return envelope != NULL && wwi_envelope_find_sender(envelope) >= 0;
}

/* Who waits for an answer that would reach nobody hears that its session is
 * over, as do all others there. */
static void give_up_session(struct wwi_operation *self, wws_status status)
{
    wwi_log_write(wwi_operation_host(self)->member.runtime->log,
        WWS_LOG_LEVEL_ERROR, WWS_PHASE_HEADERS,
        "a session is given up, for a message cannot be read: %s",
        wwi_status_name(status));
    self->incoming->calls->drop(self->incoming);
    wwi_operation_discard(self);
}

/* Answers with a fault before anybody could serve it. */
static void refuse(
    struct wwi_operation *self,
    struct wwi_fault_about *about,
    const struct wwi_error *error)
{
    struct wwi_bytes reason = { 0 };

    if (error != NULL)
        wwi_error_tell(error, &reason);
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
    bool found = find_sender(self, status);
    bool good = false;

    take_endpoints(self);
    if (!found) {
        give_up_session(self, status);
    } else if (status < 0) {
        about = about_undecoded(self, status);
        refuse(self, &about, error);
    } else {
        good = check_addressing(self, &about) && check_headers(self, &about);
        about = good ? (struct wwi_fault_about) { 0 } : about;
        good = good && keep_action(self);
        if (!good)
            refuse(self, &about, NULL);
    }
    if (error != NULL)
        (void) wwi_error_free(error);
    return good;
}

/* A call, or a message for the default handler; false: neither. */
static bool choose_kind(
    struct wwi_operation *self,
    struct wwi_fault_about *about)
{
    const struct wwi_endpoint *endpoint = self->server->endpoint;
    bool all = endpoint->actions.count == 0
        && !endpoint->options.default_handler;
    bool named = wwi_endpoint_names(&endpoint->actions, self->action)
        || wwi_endpoint_names(&endpoint->one_way, self->action);

    self->kind = all || named ? WWS_OPERATION_KIND_CALL
        : WWS_OPERATION_KIND_MESSAGE;
    about->fault = WWI_FAULT_ACTION_NOT_SUPPORTED;
    about->action = self->action;
    return all || named || endpoint->options.default_handler;
}

/* One that has been received, and let in. */
static void serve(struct wwi_operation *self)
{
    struct wwi_fault_about about = { 0 };

    if (choose_kind(self, &about) && begin_reply(self, &about))
        wwi_operation_serve(self);
    else
        refuse(self, &about, NULL);
}

static void give_up(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    incoming->calls->drop(incoming);
    wwi_service_host_release(server);
}

/* With a message for the request. */
static struct wwi_operation *take_request(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming,
    wws_operation_kind kind)
{
    struct wwi_operation *self = wwi_operation_new(server, incoming, kind);

    if (self == NULL) {
        give_up(server, incoming);
        return NULL;
    }
    if (wwi_operation_new_message(self, &self->request))
        return self;
    incoming->calls->drop(incoming);
    wwi_operation_discard(self);
    return NULL;
}

static void begin_request(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming,
    struct wwi_service_session *session,
    bool follows)
{
    bool authorizes = server->endpoint->options.authorizes;
    struct wwi_operation *self = take_request(server, incoming, authorizes
        ? WWS_OPERATION_KIND_AUTHORIZE : WWS_OPERATION_KIND_CALL);

    if (self == NULL)
        return;
    wwi_operation_set_session(self, session);
    self->follows = follows;
    if (!receive(self))
        return;
    if (authorizes)
        wwi_operation_serve(self);
    else
        serve(self);
}

/* A channel that the application has still to accept. */
static void begin_channel(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming,
    struct wwi_service_session *session)
{
    struct wwi_operation *self = session == NULL ? NULL
        : wwi_operation_new(server, incoming,
            WWS_OPERATION_KIND_ACCEPT_CHANNEL);

    if (self == NULL) {
        give_up(server, incoming);
        return;
    }
    wwi_operation_set_session(self, session);
    wwi_operation_serve(self);
}

void wwi_operation_refuse(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_fault_about about = { .fault = WWI_FAULT_ENDPOINT_UNAVAILABLE };
    struct wwi_operation *self;
    wws_status status;

    if (incoming->announces) {
        give_up(server, incoming);
        return;
    }
    self = take_request(server, incoming, WWS_OPERATION_KIND_CALL);
    if (self == NULL)
        return;
    status = decode(self, NULL);
    if (!find_sender(self, status)) {
        give_up_session(self, status);
        return;
    }
    take_endpoints(self);
    refuse(self, &about, NULL);
}

void wwi_operation_begin(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming)
{
    struct wwi_service_session *session;

    if (incoming->announces) {
        begin_channel(server, incoming, incoming->channel);
    } else if (server->endpoint->options.channel_events
        && !incoming->of_session) {
        session = wwi_service_session_new(server);
        begin_channel(server, incoming, session);
        wwi_service_session_unref(session);
    } else {
        begin_request(server, incoming,
            incoming->of_session ? incoming->channel : NULL, false);
    }
}

/* The call of a request that has been let in. */
static void go_on_to_call(struct wwi_operation *before)
{
    struct wwi_endpoint_server *server = before->server;
    struct wwi_operation *self;

    wwi_service_host_hold(server);
    self = wwi_operation_new(server, before->incoming,
        WWS_OPERATION_KIND_CALL);
    if (self == NULL) {
        give_up(server, before->incoming);
        return;
    }
    wwi_operation_set_session(self, before->session);
    self->follows = true;
    self->request = before->request;
    self->action_text = before->action_text;
    self->action = before->action;
    self->reply_to = before->reply_to;
    self->fault_to = before->fault_to;
    before->request = NULL;
    before->action_text = NULL;
    serve(self);
}

void wwi_operation_go_on(struct wwi_operation *before)
{
    if (before->kind == WWS_OPERATION_KIND_AUTHORIZE) {
        go_on_to_call(before);
        return;
    }
    wwi_service_host_hold(before->server);
    begin_request(before->server, before->incoming, before->session, true);
}

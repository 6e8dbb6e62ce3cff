/* What the files that make up an operation share. */
#ifndef WWI_OPERATION_PARTS_H
#define WWI_OPERATION_PARTS_H

#include "core/service/operation.h"
#include "core/service/service_session.h"

/* Until the operation is over. */
static inline struct wwi_service_host *wwi_operation_host(
    const struct wwi_operation *self)
{
    return self->server->endpoint->host;
}

static inline bool wwi_operation_discloses(const struct wwi_operation *self)
{
    return wwi_operation_host(self)->options.fault_disclosure
        == WWS_FAULT_DISCLOSURE_FULL;
}

static inline bool wwi_operation_has_addressing(
    const struct wwi_operation *self)
{
    return self->request->options.addressing_version
        != WWS_ADDRESSING_VERSION_TRANSPORT;
}

/* operation.c: one without messages; null without memory, the arguments are
 * then the caller's. */
struct wwi_operation *wwi_operation_new(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming,
    wws_operation_kind kind);
/* Gives up one that nobody has heard of, but not its request. */
void wwi_operation_discard(struct wwi_operation *self);
/* The operation belongs to the channel, and has a reference to it. */
void wwi_operation_set_session(
    struct wwi_operation *self,
    struct wwi_service_session *session);
/* Takes one that has been received to who serves it. */
void wwi_operation_serve(struct wwi_operation *self);
/* While somebody has it in hand the operation is not answered: whoever puts it
 * down last does that.  WWS_E_HANDLE when it has completed. */
wws_status wwi_operation_take(
    struct wwi_operation *self,
    struct wwi_error *error);
void wwi_operation_put_down(struct wwi_operation *self);
bool wwi_operation_is_cancelled(const struct wwi_operation *self);
/* Ends one that cannot be served. */
void wwi_operation_end_with_fault(
    struct wwi_operation *self,
    const struct wwi_fault_about *about);

/* operation_request.c: a message that can be answered; false without memory. */
bool wwi_operation_new_message(
    struct wwi_operation *self,
    struct wwi_message **message);
/* What has been let through goes on: a channel to its request, a request to who
 * serves it.  Uses up the request. */
void wwi_operation_go_on(struct wwi_operation *self);

/* operation_answer.c: what these two send uses up the request. */
void wwi_operation_answer(struct wwi_operation *self, wws_status status);
void wwi_operation_send_fault(
    struct wwi_operation *self,
    const struct wwi_fault_about *about);
/* Makes an empty message the answer to the request, of which nothing is known
 * while the application has it in use. */
wws_status wwi_operation_begin_answer(
    struct wwi_operation *self,
    struct wwi_message *message,
    bool fault,
    struct wwi_error *error);
wws_status wwi_operation_new_fault(
    struct wwi_operation *self,
    struct wwi_message **message,
    struct wwi_error *error);

#endif

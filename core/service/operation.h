/* Something that a host asks the application for: a call to be served, from the
 * request to the answer, or what goes before and after calls.
 *
 * One word decides everything; see operation.c.  Whoever completes an operation
 * writes the answer; it is over when, besides, its callback and a cancel
 * callback have returned.  Its memory stays while somebody refers to it. */
#ifndef WWI_OPERATION_H
#define WWI_OPERATION_H

#include <stdatomic.h>

#include "core/channel/message.h"
#include "core/io/queue.h"
#include "core/io/work.h"
#include "core/service/service_host.h"
#include "core/xml/addressing.h"

struct wwi_operation {
    struct wwi_object object;
    struct wwi_link link; /* of the host, under its lock */
    _Atomic uint32_t state;

    /* Set before it is served, then read only. */
    wws_operation_kind kind;
    struct wwi_endpoint_server *server; /* not used after it is over */
    struct wwi_service_session *session; /* likewise; or null */
    struct wwi_message *request;         /* or null */
    struct wwi_message *reply;           /* or null */
    bool follows; /* another one, on whatever thread that ended */
    char *action_text;
    wws_string action;
    enum wwi_reply_to reply_to;
    enum wwi_reply_to fault_to;
    uint32_t endpoint_index;
    uint64_t channel;
    void *user_state;
    void *queue_state;

    /* Belongs to who completes it, or has it in hand; may be null. */
    struct wwi_incoming *incoming;
    wws_status status; /* that it completed with */
    void *_Atomic channel_state;
    struct wwi_message *_Atomic fault;
    struct wwi_error *_Atomic error;
    struct wwi_work work;
    struct wwi_queue_entry entry;

    struct { /* set by who registers, before it says so in the state */
        wws_cancel_callbacks callbacks;
        struct wwi_queue *queue;
        struct wwi_work work;
        struct wwi_queue_entry entry;
    } cancel;
};

/* The interface; see schema/wws/operation.proto. */
wws_status wwi_operation_get_info(
    struct wwi_operation *self,
    wws_operation_info *info,
    struct wwi_error *error);
wws_status wwi_operation_get_body(
    struct wwi_operation *self,
    wws_bytes *body,
    struct wwi_error *error);
wws_status wwi_operation_set_reply(
    struct wwi_operation *self,
    wws_bytes body,
    struct wwi_error *error);
wws_status wwi_operation_set_fault(
    struct wwi_operation *self,
    const wws_fault *fault,
    struct wwi_error *error);
wws_status wwi_operation_get_request(
    struct wwi_operation *self,
    wws_message *message,
    struct wwi_error *error);
wws_status wwi_operation_get_reply(
    struct wwi_operation *self,
    wws_message *message,
    struct wwi_error *error);
wws_status wwi_operation_get_error(
    struct wwi_operation *self,
    wws_error *reason,
    struct wwi_error *error);
wws_status wwi_operation_set_channel_state(
    struct wwi_operation *self,
    void *channel_state,
    struct wwi_error *error);
wws_status wwi_operation_get_text(
    struct wwi_operation *self,
    wws_operation_text property,
    wws_buffer *text,
    struct wwi_error *error);
wws_status wwi_operation_abort_channel(struct wwi_operation *self);
wws_status wwi_operation_register_for_cancel(
    struct wwi_operation *self,
    const wws_cancel_callbacks *callbacks,
    struct wwi_error *error);
wws_status wwi_operation_complete(
    struct wwi_operation *self,
    wws_status status,
    struct wwi_error *error);

/* For the host.  Both take over the request and its reference of the server. */
void wwi_operation_begin(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming);
/* Answers that the endpoint serves no more. */
void wwi_operation_refuse(
    struct wwi_endpoint_server *server,
    struct wwi_incoming *incoming);

/* Tells it that nobody wants its answer any more, once.  No callback runs
 * inside. */
void wwi_operation_cancel(
    struct wwi_operation *operation,
    wws_cancel_reason reason);

#endif

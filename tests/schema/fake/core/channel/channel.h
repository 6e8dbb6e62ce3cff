/* What core would offer to the veneer of the small interface. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "wws/types.h"

struct wwi_channel;
struct wwi_error;
struct wwi_operation;
struct wwi_runtime;

wws_status wwi_channel_create(
    struct wwi_runtime *runtime,
    const wws_channel_options *options,
    wws_channel *channel,
    struct wwi_error *error);
wws_status wwi_channel_open(
    struct wwi_channel *channel,
    wws_string address,
    const wws_inspector *inspector,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_send(
    struct wwi_channel *channel,
    wws_direction direction,
    wws_buffer *body,
    wws_bytes trailer,
    struct wwi_operation *operation,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_receive(
    struct wwi_channel *channel,
    wws_operation *operation,
    wws_buffer *body,
    wws_status *status,
    const wws_completion *completion,
    struct wwi_error *error);
wws_status wwi_channel_inspect(
    struct wwi_channel *channel,
    const wws_inspector *inspector,
    struct wwi_error *error);
wws_status wwi_channel_excuse(
    struct wwi_channel *channel,
    struct wwi_error *cause,
    struct wwi_error *error);
wws_status wwi_channel_abort(struct wwi_channel *channel);
wws_status wwi_channel_pause(
    struct wwi_channel *channel,
    bool paused,
    struct wwi_error *error);
wws_status wwi_channel_free(struct wwi_channel *channel);

#endif

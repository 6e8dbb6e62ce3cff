/* What a client makes of the envelope that answered it. */
#ifndef WWI_REPLY_H
#define WWI_REPLY_H

#include "core/channel/message.h"
#include "core/transport/transport.h"

struct wwi_reply_rules {
    wws_envelope_version envelope_version;
    wws_addressing_version addressing_version;
    wws_string request_id; /* empty: the request had none */
    uint32_t http_status; /* only a fault may come with a failure */
    uint32_t max_message_size;
    bool faults_as_errors;
    bool begins; /* to be read piece by piece; empty again if that fails */
};

/* Reads the envelope, which is moved, into an empty message that is in use by
 * the caller.  A fault gives the status that it stands for and is put into the
 * error. */
wws_status wwi_reply_read(
    struct wwi_message *message,
    struct wwi_bytes *envelope,
    const struct wwi_fields *fields,
    const struct wwi_reply_rules *rules,
    struct wwi_error *error);

#endif

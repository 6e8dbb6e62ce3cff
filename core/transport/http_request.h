/* What a server demands of a request's head before it reads the body. */
#ifndef WWI_HTTP_REQUEST_H
#define WWI_HTTP_REQUEST_H

#include "core/transport/http_parser.h"

struct wwi_http_demand {
    wws_envelope_version version;
    wws_string path;          /* normalised */
    uint64_t max_message_size;
    const wws_string *disallowed_user_agents;
    size_t disallowed_user_agents_count;
};

/* What SOAP says in the head; `action` is a run that is written anew. */
struct wwi_http_action {
    bool given;
    struct wwi_bytes text;
};

/* The URL that the client says it has opened; nothing if it does not say the
 * host. */
void wwi_http_request_append_url(
    const struct wwi_http_parser *parser,
    struct wwi_bytes *url);

/* The status to answer at once, or 0: the body may come. */
unsigned wwi_http_request_check(
    const struct wwi_http_parser *parser,
    const struct wwi_http_demand *demand,
    struct wwi_http_action *action);

#endif

/* Addresses: a client's URL in the form it is sent, and a server's request
 * target in the form it is compared.
 *
 * A URL is copied and normalised, a target only looked at: views of a
 * wwi_target point into what was parsed. */
#ifndef WWI_URL_H
#define WWI_URL_H

#include "core/base/bytes.h"
#include "wws/types.h"

enum wwi_url_scheme {
    WWI_URL_HTTP,
    WWI_URL_HTTPS,
    WWI_URL_NET_TCP,
    WWI_URL_NET_PIPE,
    WWI_URL_SOAP_UDP,
};

/* Scheme and host in lower case, escapes valid, without userinfo, default
 * port, zone and fragment.  All views point into `text` but zone, which has a
 * run of its own. */
struct wwi_url {
    enum wwi_url_scheme scheme;
    wws_string host;       /* without brackets */
    wws_string authority;  /* host[:port] as the Host field has it */
    wws_string target;     /* path and query as the request line has them */
    wws_string path;       /* at least "/" */
    wws_string query;      /* without '?' */
    wws_string zone;       /* of an IPv6 address, for connecting only */
    wws_string absolute;   /* the whole */
    uint16_t port;         /* the scheme's if none was given; 0 if that has
                              none, or given as 0: a listener's, any free */
    bool ipv6;
    bool wildcard;         /* host is "+" or "*": a listener's, any host */
    bool has_query;
    bool has_fragment;     /* which nobody is sent */
    struct wwi_bytes text;
    struct wwi_bytes zone_text;
};

/* 0, WWS_E_INVALID_ENDPOINT_URL with *what saying why, or WWS_E_OUTOFMEMORY.
 * On failure nothing needs fini. */
wws_status wwi_url_parse(
    struct wwi_url *url,
    wws_string text,
    const char **what);
void wwi_url_fini(struct wwi_url *url);

/* host[:port] of a Host field or a target; port is 0 if there is none.  The
 * host comes without brackets.  An empty host is refused. */
bool wwi_authority_parse(wws_string text, wws_string *host, uint16_t *port);

/* Of path?query; of scheme://authority/path?query; of host:port, which CONNECT
 * has; or of "*", which OPTIONS may have.  What is not there is empty. */
struct wwi_target {
    bool https;
    bool has_query;
    wws_string authority;
    wws_string path;
    wws_string query;
};

/* False: answer 400.  Refuses octets outside 0x21 to 0x7E, fragments, invalid
 * escapes, and forms that the method does not go with. */
bool wwi_target_parse(
    struct wwi_target *target,
    wws_string method,
    wws_string text);

/* Appends a path in the form in which paths are compared: unreserved octets
 * not escaped, other escapes in upper case, no dot segments.  Refuses invalid
 * escapes and %00, %2F, %5C with WWS_E_INVALID_FORMAT: answer 400. */
wws_status wwi_path_normalise(struct wwi_bytes *out, wws_string path);

#endif

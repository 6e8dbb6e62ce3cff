/* Names to addresses, on the loop and never blocking, by c-ares.
 *
 * Everything here runs on the loop's thread.  A query can be given up at any
 * time; one that is given up is never heard of again. */
#ifndef WWI_RESOLVE_H
#define WWI_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/io/loop.h"

enum { WWI_RESOLVE_MOST = 8 };

struct wwi_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

struct wwi_query {
    /* Set by the caller: whom to tell, and which addresses are wanted. */
    void (*resolved)(struct wwi_query *query);
    wws_ip_version version;
    /* Set before `resolved` runs: WWS_S_OK, WWS_E_ENDPOINT_NOT_FOUND,
     * WWS_E_OPERATION_TIMED_OUT or WWS_E_OUTOFMEMORY. */
    wws_status status;
    const char *text; /* a constant that says what went wrong */
    struct wwi_address addresses[WWI_RESOLVE_MOST];
    uint32_t count;
    /* The resolver's own. */
    struct wwi_ticket *ticket;
};

/* Null when there is no memory. */
struct wwi_resolver *wwi_resolver_create(struct wwi_loop *loop);
/* Queries under way are given up.  Not from `resolved`. */
void wwi_resolver_free(struct wwi_resolver *resolver);
/* For tests: asks these instead of the system's name servers, written as
 * "address:port,...".  Not while a query is under way. */
wws_status wwi_resolver_set_servers(
    struct wwi_resolver *resolver,
    const char *servers);

/* Looks up a host name (terminated) for a port.  `resolved` may run before this
 * returns.  It runs exactly once unless the query is given up; it may start and
 * cancel queries.  A resolver of null is out of memory; a literal address needs
 * none. */
void wwi_resolve(
    struct wwi_resolver *resolver,
    struct wwi_query *query,
    const char *host,
    uint16_t port);
/* Nothing of the query is touched afterwards.  Harmless when it has ended. */
void wwi_resolve_cancel(struct wwi_query *query);

/* A literal address, IPv4 or IPv6 without brackets but perhaps with a zone;
 * false for a name.  Works on any thread. */
bool wwi_address_parse(
    struct wwi_address *address,
    const char *host,
    uint16_t port);
bool wwi_address_is_of(
    const struct wwi_address *address,
    wws_ip_version version);

#endif

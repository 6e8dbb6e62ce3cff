/* Queries for c-ares, whose descriptors and timeouts the loop watches.
 *
 * Words.  A *ticket* stands for one query towards c-ares, which has no way to
 * take a single one back.  So giving a query up only detaches it from its
 * ticket, and the ticket goes when c-ares is done with it.  As soon as nobody
 * wants to hear of any, all are taken back together.
 *
 * Rule.  c-ares is not told to cancel from within one of its own callbacks:
 * whatever may call back runs between enter() and leave(), and only the
 * outermost leave() cancels. */
#include "core/io/resolve.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>

#include <ares.h>

#include "core/base/clock.h"
#include "core/base/gate.h"
#include "core/base/memory.h"

/* However many servers and search domains the system has, and also if the
 * clock is moved by hand, for c-ares goes by real time. */
enum { LONGEST_MS = 60000 };

struct wwi_resolver {
    struct wwi_loop *loop;
    ares_channel channel;
    struct wwi_timer timer;
    struct wwi_list watches;
    struct wwi_list tickets; /* those with a query */
    uint32_t depth;
    bool blind; /* a descriptor could not be watched */
};

/* A descriptor of c-ares. */
struct watch {
    struct wwi_source source;
    uint32_t events;
    struct wwi_link link;
    struct wwi_resolver *resolver;
};

struct wwi_ticket {
    struct wwi_resolver *resolver;
    struct wwi_query *query; /* null when it was given up */
    uint16_t port;
    struct wwi_link link;
    struct wwi_timer timer;
};

static void schedule(struct wwi_resolver *resolver)
{
    struct timeval left;

    if (ares_timeout(resolver->channel, NULL, &left) == NULL) {
        (void) wwi_loop_cancel_timer(resolver->loop, &resolver->timer);
        return;
    }
    /* One more, for what is less than a millisecond. */
    wwi_loop_set_timer(resolver->loop, &resolver->timer, wwi_clock_after(
        (uint32_t) (left.tv_sec * 1000 + left.tv_usec / 1000 + 1)));
}

static void enter(struct wwi_resolver *resolver)
{
    resolver->depth++;
}

static void leave(struct wwi_resolver *resolver)
{
    if (resolver->depth > 1) {
        resolver->depth--;
        return;
    }
    if (resolver->blind || wwi_list_empty(&resolver->tickets)) {
        resolver->blind = false;
        ares_cancel(resolver->channel);
    }
    resolver->depth = 0;
    schedule(resolver);
}

static void process(struct wwi_resolver *resolver, int readable, int writable)
{
    enter(resolver);
    ares_process_fd(resolver->channel, readable, writable);
    leave(resolver);
}

static void ready(struct wwi_source *source, uint32_t events)
{
    struct watch *watch = WWI_CONTAINER(source, struct watch, source);
    uint32_t failed = EPOLLERR | EPOLLHUP;

    /* Before processing, which may be the end of the watch. */
    wwi_loop_arm(watch->resolver->loop, source, watch->events);
    process(watch->resolver,
        (events & (EPOLLIN | failed)) != 0 ? source->fd : ARES_SOCKET_BAD,
        (events & (EPOLLOUT | failed)) != 0 ? source->fd : ARES_SOCKET_BAD);
}

static void expired(struct wwi_timer *timer)
{
    process(WWI_CONTAINER(timer, struct wwi_resolver, timer),
        ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static struct watch *find_watch(struct wwi_resolver *resolver, int fd)
{
    struct wwi_link *link;

    for (link = wwi_list_first(&resolver->watches); link != NULL;
         link = wwi_list_next(&resolver->watches, link)) {
        struct watch *watch = WWI_CONTAINER(link, struct watch, link);

        if (watch->source.fd == fd)
            return watch;
    }
    return NULL;
}

static struct watch *add_watch(struct wwi_resolver *resolver, int fd)
{
    struct watch *watch = wwi_alloc_zero(sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->resolver = resolver;
    watch->source.fd = fd;
    watch->source.ready = ready;
    if (wwi_loop_add(resolver->loop, &watch->source) < 0) {
        wwi_free(watch);
        return NULL;
    }
    wwi_list_append(&resolver->watches, &watch->link);
    return watch;
}

/* c-ares wants a descriptor to be watched; for nothing, before closing it. */
static void watch_descriptor(void *state, int fd, int readable, int writable)
{
    struct wwi_resolver *resolver = state;
    struct watch *watch = find_watch(resolver, fd);

    if (!readable && !writable) {
        if (watch == NULL)
            return;
        wwi_loop_remove(resolver->loop, &watch->source);
        wwi_list_remove(&watch->link);
        wwi_free(watch);
        return;
    }
    if (watch == NULL)
        watch = add_watch(resolver, fd);
    if (watch == NULL) {
        resolver->blind = true;
        return;
    }
    watch->events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
    wwi_loop_arm(resolver->loop, &watch->source, watch->events);
}

struct wwi_resolver *wwi_resolver_create(struct wwi_loop *loop)
{
    struct wwi_resolver *resolver = wwi_alloc_zero(sizeof *resolver);
    struct ares_options options = {
        .lookups = (char[]) { "fb" }, /* the hosts file, then servers */
        .sock_state_cb = watch_descriptor,
        .sock_state_cb_data = resolver,
    };

    if (resolver == NULL)
        return NULL;
    resolver->loop = loop;
    resolver->timer.expired = expired;
    wwi_list_init(&resolver->watches);
    wwi_list_init(&resolver->tickets);
    if (ares_init_options(&resolver->channel, &options,
            ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
        wwi_free(resolver);
        return NULL;
    }
    return resolver;
}

/* The query of a ticket, which from then on is nobody's. */
static struct wwi_query *detach(struct wwi_ticket *ticket)
{
    struct wwi_query *query = ticket->query;

    (void) wwi_loop_cancel_timer(ticket->resolver->loop, &ticket->timer);
    wwi_list_remove(&ticket->link);
    ticket->query = NULL;
    query->ticket = NULL;
    return query;
}

void wwi_resolver_free(struct wwi_resolver *resolver)
{
    struct wwi_link *link;

    if (resolver == NULL)
        return;
    while ((link = wwi_list_first(&resolver->tickets)) != NULL)
        (void) detach(WWI_CONTAINER(link, struct wwi_ticket, link));
    (void) wwi_loop_cancel_timer(resolver->loop, &resolver->timer);
    ares_destroy(resolver->channel);
    wwi_free(resolver);
}

wws_status wwi_resolver_set_servers(
    struct wwi_resolver *resolver,
    const char *servers)
{
    switch (ares_set_servers_ports_csv(resolver->channel, servers)) {
    case ARES_SUCCESS: return WWS_S_OK;
    case ARES_ENOMEM: return WWS_E_OUTOFMEMORY;
    case ARES_ENOTIMP: return WWS_E_INVALID_OPERATION;
    default: return WWS_E_INVALIDARG;
    }
}

static void set_port(struct wwi_address *address, uint16_t port)
{
    void *storage = &address->storage;

    if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *) storage)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *) storage)->sin_port = htons(port);
}

static int family_of(wws_ip_version version)
{
    return version == WWS_IP_VERSION_4 ? AF_INET
        : version == WWS_IP_VERSION_6 ? AF_INET6 : AF_UNSPEC;
}

bool wwi_address_is_of(
    const struct wwi_address *address,
    wws_ip_version version)
{
    return version == WWS_IP_VERSION_AUTO
        || address->storage.ss_family == family_of(version);
}

static void take_addresses(
    struct wwi_query *query,
    const struct ares_addrinfo *found,
    uint16_t port)
{
    const struct ares_addrinfo_node *node;

    for (node = found->nodes; node != NULL; node = node->ai_next) {
        struct wwi_address *address = &query->addresses[query->count];

        if (query->count == WWI_RESOLVE_MOST)
            return;
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
            continue;
        memcpy(&address->storage, node->ai_addr, node->ai_addrlen);
        if (!wwi_address_is_of(address, query->version))
            continue;
        address->size = node->ai_addrlen;
        set_port(address, port);
        query->count++;
    }
}

static void end(struct wwi_query *query, wws_status status, const char *text)
{
    query->status = status;
    query->text = text;
    query->resolved(query);
}

static void answer(
    struct wwi_query *query,
    int status,
    const struct ares_addrinfo *found,
    uint16_t port)
{
    if (status == ARES_SUCCESS)
        take_addresses(query, found, port);
    if (query->count != 0)
        end(query, WWS_S_OK, NULL);
    else if (status == ARES_ETIMEOUT)
        end(query, WWS_E_OPERATION_TIMED_OUT, "no name server answers");
    else if (status == ARES_ENOMEM)
        end(query, WWS_E_OUTOFMEMORY, "no memory to look up a name");
    else if (status == ARES_ECANCELLED)
        end(query, WWS_E_OUTOFMEMORY, "no means to hear of name servers");
    else if (status == ARES_SUCCESS)
        end(query, WWS_E_ENDPOINT_NOT_FOUND,
            "the name has no address of that IP version");
    else
        end(query, WWS_E_ENDPOINT_NOT_FOUND, ares_strerror(status));
}

static void answered(
    void *state,
    int status,
    int timeouts,
    struct ares_addrinfo *found)
{
    struct wwi_ticket *ticket = state;

    (void) timeouts;
    WWI_GATE(RESOLVE_ANSWERED);
    if (ticket->query != NULL)
        answer(detach(ticket), status, found, ticket->port);
    if (found != NULL)
        ares_freeaddrinfo(found);
    wwi_free(ticket);
}

static void took_too_long(struct wwi_timer *timer)
{
    struct wwi_ticket *ticket = WWI_CONTAINER(timer, struct wwi_ticket, timer);
    struct wwi_resolver *resolver = ticket->resolver;

    enter(resolver);
    answer(detach(ticket), ARES_ETIMEOUT, NULL, 0);
    leave(resolver);
}

static void ask(
    struct wwi_resolver *resolver,
    struct wwi_ticket *ticket,
    const char *host)
{
    /* Of both kinds, whichever are wanted: asked for one alone, c-ares 1.18
     * forgets a copy of a local name. */
    struct ares_addrinfo_hints hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };

    wwi_list_append(&resolver->tickets, &ticket->link);
    wwi_loop_set_timer(resolver->loop, &ticket->timer,
        wwi_clock_after(LONGEST_MS));
    enter(resolver);
    ares_getaddrinfo(resolver->channel, host, NULL, &hints, answered, ticket);
    leave(resolver);
}

void wwi_resolve(
    struct wwi_resolver *resolver,
    struct wwi_query *query,
    const char *host,
    uint16_t port)
{
    struct wwi_ticket *ticket;

    query->ticket = NULL;
    query->count = 0;
    if (wwi_address_parse(&query->addresses[0], host, port)) {
        query->count = wwi_address_is_of(&query->addresses[0], query->version);
        if (query->count == 1)
            end(query, WWS_S_OK, NULL);
        else
            end(query, WWS_E_ENDPOINT_NOT_FOUND,
                "the address is of another IP version");
        return;
    }
    ticket = resolver != NULL ? wwi_alloc_zero(sizeof *ticket) : NULL;
    if (ticket == NULL) {
        answer(query, ARES_ENOMEM, NULL, port);
        return;
    }
    ticket->resolver = resolver;
    ticket->query = query;
    ticket->port = port;
    ticket->timer.expired = took_too_long;
    query->ticket = ticket;
    WWI_GATE(RESOLVE_ASKS);
    ask(resolver, ticket, host);
    WWI_GATE(RESOLVE_ASKED);
}

void wwi_resolve_cancel(struct wwi_query *query)
{
    struct wwi_resolver *resolver;

    if (query->ticket == NULL)
        return;
    resolver = query->ticket->resolver;
    WWI_GATE(RESOLVE_LEFT);
    enter(resolver);
    (void) detach(query->ticket);
    leave(resolver);
}

static bool parse_v4(struct wwi_address *address, const char *host)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };

    if (inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        return false;
    memcpy(&address->storage, &v4, sizeof v4);
    address->size = sizeof v4;
    return true;
}

/* A zone is the number or the name of an interface. */
static bool parse_zone(uint32_t *scope, const char *zone)
{
    uint32_t number = 0;

    *scope = if_nametoindex(zone);
    if (*scope != 0)
        return true;
    for (; *zone >= '0' && *zone <= '9' && number < UINT32_MAX / 16; zone++)
        number = number * 10 + (uint32_t) (*zone - '0');
    *scope = number;
    return *zone == '\0' && number != 0;
}

static bool parse_v6(struct wwi_address *address, const char *host)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    const char *zone = strchr(host, '%');
    size_t size = zone != NULL ? (size_t) (zone - host) : strlen(host);
    char text[INET6_ADDRSTRLEN];

    if (size >= sizeof text)
        return false;
    memcpy(text, host, size);
    text[size] = '\0';
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
        return false;
    if (zone != NULL && !parse_zone(&v6.sin6_scope_id, zone + 1))
        return false;
    memcpy(&address->storage, &v6, sizeof v6);
    address->size = sizeof v6;
    return true;
}

bool wwi_address_parse(
    struct wwi_address *address,
    const char *host,
    uint16_t port)
{
    memset(address, 0, sizeof *address);
    if (!parse_v4(address, host) && !parse_v6(address, host))
        return false;
    set_port(address, port);
    return true;
}

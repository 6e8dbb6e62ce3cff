/* wws-bench: the benches, the rounds and the options.  A round takes every
 * sample once, ours and the peer's in turn, so that what the machine does
 * meanwhile falls on all of them; what is reported is the median. */
#include "bench.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 99, MAX_CALLS = 1000000, BENCHES = 23, PLACES = 2 };

static const struct wire http = {
    "http", WWS_TRANSPORT_HTTP, WWS_ENCODING_UTF8
};
static const struct wire tcp = {
    "net.tcp", WWS_TRANSPORT_TCP, WWS_ENCODING_UTF8
};

#define RAW { "raw", &raw_server, 0, raw_echo, NULL }
#define EPOLL { "epoll", &epoll_server, 0, epoll_echo, NULL }
#define GSOAP(run) { "gSOAP", &gsoap_server, 0, run, gsoap_there }
#define NGINX { "nginx", &nginx_server, 0, wrk_calls, nginx_there }
#define BY_US(endpoint, run) { "ours", &wws_server, endpoint, run, NULL }
#define BY_WRK { "ours", &wws_server, SHORT, wrk_calls, wrk_there }

const struct bench benches[] = {
    { "add-short", 1, &http, 1, 0, true,
      { BY_US(SHORT, wws_call_each), RAW, GSOAP(gsoap_calls) } },
    { "add-long", 1, &http, 1, 0, true,
      { BY_US(LONG, wws_call_each), RAW } },
    { "flight-queue", 4, &http, IN_FLIGHT, 0, true,
      { BY_US(SHORT, wws_flight_queue), EPOLL, GSOAP(gsoap_flight) } },
    { "flight-threads", 4, &http, IN_FLIGHT, 0, false,
      { BY_US(SHORT, wws_flight_threads), EPOLL } },
    { "echo-64k", 0.25, &http, 1, 1 << 16, false,
      { BY_US(SHORT, wws_call_each), RAW, GSOAP(gsoap_calls) } },
    { "echo-1m", 0.02, &http, 1, 1 << 20, false,
      { BY_US(SHORT, wws_call_each), RAW, GSOAP(gsoap_calls) } },
    { "wrk-1", 1, &http, 1, 0, false, { BY_WRK, NGINX } },
    { "wrk-64", 1, &http, IN_FLIGHT, 0, false, { BY_WRK, NGINX } },
    { "tcp-add-short", 1, &tcp, 1, 0, true,
      { BY_US(SHORT, wws_call_each), RAW } },
    { "tcp-add-long", 1, &tcp, 1, 0, true,
      { BY_US(LONG, wws_call_each), RAW } },
    { "tcp-queue", 4, &tcp, IN_FLIGHT, 0, true,
      { BY_US(SHORT, wws_flight_queue), EPOLL } },
    { "tcp-threads", 4, &tcp, IN_FLIGHT, 0, false,
      { BY_US(SHORT, wws_flight_threads), EPOLL } },
    { "tcp-echo-64k", 0.25, &tcp, 1, 1 << 16, false,
      { BY_US(SHORT, wws_call_each), RAW } },
    { "tcp-echo-1m", 0.02, &tcp, 1, 1 << 20, false,
      { BY_US(SHORT, wws_call_each), RAW } },
    { "cancel-blocked", 0.2, &http, 1, 0, false,
      { BY_US(HOLD, wws_cancel_blocked),
        { "eventfd", NULL, 0, eventfd_wake, NULL } } },
    { "cancel-queued", 0.2, &http, IN_FLIGHT, 0, false,
      { BY_US(HOLD, wws_cancel_queued),
        { "eventfd", NULL, 0, eventfd_write_only, NULL } } },
    { "tcp-cancel-blocked", 0.2, &tcp, 1, 0, false,
      { BY_US(HOLD, wws_cancel_blocked),
        { "eventfd", NULL, 0, eventfd_wake, NULL } } },
    { "tcp-cancel-queued", 0.2, &tcp, IN_FLIGHT, 0, false,
      { BY_US(HOLD, wws_cancel_queued),
        { "eventfd", NULL, 0, eventfd_write_only, NULL } } },
    { "tcp-pending-1k", 1, &tcp, 1000, 0, false,
      { BY_US(HOLD, wws_pending) } },
    { "tcp-pending-10k", 1, &tcp, 10000, 0, false,
      { BY_US(HOLD, wws_pending) } },
    { "tcp-pending-100k", 1, &tcp, 100000, 0, false,
      { BY_US(HOLD, wws_pending) } },
    { "pending-1k", 1, &http, 1000, 0, false,
      { BY_US(HOLD, wws_pending) } },
    { "pending-10k", 1, &http, 10000, 0, false,
      { BY_US(HOLD, wws_pending) } },
};

const size_t bench_count = BENCHES;

struct options {
    uint32_t rounds;
    uint32_t calls;
    const char *only;
    bool json;
};

/* Of one bench in one place. */
struct result {
    struct sample rounds[PARTS][MAX_ROUNDS];
    struct sample traced[PARTS];
};

static struct result results[BENCHES][PLACES];

static void print_bench(FILE *file, const struct bench *bench)
{
    fprintf(file, "  %-18s %s, ", bench->name, bench->wire->scheme);
    if (bench->echo != 0)
        fprintf(file, "Echo of %u KiB", bench->echo / 1024);
    else
        fputs("Add", file);
    fprintf(file, ", %u in flight:", bench->in_flight);
    for (size_t i = OURS + 1; i < PARTS && bench->parts[i].name != NULL; i++)
        fprintf(file, " %s", bench->parts[i].name);
    fputc('\n', file);
}

static void usage(FILE *file)
{
    fputs("usage: wws-bench [--rounds N] [--calls N] [--only NAME] [--json]\n"
          "\n"
          "  --rounds N   samples of each kind, 5 by default; the median\n"
          "               counts\n"
          "  --calls N    calls of one sample, 2000 by default; benches with\n"
          "               many calls in flight make more, cancelling fewer\n"
          "  --only NAME  one of the benches\n"
          "  --json       for programs\n"
          "\n"
          "Times are in microseconds, counts are for one call; a ratio is\n"
          "ours by the peer's.  'one CPU' keeps both sides on one processor.\n"
          "The peers raw and epoll only echo as many octets, an eventfd only\n"
          "wakes a thread: no library can do with less.  gSOAP does the same\n"
          "work.  nginx gives a fixed reply to wrk, which calls our host in\n"
          "the same way, for a second each time.  What is not installed is\n"
          "not measured; system calls are counted if strace is there.\n"
          "\n"
          "Benches, what they call and their peers:\n",
          file);
    for (size_t i = 0; i < bench_count; i++)
        print_bench(file, &benches[i]);
}

static uint32_t parse_number(const char *text, uint32_t most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value < 1 || value > most)
        die("'%s' is not a number from 1 to %u", text, most);
    return (uint32_t) value;
}

static void check_name(const char *name)
{
    for (size_t i = 0; i < bench_count; i++) {
        if (strcmp(benches[i].name, name) == 0)
            return;
    }
    die("no bench '%s'; --help names them", name);
}

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {
        { "rounds", required_argument, NULL, 'r' },
        { "calls", required_argument, NULL, 'c' },
        { "only", required_argument, NULL, 'o' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct options options = { .rounds = 5, .calls = 2000 };
    int option;

    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (option) {
        case 'r':
            options.rounds = parse_number(optarg, MAX_ROUNDS);
            break;
        case 'c':
            options.calls = parse_number(optarg, MAX_CALLS);
            break;
        case 'o':
            check_name(optarg);
            options.only = optarg;
            break;
        case 'j':
            options.json = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
    return options;
}

static bool wanted(const struct options *options, size_t bench)
{
    return options->only == NULL
        || strcmp(options->only, benches[bench].name) == 0;
}

static uint32_t calls_of(const struct options *options, size_t bench)
{
    double calls = options->calls * benches[bench].share;

    return calls < 1 ? 1 : (uint32_t) calls;
}

static void forget(struct sample *sample)
{
    for (int i = 0; i < FIGURES; i++)
        sample->value[i] = NAN;
}

static bool takes_part(const struct part *part)
{
    return part->name != NULL && (part->there == NULL || part->there());
}

/* A peer that fails has said why, and is not measured. */
static void take_sample(struct run run, size_t part, struct sample *sample)
{
    run.part = part;
    if (takes_part(&run.bench->parts[part]) && process_sample(&run, sample))
        return;
    if (part == OURS && takes_part(&run.bench->parts[part]))
        die("%s failed", run.bench->name);
    forget(sample);
}

static void take_round(
    const struct options *options,
    const struct tape *tapes,
    uint32_t round,
    bool pinned)
{
    for (size_t i = 0; i < bench_count; i++) {
        struct run run = {
            .bench = &benches[i],
            .pinned = pinned,
            .calls = calls_of(options, i),
            .tape = tapes[i],
        };

        if (!wanted(options, i))
            continue;
        for (size_t part = 0; part < PARTS; part++)
            take_sample(run, part, &results[i][pinned].rounds[part][round]);
    }
}

/* How often the sides enter the system does not depend on the place. */
static bool trace_all(const struct options *options, const struct tape *tapes)
{
    bool fine = true;

    for (size_t i = 0; i < bench_count; i++) {
        struct run run = {
            .bench = &benches[i],
            .calls = options->calls,
            .tape = tapes[i],
        };

        if (!wanted(options, i) || !benches[i].traced)
            continue;
        for (; run.part < PARTS && fine; run.part++) {
            if (takes_part(&benches[i].parts[run.part]))
                fine = trace_count(run, &results[i][false].traced[run.part]);
        }
    }
    return fine;
}

/* False if there is no figure. */
static bool summarize(
    const struct result *result,
    size_t part,
    uint32_t rounds,
    double figures[FIGURES])
{
    double values[MAX_ROUNDS];
    bool any = false;

    for (int i = 0; i < FIGURES; i++) {
        for (uint32_t j = 0; j < rounds; j++)
            values[j] = result->rounds[part][j].value[i];
        figures[i] = median(values, rounds);
        if (!isnan(result->traced[part].value[i]))
            figures[i] = result->traced[part].value[i];
        any = any || !isnan(figures[i]);
    }
    return any;
}

static void report(const struct options *options)
{
    static struct row rows[BENCHES * PLACES];
    size_t count = 0;

    for (size_t i = 0; i < bench_count; i++) {
        for (int place = 0; place < PLACES && wanted(options, i); place++) {
            struct row *row = &rows[count++];

            row->bench = &benches[i];
            row->pinned = place == 1;
            for (size_t part = 0; part < PARTS; part++)
                row->measured[part] = summarize(&results[i][place], part,
                                                options->rounds,
                                                row->figures[part]);
        }
    }
    if (options->json)
        table_print_json(rows, count);
    else
        table_print(rows, count);
}

/* Tapes what the wanted benches call. */
static void prepare(const struct options *options, struct tape *tapes)
{
    for (size_t i = 0; i < bench_count; i++) {
        for (size_t part = 0; part < PARTS; part++) {
            forget(&results[i][false].traced[part]);
            forget(&results[i][true].traced[part]);
        }
        if (!wanted(options, i))
            continue;
        tapes[i] = tap(&benches[i]);
        if (!options->json)
            printf("A call of %s is %u octets out, %u back.\n",
                   benches[i].name, tapes[i].sizes.out, tapes[i].sizes.back);
    }
}

int main(int argc, char **argv)
{
    static struct tape tapes[BENCHES];
    struct options options;

    if (argc == 10 && strcmp(argv[1], "--role") == 0)
        return trace_role(argv + 2);
    options = parse(argc, argv);
    prepare(&options, tapes);
    fflush(stdout);
    for (uint32_t round = 0; round < options.rounds; round++) {
        take_round(&options, tapes, round, false);
        take_round(&options, tapes, round, true);
    }
    if (!trace_all(&options, tapes) && !options.json)
        puts("System calls: not measured, for want of a working strace.");
    if (!options.json)
        printf("Medians of %u rounds:\n", options.rounds);
    report(&options);
    return 0;
}

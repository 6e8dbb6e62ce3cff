/* wws-bench: the benches, the rounds and the options.  A round takes every
 * sample once, ours and the peer's in turn, so that what the machine does
 * meanwhile falls on all of them; what is reported is the median. */
#include "bench.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 99, MAX_CALLS = 1000000, BENCHES = 6, PLACES = 2 };

const struct bench benches[] = {
    { "add-short", 1, true,
      { &wws_server, SHORT, wws_add }, { &raw_server, 0, raw_echo } },
    { "add-long", 1, true,
      { &wws_server, LONG, wws_add }, { &raw_server, 0, raw_echo } },
    { "flight-queue", 4, true,
      { &wws_server, SHORT, wws_flight_queue },
      { &epoll_server, 0, epoll_echo } },
    { "flight-threads", 4, false,
      { &wws_server, SHORT, wws_flight_threads },
      { &epoll_server, 0, epoll_echo } },
    { "cancel-blocked", 0.2, false,
      { &wws_server, HOLD, wws_cancel_blocked }, { NULL, 0, eventfd_wake } },
    { "cancel-queued", 0.2, false,
      { &wws_server, HOLD, wws_cancel_queued },
      { NULL, 0, eventfd_write_only } },
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
    bool wanted;
    struct sample rounds[2][MAX_ROUNDS];
    struct sample traced[2];
};

static struct result results[BENCHES][PLACES];

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
          "Times are in microseconds, counts are for one call.  A peer does\n"
          "the least that the same work takes: an echo of as many octets, or\n"
          "an eventfd.  'one CPU' keeps both sides on one processor.\n"
          "System calls are counted if strace is there.\n"
          "\n"
          "Benches:\n",
          file);
    for (size_t i = 0; i < bench_count; i++)
        fprintf(file, "  %s\n", benches[i].name);
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

static void take_round(
    const struct options *options,
    const struct sizes *sizes,
    uint32_t round,
    bool pinned)
{
    for (size_t i = 0; i < bench_count; i++) {
        struct run run = {
            .bench = &benches[i],
            .pinned = pinned,
            .calls = calls_of(options, i),
            .sizes = *sizes,
        };

        if (!wanted(options, i))
            continue;
        for (int side = 0; side < 2; side++) {
            run.ours = side == 0;
            if (!process_sample(&run,
                                &results[i][pinned].rounds[side][round]))
                die("%s failed", benches[i].name);
        }
    }
}

/* How often the sides enter the system does not depend on the place. */
static bool trace_all(const struct options *options, const struct sizes *sizes)
{
    bool fine = true;

    for (size_t i = 0; i < bench_count; i++) {
        struct run run = {
            .bench = &benches[i],
            .calls = options->calls,
            .sizes = *sizes,
        };

        if (!wanted(options, i) || !benches[i].traced)
            continue;
        for (int side = 0; side < 2 && fine; side++) {
            run.ours = side == 0;
            fine = trace_count(run, &results[i][false].traced[side]);
        }
    }
    return fine;
}

static void summarize(
    const struct result *result,
    uint32_t rounds,
    double figures[2][FIGURES])
{
    double values[MAX_ROUNDS];

    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < FIGURES; i++) {
            for (uint32_t j = 0; j < rounds; j++)
                values[j] = result->rounds[side][j].value[i];
            figures[side][i] = median(values, rounds);
            if (!isnan(result->traced[side].value[i]))
                figures[side][i] = result->traced[side].value[i];
        }
    }
}

static void report(const struct options *options)
{
    struct row rows[BENCHES * PLACES];
    size_t count = 0;

    for (size_t i = 0; i < bench_count; i++) {
        for (int place = 0; place < PLACES && wanted(options, i); place++) {
            rows[count].name = benches[i].name;
            rows[count].pinned = place == 1;
            summarize(&results[i][place], options->rounds,
                      rows[count++].figures);
        }
    }
    if (options->json)
        table_print_json(rows, count);
    else
        table_print(rows, count);
}

static void clear_traced(void)
{
    for (size_t i = 0; i < bench_count; i++) {
        for (int place = 0; place < PLACES; place++) {
            for (int j = 0; j < FIGURES; j++) {
                results[i][place].traced[0].value[j] = NAN;
                results[i][place].traced[1].value[j] = NAN;
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct sizes sizes;

    if (argc == 10 && strcmp(argv[1], "--role") == 0)
        return trace_role(argv + 2);
    options = parse(argc, argv);
    sizes = tap_sizes();
    clear_traced();
    for (uint32_t round = 0; round < options.rounds; round++) {
        take_round(&options, &sizes, round, false);
        take_round(&options, &sizes, round, true);
    }
    if (!options.json)
        printf("An Add is %u octets out, %u back; medians of %u rounds.\n",
               sizes.out, sizes.back, options.rounds);
    if (!trace_all(&options, &sizes) && !options.json)
        puts("System calls: not measured, for want of a working strace.");
    report(&options);
    return 0;
}

/* What people read, and what programs read. */
#include "bench.h"

#include <math.h>
#include <stdio.h>

static const char *const names[FIGURES] = {
    [P50_US] = "p50 us",
    [P99_US] = "p99 us",
    [CANCEL_P50_US] = "cost p50 us",
    [CANCEL_P99_US] = "cost p99 us",
    [CALLS_PER_S] = "calls/s",
    [CLIENT_CPU_US] = "client CPU us",
    [SERVER_CPU_US] = "server CPU us",
    [BOTH_CPU_US] = "both CPU us",
    [CLIENT_HAND_OVERS] = "client hand-overs",
    [SERVER_HAND_OVERS] = "server hand-overs",
    [CLIENT_ALLOCATIONS] = "client allocations",
    [SERVER_ALLOCATIONS] = "server allocations",
    [CLIENT_SYSTEM_CALLS] = "client system calls",
    [SERVER_SYSTEM_CALLS] = "server system calls",
    [PENDING_BYTES] = "bytes a call",
    [ABANDON_P50_US] = "abandon p50 us",
    [ABANDON_ALL_US] = "abandon all us/call",
    [ABORT_US] = "abort us",
    [ABORTED_US] = "aborted us/call",
    [ABORT_HOST_US] = "abort host us",
    [OTHERS_P99_US] = "others' p99 us",
    [OTHERS_ABORT_P99_US] = "others', abort us",
    [CLIENT_THREADS] = "client threads",
};

static void print_number(double value, int digits)
{
    if (isnan(value))
        printf(" %11s", "-");
    else
        printf(" %11.*f", value >= 1000 ? 0 : digits, value);
}

static double ratio(double ours, double peer)
{
    return peer == 0 ? NAN : ours / peer;
}

static void print_line(
    const struct row *row,
    enum figure figure,
    const char *peer_name,
    double peer)
{
    double ours = row->figures[OURS][figure];

    printf("%-18s %-7s %-7s %-19s", row->bench->name,
           row->bench->wire->scheme, row->pinned ? "one CPU" : "free",
           names[figure]);
    print_number(ours, 2);
    printf("  %-8s", peer_name);
    print_number(peer, 2);
    print_number(ratio(ours, peer), 2);
    putchar('\n');
}

/* Beside each peer that has the figure, or alone. */
static void print_figure(const struct row *row, enum figure figure)
{
    bool alone = true;

    if (isnan(row->figures[OURS][figure]))
        return;
    for (size_t i = OURS + 1; i < PARTS; i++) {
        if (isnan(row->figures[i][figure]))
            continue;
        print_line(row, figure, row->bench->parts[i].name,
                   row->figures[i][figure]);
        alone = false;
    }
    if (alone)
        print_line(row, figure, "", NAN);
}

static void print_row(const struct row *row)
{
    for (int i = 0; i < FIGURES; i++)
        print_figure(row, (enum figure) i);
    for (size_t i = 0; i < PARTS; i++) {
        if (row->bench->parts[i].name != NULL && !row->measured[i])
            printf("%-18s %-7s %-7s %s: not measured\n", row->bench->name,
                   row->bench->wire->scheme, row->pinned ? "one CPU" : "free",
                   row->bench->parts[i].name);
    }
}

void table_print(const struct row *rows, size_t count)
{
    printf("%-18s %-7s %-7s %-19s %11s  %-8s %11s %11s\n", "bench", "wire",
           "place", "figure", "ours", "peer", "peer's", "ratio");
    for (size_t i = 0; i < count; i++)
        print_row(&rows[i]);
}

static void print_json_number(const char *name, double value)
{
    printf(", \"%s\": ", name);
    if (isnan(value))
        fputs("null", stdout);
    else
        printf("%.4f", value);
}

/* A figure that is not measured is null. */
static void print_json_line(
    const struct row *row,
    enum figure figure,
    size_t part)
{
    static const char *separator = "";
    double ours = row->figures[OURS][figure];
    double peer = part == OURS ? NAN : row->figures[part][figure];

    printf("%s\n  {\"bench\": \"%s\", \"wire\": \"%s\", \"one_cpu\": %s, "
           "\"figure\": \"%s\", \"peer\": \"%s\"",
           separator, row->bench->name, row->bench->wire->scheme,
           row->pinned ? "true" : "false", names[figure],
           part == OURS ? "" : row->bench->parts[part].name);
    print_json_number("ours", ours);
    print_json_number("theirs", peer);
    print_json_number("ratio", ratio(ours, peer));
    putchar('}');
    separator = ",";
}

/* Without a peer a line of its own. */
static void print_json_row(const struct row *row)
{
    for (size_t part = OURS; part < PARTS; part++) {
        bool alone = part == OURS
            && row->bench->parts[OURS + 1].name == NULL;

        if (row->bench->parts[part].name == NULL || (part == OURS && !alone))
            continue;
        for (int i = 0; i < FIGURES; i++) {
            if (!isnan(row->figures[OURS][i]) || !row->measured[part])
                print_json_line(row, (enum figure) i, part);
        }
    }
}

void table_print_json(const struct row *rows, size_t count)
{
    putchar('[');
    for (size_t i = 0; i < count; i++)
        print_json_row(&rows[i]);
    puts("\n]");
}

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
    [CLIENT_HAND_OVERS] = "client hand-overs",
    [SERVER_HAND_OVERS] = "server hand-overs",
    [CLIENT_ALLOCATIONS] = "client allocations",
    [SERVER_ALLOCATIONS] = "server allocations",
    [CLIENT_SYSTEM_CALLS] = "client system calls",
    [SERVER_SYSTEM_CALLS] = "server system calls",
};

static void print_number(double value, int digits)
{
    if (isnan(value))
        printf(" %11s", "-");
    else
        printf(" %11.*f", value >= 1000 ? 0 : digits, value);
}

static void print_row(const struct row *row)
{
    const double *ours = row->figures[0], *peer = row->figures[1];

    for (int i = 0; i < FIGURES; i++) {
        if (isnan(ours[i]))
            continue;
        printf("%-16s %-8s %-20s", row->name,
               row->pinned ? "one CPU" : "free", names[i]);
        print_number(ours[i], 2);
        print_number(peer[i], 2);
        print_number(peer[i] == 0 ? NAN : ours[i] / peer[i], 2);
        putchar('\n');
    }
}

void table_print(const struct row *rows, size_t count)
{
    printf("%-16s %-8s %-20s %11s %11s %11s\n", "bench", "place", "figure",
           "ours", "peer", "ratio");
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

void table_print_json(const struct row *rows, size_t count)
{
    const char *separator = "";

    putchar('[');
    for (size_t i = 0; i < count; i++) {
        const double *ours = rows[i].figures[0], *peer = rows[i].figures[1];

        for (int j = 0; j < FIGURES; j++) {
            if (isnan(ours[j]))
                continue;
            printf("%s\n  {\"bench\": \"%s\", \"one_cpu\": %s, "
                   "\"figure\": \"%s\"",
                   separator, rows[i].name,
                   rows[i].pinned ? "true" : "false", names[j]);
            print_json_number("ours", ours[j]);
            print_json_number("peer", peer[j]);
            print_json_number("ratio",
                              peer[j] == 0 ? NAN : ours[j] / peer[j]);
            putchar('}');
            separator = ",";
        }
    }
    puts("\n]");
}

/* Which runs are played, by whom, and what is said of them.
 *
 * A worker for each transport plays its runs in a process of its own, which has
 * not used the library before.  What it is at stands in memory that the parent
 * shares, so that a run that ends the process, or does not end at all, is known
 * by its number; a new worker goes on behind it. */
#include "tests/explorer/scene.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum wires { HTTP, TCP, CUSTOM, WIRES };

enum {
    SCENARIOS = 32,
    WATCH_MS = 20,
    HANGS_MS = 180000, /* a run, of real time */
    MOST_FINDINGS = 20,
    TRIES = 50,        /* to see a run fail again */
};

static const char *const wire_names[WIRES] = {
    [HTTP] = "http", [TCP] = "tcp", [CUSTOM] = "custom" };

/* Numbers: fields of bits. */

enum { BITS_ACTION = 6, BITS_PASS = 6, BITS_POINT = 8, BITS_MANNER = 2,
    BITS_WIRE = 2, BITS_SCENARIO = 5 };

_Static_assert(POINTS <= 1 << BITS_POINT && PASSES <= 1 << BITS_PASS
    && ACTION_COUNT <= 1 << BITS_ACTION && MANNERS <= 1 << BITS_MANNER
    && WIRES <= 1 << BITS_WIRE && SCENARIOS <= 1 << BITS_SCENARIO,
    "a field of the number is too narrow");

static void push(uint64_t *number, unsigned value, unsigned bits)
{
    *number = *number << bits | value;
}

static unsigned pop(uint64_t *number, unsigned bits)
{
    unsigned value = (unsigned) (*number & ((1u << bits) - 1));

    *number >>= bits;
    return value;
}

static uint64_t number_of(const struct run *run)
{
    uint64_t number = 1;

    push(&number, run->scenario, BITS_SCENARIO);
    push(&number, run->wire, BITS_WIRE);
    push(&number, run->manner, BITS_MANNER);
    for (int i = 0; i < 2; i++) {
        push(&number, run->injections[i].point, BITS_POINT);
        push(&number, run->injections[i].pass, BITS_PASS);
        push(&number, run->injections[i].action, BITS_ACTION);
    }
    return number;
}

/* False if it is the number of no run. */
static bool run_of(uint64_t number, struct run *run)
{
    bool good = true;

    for (int i = 1; i >= 0; i--) {
        struct injection *one = &run->injections[i];

        one->action = pop(&number, BITS_ACTION);
        one->pass = pop(&number, BITS_PASS);
        one->point = pop(&number, BITS_POINT);
        good = good && one->action < ACTION_COUNT && one->point < POINTS;
    }
    run->manner = pop(&number, BITS_MANNER);
    run->wire = pop(&number, BITS_WIRE);
    run->scenario = pop(&number, BITS_SCENARIO);
    return good && number == 1 && run->manner < MANNERS && run->wire < WIRES
        && run->scenario < scenario_count;
}

static void print_injection(const struct injection *injection)
{
    if (injection->action != DO_NOTHING)
        fprintf(stderr, ", %s at %s (%u)", action_name(injection->action),
            point_name(injection->point), injection->pass + 1);
}

static void print_run(const struct run *run)
{
    fprintf(stderr, "%s over %s, %s", scenarios[run->scenario].name,
        wire_names[run->wire], manner_name(run->manner));
    print_injection(&run->injections[0]);
    print_injection(&run->injections[1]);
    fputc('\n', stderr);
}

/* What all processes see. */

typedef uint64_t census[POINTS][PASSES];

static struct shared {
    struct {
        _Atomic uint64_t number; /* of the run that is played */
        _Atomic uint64_t next;   /* place in the list of runs */
    } workers[WIRES];
    census counts[SCENARIOS][WIRES][MANNERS];
} *shared;

static bool tells; /* points that were passed before a finding */
static const struct run *played;

void found(const char *format, ...)
{
    va_list arguments;

    flockfile(stderr);
    fputs("found: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n  in ", stderr);
    print_run(played);
    if (tells)
        steer_tell();
    funlockfile(stderr);
    _exit(1);
}

static void play(uint64_t number, census *count)
{
    static struct run run;

    must(run_of(number, &run));
    played = &run;
    atomic_store(&shared->workers[run.wire].number, number);
    scene_play(&run, count != NULL ? *count : NULL);
}

/* The list of runs. */

struct runs {
    uint64_t *numbers;
    size_t count;
    size_t capacity;
};

static void add_number(struct runs *runs, uint64_t number)
{
    if (runs->count == runs->capacity) {
        runs->capacity = runs->capacity * 2 + 1024;
        runs->numbers = realloc(runs->numbers,
            runs->capacity * sizeof *runs->numbers);
        must(runs->numbers != NULL);
    }
    runs->numbers[runs->count++] = number;
}

static void add(struct runs *runs, struct run *run)
{
    add_number(runs, number_of(run));
}

static uint64_t roll(uint64_t *state)
{
    uint64_t value = *state += 0x9E3779B97F4A7C15u;

    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

static void shuffle(struct runs *runs, uint64_t *dice)
{
    for (size_t i = runs->count; i > 1; i--) {
        size_t other = roll(dice) % i;
        uint64_t number = runs->numbers[i - 1];

        runs->numbers[i - 1] = runs->numbers[other];
        runs->numbers[other] = number;
    }
}

/* One run for each action that the census knows of. */
static void list_all(struct runs *runs, struct run *run)
{
    census *count =
        &shared->counts[run->scenario][run->wire][run->manner];
    struct injection *one = &run->injections[0];

    for (one->point = 0; one->point < POINTS; one->point++)
        for (one->pass = 0; one->pass < PASSES; one->pass++)
            for (one->action = 1; one->action < ACTION_COUNT; one->action++)
                if (((*count)[one->point][one->pass] >> one->action & 1) != 0)
                    add(runs, run);
}

static bool goes_over(const struct scenario *scenario, unsigned wire)
{
    return (wire != HTTP || !scenario->sessions_only)
        && (wire != CUSTOM || !scenario->sockets_only);
}

static void for_each_place(
    const bool *chosen,
    struct runs *runs,
    void (*list)(struct runs *runs, struct run *run))
{
    for (unsigned scenario = 0; scenario < scenario_count; scenario++)
        for (unsigned wire = 0; wire < WIRES; wire++)
            for (enum manner manner = SYNC; manner < MANNERS; manner++)
                if (chosen[scenario] && goes_over(&scenarios[scenario], wire))
                    list(runs, &(struct run) { scenario, wire, manner,
                        { { 0, 0, DO_NOTHING } } });
}

/* Adds to each of some single runs a second injection of the same place. */
static void add_pairs(
    struct runs *runs,
    const struct runs *all,
    size_t pairs,
    uint64_t *dice)
{
    struct run first, second;

    for (size_t i = 0; i < pairs && all->count != 0; i++) {
        must(run_of(all->numbers[roll(dice) % all->count], &first));
        do
            must(run_of(all->numbers[roll(dice) % all->count], &second));
        while (second.scenario != first.scenario || second.wire != first.wire
            || second.manner != first.manner);
        first.injections[1] = second.injections[0];
        add(runs, &first);
    }
}

/* Workers. */

static void work(const struct runs *runs, unsigned wire, bool counts)
{
    uint64_t i;

    (void) setenv("WWS_TRANSPORT", wire_names[wire], 1);
    scene_begin();
    while ((i = atomic_fetch_add(&shared->workers[wire].next, 1))
        < runs->count) {
        struct run run;

        must(run_of(runs->numbers[i], &run));
        if (run.wire == wire)
            play(runs->numbers[i], counts
                ? &shared->counts[run.scenario][wire][run.manner] : NULL);
    }
    _exit(0);
}

static pid_t employ(const struct runs *runs, unsigned wire, bool counts)
{
    pid_t child = fork();

    must(child >= 0);
    if (child == 0)
        work(runs, wire, counts);
    return child;
}

struct watch {
    pid_t child;
    uint64_t number;
    int64_t since;
};

/* True when the worker has ended; kills one that hangs. */
static bool has_ended(struct watch *watch, unsigned wire, int *status)
{
    uint64_t number = atomic_load(&shared->workers[wire].number);

    if (waitpid(watch->child, status, WNOHANG) == watch->child)
        return true;
    if (number != watch->number) {
        watch->number = number;
        watch->since = now_ms();
    } else if (now_ms() - watch->since > HANGS_MS) {
        fputs("found: a run that does not end\n", stderr);
        (void) kill(watch->child, SIGKILL);
        watch->since = now_ms();
    }
    return false;
}

static void report(uint64_t number, int status)
{
    struct run run;

    if (!run_of(number, &run)) {
        fputs("found: a worker cannot begin\n", stderr);
        return;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "found: signal %d\n  in ", WTERMSIG(status));
        print_run(&run);
    }
    fprintf(stderr, "  again: ./dev explore %s --run %llu\n",
        scenarios[run.scenario].name, (unsigned long long) number);
}

/* How many findings there were. */
static unsigned employ_all(const struct runs *runs, bool counts)
{
    struct watch watches[WIRES];
    unsigned working = WIRES, findings = 0;
    int status;

    for (unsigned i = 0; i < WIRES; i++) {
        atomic_store(&shared->workers[i].next, 0);
        watches[i] = (struct watch) { employ(runs, i, counts), 0, now_ms() };
    }
    while (working > 0) {
        usleep(WATCH_MS * 1000);
        for (unsigned i = 0; i < WIRES; i++) {
            if (watches[i].child == 0 || !has_ended(&watches[i], i, &status))
                continue;
            watches[i].child = 0;
            working--;
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                continue;
            report(atomic_load(&shared->workers[i].number), status);
            if (++findings >= MOST_FINDINGS)
                continue;
            watches[i] = (struct watch) { employ(runs, i, counts), 0,
                now_ms() };
            working++;
        }
    }
    return findings;
}

/* One run, until it fails again. */
static int play_again(uint64_t number)
{
    struct run run;
    pid_t child;
    int status;

    if (!run_of(number, &run)) {
        fprintf(stderr, "%llu is the number of no run\n",
            (unsigned long long) number);
        return 2;
    }
    print_run(&run);
    for (int i = 0; i < TRIES; i++) {
        child = fork();
        must(child >= 0);
        if (child == 0) {
            tells = true;
            (void) setenv("WWS_TRANSPORT", wire_names[run.wire], 1);
            scene_begin();
            play(number, NULL);
            _exit(0);
        }
        must(waitpid(child, &status, 0) == child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return 1;
    }
    printf("played %d times, nothing found\n", TRIES);
    return 0;
}

/* What is asked for. */

struct wishes {
    bool chosen[SCENARIOS];
    bool some;
    uint64_t seed;
    uint64_t runs;  /* UINT64_MAX: all */
    uint64_t pairs;
    uint64_t again; /* 0: none */
};

static void usage(FILE *to)
{
    fputs("usage: explorer SCENARIO... [--runs N] [--pairs N] [--seed N]\n"
        "       explorer --run NUMBER\n\n"
        "Plays the scenarios once for each gate and system call that they\n"
        "pass and each thing that may happen there: all of that, or --runs\n"
        "of it, and --pairs runs in which two things happen, chosen by the\n"
        "seed.  --run plays one again until it fails.\n\nScenarios: all",
        to);
    for (unsigned i = 0; i < scenario_count; i++)
        fprintf(to, " %s", scenarios[i].name);
    fputc('\n', to);
}

static bool choose(struct wishes *wishes, const char *name)
{
    bool known = strcmp(name, "all") == 0;

    for (unsigned i = 0; i < scenario_count; i++) {
        bool meant = strcmp(name, "all") == 0
            || strcmp(name, scenarios[i].name) == 0;

        wishes->chosen[i] = wishes->chosen[i] || meant;
        known = known || meant;
    }
    wishes->some = wishes->some || known;
    return known;
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end;

    if (text == NULL || *text == '\0')
        return false;
    *number = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool read_wishes(struct wishes *wishes, char **words)
{
    const struct {
        const char *name;
        uint64_t *number;
    } options[] = {
        { "--runs", &wishes->runs },
        { "--pairs", &wishes->pairs },
        { "--seed", &wishes->seed },
        { "--run", &wishes->again },
    };
    bool good = true;

    for (; good && *words != NULL; words++) {
        size_t i = 0;

        while (i < 4 && strcmp(*words, options[i].name) != 0)
            i++;
        if (i < 4)
            good = read_number(*++words, options[i].number);
        else
            good = choose(wishes, *words);
    }
    return good && (wishes->some || wishes->again != 0);
}

static int explore(struct wishes *wishes)
{
    struct runs quiet = { 0 }, all = { 0 }, chosen = { 0 };
    int64_t begin = now_ms();
    unsigned findings;

    for_each_place(wishes->chosen, &quiet, add);
    findings = employ_all(&quiet, true);
    for_each_place(wishes->chosen, &all, list_all);
    shuffle(&all, &wishes->seed);
    for (size_t i = 0; i < all.count && i < wishes->runs; i++)
        add_number(&chosen, all.numbers[i]);
    add_pairs(&chosen, &all, wishes->pairs, &wishes->seed);
    if (findings == 0)
        findings = employ_all(&chosen, false);
    printf("%zu runs of %zu, and %llu pairs, in %lld s: %u findings\n",
        chosen.count, all.count, (unsigned long long) wishes->pairs,
        (long long) (now_ms() - begin) / 1000, findings);
    free(quiet.numbers);
    free(all.numbers);
    free(chosen.numbers);
    return findings != 0;
}

int main(int count, char **words)
{
    struct wishes wishes = { .runs = UINT64_MAX, .seed = 1 };

    (void) count;
    if (words[1] != NULL && (strcmp(words[1], "--help") == 0
        || strcmp(words[1], "-h") == 0)) {
        usage(stdout);
        return 0;
    }
    if (!read_wishes(&wishes, words + 1)) {
        usage(stderr);
        return 2;
    }
    must(scenario_count <= SCENARIOS);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED);
    return wishes.again != 0 ? play_again(wishes.again) : explore(&wishes);
}

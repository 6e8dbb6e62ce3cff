/* Gates tell who watches, and debug builds find one that is passed with a
 * lock: in a child process, for that is the end of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/gate.h"
#include "core/base/lock.h"

#ifdef WWS_DEBUG

static int seen;
static enum wwi_gate last;

static void note(enum wwi_gate gate)
{
    seen++;
    last = gate;
}

static void gate__tells_who_watches(void **state)
{
    (void) state;
    wwi_gate_watch(note);

    WWI_GATE(PENDING_TAKEN);

    assert_int_equal(seen, 1);
    assert_int_equal(last, WWI_GATE_PENDING_TAKEN);
    wwi_gate_watch(NULL);
    WWI_GATE(PENDING_TAKEN);
    assert_int_equal(seen, 1);
}

static void gate__has_its_name(void **state)
{
    (void) state;

    for (int i = 0; i < WWI_GATE_COUNT; i++)
        assert_non_null(wwi_gate_name(i));

    assert_string_equal(wwi_gate_name(WWI_GATE_PENDING_TAKEN),
        "PENDING_TAKEN");
}

static void pass_with_a_lock(void)
{
    struct rlimit none = { 0, 0 };
    struct wwi_lock lock;

    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    wwi_lock_init(&lock, WWI_RANK_CHANNEL);
    wwi_lock_take(&lock);
    WWI_GATE(PENDING_TAKEN);
    _exit(0);
}

static void gate__is_passed_without_a_lock(void **state)
{
    int status;
    pid_t child;

    (void) state;

    child = fork();
    if (child == 0)
        pass_with_a_lock();
    assert_int_equal(waitpid(child, &status, 0), child);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

#else

static void gate__is_nothing_in_a_release(void **state)
{
    (void) state;

    WWI_GATE(PENDING_TAKEN);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef WWS_DEBUG
        cmocka_unit_test(gate__tells_who_watches),
        cmocka_unit_test(gate__has_its_name),
        cmocka_unit_test(gate__is_passed_without_a_lock),
#else
        cmocka_unit_test(gate__is_nothing_in_a_release),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

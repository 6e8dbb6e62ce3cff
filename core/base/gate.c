/* The other side of the gates, which only debug builds have. */
#include "core/base/gate.h"

#include <stdatomic.h>
#include <stddef.h>

#include "core/base/lock.h"
#include "core/base/log.h"

#ifdef WWS_DEBUG

static void (*_Atomic watcher)(enum wwi_gate gate);

const char *wwi_gate_name(enum wwi_gate gate)
{
#define NAME(name) [WWI_GATE_##name] = #name,
    static const char *const names[] = { WWI_GATES(NAME) };
#undef NAME

    return names[gate];
}

void wwi_gate_watch(void (*passed)(enum wwi_gate gate))
{
    atomic_store(&watcher, passed);
}

void wwi_gate_pass(enum wwi_gate gate)
{
    void (*passed)(enum wwi_gate) = atomic_load_explicit(&watcher,
        memory_order_relaxed);

    if (wwi_lock_held())
        wwi_bug("gate %s passed with a lock", wwi_gate_name(gate));
    if (passed != NULL)
        passed(gate);
}

#endif

/* The runtime as the interface shows it: a null one means the default. */
#include "core/runtime.h"

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/io/wait.h"

wws_status wwi_runtime_create(
    const wws_runtime_options *options,
    wws_runtime *handle,
    struct wwi_error *error)
{
    struct wwi_runtime *runtime = wwi_runtime_new(options);

    if (runtime == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no memory, descriptor or thread for a runtime");
    handle->id = runtime->object.id;
    return WWS_S_OK;
}

wws_status wwi_runtime_set_log(
    struct wwi_runtime *self,
    wws_log_level level,
    const wws_log_callbacks *callbacks,
    struct wwi_error *error)
{
    struct wwi_runtime *runtime = wwi_runtime_hold(self);
    wws_status status;

    if (runtime == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no default runtime");
    status = wwi_log_set(runtime->log, level, callbacks);
    wwi_object_unref(&runtime->object);
    return status;
}

static uint64_t threads_of(struct wwi_runtime *runtime)
{
    return wwi_runtime_ended(runtime) ? 0
        : wwi_pool_threads(runtime->pool) + runtime->loop_count;
}

static uint64_t hand_overs_of(struct wwi_runtime *runtime)
{
    uint64_t sum = wwi_pool_handed_over(runtime->pool);

    for (uint32_t i = 0; i < runtime->loop_count; i++)
        sum += wwi_loop_handed_over(runtime->loops[i]);
    return sum;
}

static uint64_t read_counter(struct wwi_runtime *runtime, wws_counter counter)
{
    switch (counter) {
    case WWS_COUNTER_THREADS: return threads_of(runtime);
    case WWS_COUNTER_HAND_OVERS: return hand_overs_of(runtime);
    case WWS_COUNTER_MEMORY_BLOCKS: return wwi_memory_live();
    case WWS_COUNTER_ALLOCATIONS: return wwi_memory_asked();
    case WWS_COUNTER_HANDLES: return wwi_table_count();
    default: return atomic_load(&runtime->counters[counter]);
    }
}

wws_status wwi_runtime_get_counter(
    struct wwi_runtime *self,
    wws_counter counter,
    uint64_t *value,
    struct wwi_error *error)
{
    struct wwi_runtime *runtime = wwi_runtime_hold(self);

    if (runtime == NULL)
        return wwi_fail_static(error, WWS_E_OUTOFMEMORY,
            "no default runtime");
    *value = read_counter(runtime, counter);
    wwi_object_unref(&runtime->object);
    return WWS_S_OK;
}

static bool on_own_thread(struct wwi_runtime *runtime)
{
    for (uint32_t i = 0; i < runtime->loop_count; i++)
        if (wwi_loop_current(runtime->loops[i]))
            return true;
    return wwi_pool_current(runtime->pool);
}

wws_status wwi_runtime_close(
    struct wwi_runtime *self,
    uint32_t timeout_ms,
    struct wwi_error *error)
{
    struct wwi_runtime *runtime = self;
    wws_status status = WWS_S_OK;

    if (runtime == NULL)
        runtime = wwi_runtime_existing_default();
    else
        wwi_object_ref(&runtime->object);
    if (runtime == NULL)
        return WWS_S_OK;
    if (on_own_thread(runtime))
        status = wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "a runtime cannot be closed from one of its own callbacks");
    else if (!wwi_runtime_end(runtime, wwi_clock_after(timeout_ms)))
        status = wwi_fail_static(error, WWS_E_OPERATION_TIMED_OUT,
            "something on the runtime did not end; it is kept for ever");
    if (self == NULL && status != WWS_E_INVALID_OPERATION)
        wwi_runtime_forget_default(runtime);
    wwi_object_unref(&runtime->object);
    return status;
}

wws_status wwi_runtime_free(struct wwi_runtime *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    wwi_runtime_abort_members(self);
    wwi_object_unref(&self->object);
    return WWS_S_OK;
}

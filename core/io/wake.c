/* The stock of wake descriptors, one for the process.  A forked child starts
 * with an empty one: the descriptors it inherited still belong to its parent. */
#include "core/io/wake.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/lock.h"
#include "core/base/memory.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct {
    struct wwi_lock lock;
    struct wwi_list idle;
} synced;

/* Another thread may have been at the stock, whose content is no loss. */
static void begin_empty(void)
{
    wwi_lock_init(&synced.lock, WWI_RANK_WAKE);
    wwi_list_init(&synced.idle);
}

static void set_up(void)
{
    begin_empty();
    pthread_atfork(NULL, NULL, begin_empty);
}

static void woken_by_clock(struct wwi_sleeper *sleeper)
{
    wwi_wake_signal(WWI_CONTAINER(sleeper, struct wwi_wake, sleeper));
}

static struct wwi_wake *create(void)
{
    struct wwi_wake *wake = wwi_alloc_zero(sizeof *wake);

    if (wake == NULL)
        return NULL;
    wake->sleeper.wake = woken_by_clock;
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake->fd < 0) {
        wwi_free(wake);
        return NULL;
    }
    return wake;
}

struct wwi_wake *wwi_wake_take(void)
{
    struct wwi_link *link;
    struct wwi_wake *wake;

    pthread_once(&once, set_up);
    wwi_lock_take(&synced.lock);
    link = wwi_list_take(&synced.idle);
    wwi_lock_give(&synced.lock);
    wake = link != NULL ? WWI_CONTAINER(link, struct wwi_wake, link) : create();
    if (wake != NULL)
        wwi_clock_add_sleeper(&wake->sleeper);
    return wake;
}

void wwi_wake_give(struct wwi_wake *wake)
{
    wwi_clock_remove_sleeper(&wake->sleeper);
    wwi_lock_take(&synced.lock);
    wwi_list_append(&synced.idle, &wake->link);
    wwi_lock_give(&synced.lock);
}

void wwi_wake_signal(struct wwi_wake *wake)
{
    (void) eventfd_write(wake->fd, 1);
}

void wwi_wake_drain(struct wwi_wake *wake)
{
    eventfd_t value;

    (void) eventfd_read(wake->fd, &value);
}

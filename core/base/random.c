/* Random octets.  A thread takes a stock of them from the system, which is
 * asked once for many; the child of a fork must not go on with the stock of its
 * parent. */
#include "core/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

/* What the system gives whole, or not at all. */
enum { STOCK = 256 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct {
    uint8_t octets[STOCK];
    uint32_t left;
} stock;

/* In the child there is no thread but this. */
static void begin_empty(void)
{
    stock.left = 0;
}

static void set_up(void)
{
    pthread_atfork(NULL, NULL, begin_empty);
}

static bool fill_up(void)
{
    ssize_t got;

    pthread_once(&once, set_up);
    do
        got = getrandom(stock.octets, STOCK, 0);
    while (got < 0 && errno == EINTR);
    stock.left = got == STOCK ? STOCK : 0;
    return stock.left != 0;
}

bool wwi_random(uint8_t *octets, uint32_t size)
{
    if (stock.left < size && !fill_up())
        return false;
    stock.left -= size;
    memcpy(octets, stock.octets + stock.left, size);
    return true;
}

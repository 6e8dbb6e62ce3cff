/* The arming of a descriptor, inside which a test runs its own code.  It stands
 * for the system's in the whole program that includes this, in one place. */
#ifndef TESTS_EXCHANGE_CALLS_H
#define TESTS_EXCHANGE_CALLS_H

#include <sys/epoll.h>

#include "tests/support/exchange_fixture.h"
#include "tests/support/wrapped.h"

/* Runs the code of a test when a descriptor has just been armed. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int (*wrapped)(int, int, int, struct epoll_event *);
    int result;

    find_wrapped(&wrapped, "epoll_ctl");
    result = wrapped(epoll, operation, fd, event);
    if (operation == EPOLL_CTL_MOD && fd == it->fake.base.source.fd
        && (event->events & EPOLLIN) != 0)
        run_inside(&it->arming);
    return result;
}

#endif

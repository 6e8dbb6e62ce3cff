/* The arming of a descriptor, inside which a test runs its own code.  It stands
 * for the system's in the whole program that includes this, in one place. */
#ifndef TESTS_EXCHANGE_CALLS_H
#define TESTS_EXCHANGE_CALLS_H

#include <string.h>

#include <dlfcn.h>
#include <sys/epoll.h>

#include "tests/support/exchange_fixture.h"

/* Runs the code of a test when a descriptor has just been armed. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int (*wrapped)(int, int, int, struct epoll_event *);
    void *found = dlsym(RTLD_NEXT, "epoll_ctl");
    int result;

    memcpy(&wrapped, &found, sizeof found);
    result = wrapped(epoll, operation, fd, event);
    if (operation == EPOLL_CTL_MOD && fd == it->fake.base.source.fd
        && (event->events & EPOLLIN) != 0)
        run_inside(&it->arming);
    return result;
}

#endif

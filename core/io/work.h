/* Something to be run once by another thread: a link and a function, embedded
 * in what it is about, so that handing over needs no memory and cannot fail. */
#ifndef WWI_WORK_H
#define WWI_WORK_H

#include "core/base/list.h"

struct wwi_work {
    struct wwi_link link;
    void (*run)(struct wwi_work *work);
};

#endif

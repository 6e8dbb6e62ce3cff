/* What core would offer to the veneer of the small interface. */
#ifndef ERRAND_H
#define ERRAND_H

#include "wws/types.h"

struct wwi_errand;
struct wwi_error;

wws_status wwi_errand_pass_on(
    struct wwi_errand *errand,
    const wws_runner *runner,
    struct wwi_error *error);
wws_status wwi_errand_give_reason(
    struct wwi_errand *errand,
    wws_string reason,
    struct wwi_error *error);
wws_status wwi_errand_complete(
    struct wwi_errand *errand,
    wws_status status,
    struct wwi_error *error);

#endif

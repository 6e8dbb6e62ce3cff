/* What the plugin refuses: every line of refusals is "file: thing: what is
 * wrong". */
#ifndef CHECK_H
#define CHECK_H

#include "model.h"
#include "put.h"

void check(const struct model *model, struct text *refusals);

/* Whether all that was released is still there, as it was. */
void check_released(
    const struct model *now,
    const struct model *then,
    struct text *refusals);

#endif

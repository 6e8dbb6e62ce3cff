/* What must hold when the victims of a row have been stopped. */
#ifndef DEMO_EXPECT_H
#define DEMO_EXPECT_H

#include "row.h"

void expect_channel(struct row *row, wws_channel_state wanted);
void expect_proxy(
    struct row *row,
    wws_service_proxy proxy,
    wws_service_proxy_state wanted);

/* The operation at the host was told once, and its state freed once. */
bool expect_told(
    struct row *row,
    struct peer *peer,
    uint32_t key,
    wws_cancel_reason reason,
    struct note *note);
/* Of the stage's host, each for the loss of its channel. */
void expect_all_told(struct row *row);
/* The operation was not told, and goes on. */
void expect_not_told(struct row *row, uint32_t key);

/* The callers have gone, and nothing else: the operations run on, their
 * replies are dropped, and the connection serves the next call. */
void expect_all_dropped(struct row *row);

#endif

/* A fault as its parts, with memory of its own. */
#ifndef WWI_FAULT_H
#define WWI_FAULT_H

#include <stdbool.h>

#include "wws/types.h"

/* More of them are not sent, and left out when they are received. */
enum {
    WWI_FAULT_SUBCODES = 8,
    WWI_FAULT_REASONS = 16,
};

/* All parts are in one block, which `memory` owns. */
struct wwi_fault {
    wws_fault_info info;
    void *memory;
};

/* Copies the parts into one block; false when there is no memory. */
bool wwi_fault_copy(struct wwi_fault *to, const wws_fault_info *from);
void wwi_fault_fini(struct wwi_fault *fault);

/* A fault that is to be sent, as a receiver will see it: views of it. */
wws_fault_info wwi_fault_seen(const wws_fault *fault);
/* Says what is wrong with the lists of one, and gives the status; null: they
 * are fine. */
const char *wwi_fault_refusal(const wws_fault *fault, wws_status *status);

#endif

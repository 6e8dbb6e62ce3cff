/* What core would offer to the veneer of the small interface. */
#ifndef ERROR_H
#define ERROR_H

#include "wws/types.h"

struct wwi_error;

wws_status wwi_error_create(wws_error *error);
wws_status wwi_error_get_info(struct wwi_error *error, wws_error_info *info);
wws_status wwi_error_get_string(
    struct wwi_error *error,
    uint32_t index,
    wws_string *text);
wws_status wwi_error_free(struct wwi_error *error);

#endif

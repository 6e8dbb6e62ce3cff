/* The functions that need no object. */
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "wws/wws.h"

uint32_t wws_version(void)
{
    return WWS_VERSION;
}

const char *wws_status_name(wws_status status)
{
    return wwi_status_name(status);
}

void wws_buffer_release(wws_buffer *buffer)
{
    wwi_buffer_release(buffer);
}

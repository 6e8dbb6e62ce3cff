/* A client that is to be killed while its call is pending. */
#include "roles.h"

#include <string.h>

#include "op.h"
#include "patience.h"
#include "peers.h"

int run_client(
    const struct setting *setting,
    enum mode mode,
    const char *address,
    long key)
{
    wws_service_proxy_options options = setting_proxy(setting);
    wws_runtime runtime = { 0 };
    wws_service_proxy proxy = { 0 };
    wws_error none = { 0 };
    struct note note;
    struct op *op;

    if (wws_runtime_create(NULL, &runtime, none) < 0 || !ops_start(runtime))
        return 1;
    if (wws_service_proxy_create(runtime, &options, &proxy, none) < 0
        || wws_service_proxy_open(proxy,
            (wws_string) { address, strlen(address) }, NULL, none) < 0)
        return 1;
    op = op_call(mode, proxy, CALC_ADD_LATER, key, 0);
    if (!op_begin(op))
        return 1;
    /* Only if whoever was to kill it has gone does the pipe end. */
    (void) note_receive(CONTROL_FD, &note);
    return 0;
}

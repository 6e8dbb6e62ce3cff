/* The bodies of the Calculator, the service of this demo.  Add answers at
 * once; AddLater when the host is told to, and its first number is the key by
 * which it is told. */
#ifndef DEMO_CALC_H
#define DEMO_CALC_H

#include <wws/wws.h>

#define CALC_NAMESPACE "urn:example:calculator"

enum { CALC_SIZE = 256 };

enum calc_operation {
    CALC_ADD,
    CALC_ADD_LATER,
};

wws_string calc_action(enum calc_operation operation);

/* The text is the caller's, and has CALC_SIZE octets. */
wws_bytes calc_request(
    char *text,
    enum calc_operation operation,
    long a,
    long b);
wws_bytes calc_reply(char *text, enum calc_operation operation, long sum);

bool calc_read_request(wws_bytes body, long *a, long *b);
bool calc_read_reply(wws_bytes body, enum calc_operation operation, long *sum);

#endif

/* A connection that is made without waiting for it.
 *
 * Both functions give 0 when there is a connection, EINPROGRESS while there may
 * still be one - the socket is writable when it is time to ask again - and else
 * the errno that says why there is none. */
#ifndef WWI_SOCKET_H
#define WWI_SOCKET_H

#include "core/io/resolve.h"

/* Once for a socket, which must not block. */
int wwi_socket_connect(int fd, const struct wwi_address *address);
/* What became of it. */
int wwi_socket_connected(int fd);

/* What an errno means to who connects, and to who listens. */
wws_status wwi_socket_why_not_connected(int code);
wws_status wwi_socket_why_not_listening(int code);

#endif

/* The words of WS-Addressing, in its two versions. */
#ifndef WWI_XML_ADDRESSING_H
#define WWI_XML_ADDRESSING_H

#include "core/base/bytes.h"
#include "wws/base.h"
#include "wws/types.h"

/* The standard headers, of which a wws_header is the index. */
enum { WWI_STANDARD_HEADERS = WWS_HEADER_FAULT_TO + 1 };

/* Where an answer goes. */
enum wwi_reply_to {
    WWI_REPLY_ON_TRANSPORT, /* anonymous, or nothing said */
    WWI_REPLY_NOWHERE,      /* none: to be discarded */
    WWI_REPLY_ELSEWHERE,
};

/* Of WWS_ADDRESSING_VERSION_TRANSPORT everything is empty. */
wws_string wwi_addressing_namespace(wws_addressing_version version);
wws_string wwi_addressing_anonymous(wws_addressing_version version);
wws_string wwi_addressing_none(wws_addressing_version version);
/* The local name of a standard header. */
wws_string wwi_addressing_name(wws_header header);
/* Whether a header is an endpoint, with its address inside. */
bool wwi_addressing_is_endpoint(wws_header header);
/* The action of a fault whose outer subcode is in that namespace. */
wws_string wwi_addressing_fault_action(
    wws_addressing_version version,
    wws_string subcode_namespace);

enum { WWI_UUID_SIZE = 45 };
/* Writes "urn:uuid:" and a random one, 45 characters; false when the system has
 * no random numbers. */
bool wwi_addressing_uuid(char text[WWI_UUID_SIZE]);

#endif

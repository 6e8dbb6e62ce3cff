/* The words of WS-Addressing (1.0: W3C, 2005/08; 0.9: the submission of August
 * 2004).  Each column of a table is one version. */
#include "core/xml/addressing.h"

#include <string.h>

#include "core/base/random.h"
#include "core/base/text.h"

#define WSA_1_0 "http://www.w3.org/2005/08/addressing"
#define WSA_0_9 "http://schemas.xmlsoap.org/ws/2004/08/addressing"

#define TEXT(literal) { literal, sizeof(literal) - 1 }

static const struct words {
    wws_string ns;
    wws_string anonymous;
    wws_string none;
    wws_string fault;
    wws_string soap_fault;
} versions[] = {
    [WWS_ADDRESSING_VERSION_1_0] = {
        TEXT(WSA_1_0), TEXT(WSA_1_0 "/anonymous"), TEXT(WSA_1_0 "/none"),
        TEXT(WSA_1_0 "/fault"), TEXT(WSA_1_0 "/soap/fault"),
    },
    [WWS_ADDRESSING_VERSION_0_9] = {
        TEXT(WSA_0_9), TEXT(WSA_0_9 "/role/anonymous"), TEXT(""),
        TEXT(WSA_0_9 "/fault"), TEXT(WSA_0_9 "/fault"),
    },
    [WWS_ADDRESSING_VERSION_TRANSPORT] = {
        TEXT(""), TEXT(""), TEXT(""), TEXT(""), TEXT(""),
    },
};

static const wws_string names[WWI_STANDARD_HEADERS] = {
    [WWS_HEADER_ACTION] = TEXT("Action"),
    [WWS_HEADER_TO] = TEXT("To"),
    [WWS_HEADER_MESSAGE_ID] = TEXT("MessageID"),
    [WWS_HEADER_RELATES_TO] = TEXT("RelatesTo"),
    [WWS_HEADER_FROM] = TEXT("From"),
    [WWS_HEADER_REPLY_TO] = TEXT("ReplyTo"),
    [WWS_HEADER_FAULT_TO] = TEXT("FaultTo"),
};

wws_string wwi_addressing_namespace(wws_addressing_version version)
{
    return versions[version].ns;
}

wws_string wwi_addressing_anonymous(wws_addressing_version version)
{
    return versions[version].anonymous;
}

wws_string wwi_addressing_none(wws_addressing_version version)
{
    return versions[version].none;
}

wws_string wwi_addressing_name(wws_header header)
{
    return names[header];
}

bool wwi_addressing_is_endpoint(wws_header header)
{
    return header == WWS_HEADER_FROM || header == WWS_HEADER_REPLY_TO
        || header == WWS_HEADER_FAULT_TO;
}

wws_string wwi_addressing_fault_action(
    wws_addressing_version version,
    wws_string subcode_namespace)
{
    const struct words *words = &versions[version];

    if (wwi_string_equal(words->ns, subcode_namespace))
        return words->fault;
    return words->soap_fault;
}

bool wwi_addressing_uuid(char text[WWI_UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t octets[16];
    char *at = text + 9;

    if (!wwi_random(octets, sizeof octets))
        return false;
    /* Version 4, variant 1 (RFC 9562, section 5.4). */
    octets[6] = (uint8_t) ((octets[6] & 0x0F) | 0x40);
    octets[8] = (uint8_t) ((octets[8] & 0x3F) | 0x80);
    memcpy(text, "urn:uuid:", 9);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[octets[i] >> 4];
        *at++ = digits[octets[i] & 15];
    }
    return true;
}

/* From the octets of a document, in whatever encoding, to UTF-8. */
#ifndef WWI_XML_CHARSET_H
#define WWI_XML_CHARSET_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/text.h"

/* Makes a whole document one that the reader takes, in place: UTF-16 becomes
 * UTF-8, and its declaration no longer names an encoding.  `said` is what came
 * with the octets, from outside.  What becomes UTF-8 may have `max_size` octets
 * then; 0: no limit.  On failure the octets are the holder's still, in whatever
 * form. */
wws_status wwi_charset_decode(
    struct wwi_bytes *octets,
    enum wwi_charset said,
    size_t max_size,
    struct wwi_error *error);

#endif

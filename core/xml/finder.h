/* Finds a header of addressing in an envelope that is not read otherwise: only
 * as far as that header, and with wider limits than envelopes have, so that who
 * waits for one that is refused is found nevertheless. */
#ifndef WWI_XML_FINDER_H
#define WWI_XML_FINDER_H

#include "core/base/bytes.h"
#include "core/xml/reader.h"
#include "wws/base.h"
#include "wws/types.h"

struct wwi_finder {
    struct wwi_xml_reader reader;
    struct wwi_bytes text;
};

/* An all-zero struct may be given to fini. */
void wwi_finder_init(struct wwi_finder *finder);
void wwi_finder_fini(struct wwi_finder *finder);

/* The first MessageID, or the first RelatesTo that names a request, without
 * white space around it; of size 0: there is none.  It holds until the next
 * call.  Fails when there is no memory, and when something in front of it
 * cannot be read. */
wws_status wwi_finder_find(
    struct wwi_finder *finder,
    wws_bytes octets,
    wws_addressing_version addressing,
    wws_header header,
    wws_string *text);

#endif

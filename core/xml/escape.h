/* Texts on their way into XML. */
#ifndef WWI_XML_ESCAPE_H
#define WWI_XML_ESCAPE_H

#include "core/base/bytes.h"
#include "wws/base.h"

/* Appends text, for content or for an attribute in double quotes.  Stops and
 * is false at what is no UTF-8 or no character of XML. */
bool wwi_xml_escape(struct wwi_bytes *out, wws_string text, bool attribute);
/* Whether it would be false. */
bool wwi_xml_has_text(wws_string text);

#endif

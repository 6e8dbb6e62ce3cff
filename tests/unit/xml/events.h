/* What a reader reports, as one text that tests can compare: adjoining pieces
 * of text count as one, since a chunk may end anywhere. */
#ifndef TESTS_XML_EVENTS_H
#define TESTS_XML_EVENTS_H

#include "core/base/bytes.h"
#include "core/xml/reader.h"

struct events {
    struct wwi_bytes out;
    bool in_text;
};

static inline void events_name(struct events *events, wws_string ns,
    wws_string local)
{
    if (ns.size != 0) {
        wwi_bytes_append_char(&events->out, '{');
        wwi_bytes_append_string(&events->out, ns);
        wwi_bytes_append_char(&events->out, '}');
    }
    wwi_bytes_append_string(&events->out, local);
}

static inline void events_end_text(struct events *events)
{
    if (events->in_text)
        wwi_bytes_append_char(&events->out, '\'');
    events->in_text = false;
}

static inline void events_start(struct events *events, wws_string ns,
    wws_string local)
{
    events_end_text(events);
    wwi_bytes_append_char(&events->out, '(');
    events_name(events, ns, local);
}

static inline void events_attribute(struct events *events, wws_string ns,
    wws_string local, wws_string value)
{
    wwi_bytes_append_char(&events->out, ' ');
    events_name(events, ns, local);
    wwi_bytes_append_char(&events->out, '=');
    wwi_bytes_append_string(&events->out, value);
}

static inline void events_text(struct events *events, wws_string text)
{
    if (text.size != 0 && !events->in_text) {
        wwi_bytes_append_char(&events->out, '\'');
        events->in_text = true;
    }
    wwi_bytes_append_string(&events->out, text);
}

static inline void events_end(struct events *events)
{
    events_end_text(events);
    wwi_bytes_append_char(&events->out, ')');
}

/* Reads on until the token is none of these; returns that. */
static inline enum wwi_xml_token events_read(struct events *events,
    struct wwi_xml_reader *reader)
{
    for (;;) {
        enum wwi_xml_token token = wwi_xml_reader_next(reader);

        switch (token) {
        case WWI_XML_START_ELEMENT:
            events_start(events, reader->name.ns, reader->name.local);
            for (size_t i = 0; i < reader->attribute_count; i++) {
                const struct wwi_xml_attribute *attribute =
                    &reader->attributes[i];

                events_attribute(events, attribute->name.ns,
                    attribute->name.local, attribute->value);
            }
            break;
        case WWI_XML_TEXT:
            events_text(events, reader->text);
            break;
        case WWI_XML_END_ELEMENT:
            events_end(events);
            break;
        case WWI_XML_NEED_INPUT:
            return token;
        default:
            events_end_text(events);
            return token;
        }
    }
}

/* The text so far, ended by a NUL. */
static inline const char *events_string(struct events *events)
{
    wwi_bytes_append_char(&events->out, '\0');
    events->out.size--;
    return (const char *) events->out.data;
}

#endif

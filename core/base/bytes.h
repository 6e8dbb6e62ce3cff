/* A growing run of octets, and owned buffers made of one.
 *
 * An append that finds no memory sets `failed` and does nothing from then on:
 * writers append freely and look once, at the end. */
#ifndef WWI_BYTES_H
#define WWI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wws/base.h"

struct wwi_bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
};

/* All zero is an empty run; fini returns to that. */
void wwi_bytes_fini(struct wwi_bytes *bytes);
/* Empties, keeping at most `keep` octets of memory and clearing `failed`. */
void wwi_bytes_reset(struct wwi_bytes *bytes, size_t keep);

/* Makes room for `more` octets behind size and returns where they go; null
 * when there is no memory. */
void *wwi_bytes_reserve(struct wwi_bytes *bytes, size_t more);
/* Empties it, and makes room for exactly so many octets if it has less; false
 * when there is no memory. */
bool wwi_bytes_fit(struct wwi_bytes *bytes, size_t size);
static inline void wwi_bytes_append(
    struct wwi_bytes *bytes,
    const void *data,
    size_t size)
{
    void *to;

    if (size == 0)
        return;
    to = !bytes->failed && size <= bytes->capacity - bytes->size
        ? bytes->data + bytes->size : wwi_bytes_reserve(bytes, size);
    if (to == NULL)
        return;
    memcpy(to, data, size);
    bytes->size += size;
}

void wwi_bytes_append_text(struct wwi_bytes *bytes, const char *text);
void wwi_bytes_append_string(struct wwi_bytes *bytes, wws_string string);
void wwi_bytes_append_char(struct wwi_bytes *bytes, char c);
void wwi_bytes_append_number(struct wwi_bytes *bytes, uint64_t number);
/* Drops the first octets. */
void wwi_bytes_consume(struct wwi_bytes *bytes, size_t size);

/* Moves the run into a buffer that its holder releases. */
void wwi_bytes_to_buffer(struct wwi_bytes *bytes, wws_buffer *buffer);
/* Releases and zeroes; for an empty one does nothing. */
void wwi_buffer_release(wws_buffer *buffer);

#endif

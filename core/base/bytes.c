/* Growing runs of octets; capacity doubles, so appending is linear overall. */
#include "core/base/bytes.h"

#include <string.h>

#include "core/base/memory.h"

enum { SMALLEST = 256 };

void wwi_bytes_fini(struct wwi_bytes *bytes)
{
    wwi_free(bytes->data);
    *bytes = (struct wwi_bytes) { 0 };
}

void wwi_bytes_reset(struct wwi_bytes *bytes, size_t keep)
{
    if (bytes->capacity > keep)
        wwi_bytes_fini(bytes);
    bytes->size = 0;
    bytes->failed = false;
}

static bool grow(struct wwi_bytes *bytes, size_t needed)
{
    size_t capacity = bytes->capacity < SMALLEST ? SMALLEST : bytes->capacity;
    uint8_t *data;

    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2)
            return false;
        capacity *= 2;
    }
    data = wwi_realloc(bytes->data, capacity);
    if (data == NULL)
        return false;
    bytes->data = data;
    bytes->capacity = capacity;
    return true;
}

void *wwi_bytes_reserve(struct wwi_bytes *bytes, size_t more)
{
    if (bytes->failed || more > SIZE_MAX - bytes->size)
        bytes->failed = true;
    else if (bytes->data == NULL || more > bytes->capacity - bytes->size)
        bytes->failed = !grow(bytes, bytes->size + more);
    return bytes->failed ? NULL : bytes->data + bytes->size;
}

bool wwi_bytes_fit(struct wwi_bytes *bytes, size_t size)
{
    wwi_bytes_reset(bytes, SIZE_MAX);
    if (size <= bytes->capacity)
        return true;
    wwi_bytes_fini(bytes);
    bytes->data = wwi_alloc(size);
    bytes->capacity = bytes->data != NULL ? size : 0;
    return bytes->data != NULL;
}

void wwi_bytes_append_text(struct wwi_bytes *bytes, const char *text)
{
    wwi_bytes_append(bytes, text, strlen(text));
}

void wwi_bytes_append_string(struct wwi_bytes *bytes, wws_string string)
{
    wwi_bytes_append(bytes, string.data, string.size);
}

void wwi_bytes_append_char(struct wwi_bytes *bytes, char c)
{
    wwi_bytes_append(bytes, &c, 1);
}

void wwi_bytes_append_number(struct wwi_bytes *bytes, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char) ('0' + number % 10);
        number /= 10;
    } while (number != 0);
    wwi_bytes_append(bytes, digits + at, sizeof digits - at);
}

void wwi_bytes_consume(struct wwi_bytes *bytes, size_t size)
{
    bytes->size -= size;
    if (size != 0 && bytes->size != 0)
        memmove(bytes->data, bytes->data + size, bytes->size);
}

void wwi_bytes_to_buffer(struct wwi_bytes *bytes, wws_buffer *buffer)
{
    *buffer = (wws_buffer) {
        .data = bytes->data,
        .size = bytes->size,
        .owner = bytes->data,
        .release = wwi_free,
    };
    *bytes = (struct wwi_bytes) { 0 };
}

void wwi_buffer_release(wws_buffer *buffer)
{
    wws_buffer taken;

    if (buffer == NULL)
        return;
    taken = *buffer;
    *buffer = (wws_buffer) { 0 };
    if (taken.release != NULL)
        taken.release(taken.owner);
}

/* The few values every part of the interface is made of.  By hand; all other
 * public headers are generated from the schema. */
#ifndef WWS_BASE_H
#define WWS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX < 0xFFFFFFFFFFFFFFFF
#error "libwws needs 64-bit pointers"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(WWS_BUILD) && defined(__GNUC__)
#define WWS_API __attribute__((visibility("default")))
#else
#define WWS_API
#endif

/** The version of the interface that this header describes. */
#define WWS_VERSION 1

/** As a time in milliseconds: for ever. */
#define WWS_INFINITE UINT32_MAX

/** UTF-8 text, counted, not terminated. */
typedef struct wws_string {
    const char *data;
    size_t size;
} wws_string;

/** Borrowed octets. */
typedef struct wws_bytes {
    const void *data;
    size_t size;
} wws_bytes;

/** Octets that belong to whoever holds the buffer, until
 *  wws_buffer_release().  An application that moves a buffer of its own into
 *  the library fills in all members; release is called once, on any thread,
 *  and may be null. */
typedef struct wws_buffer {
    const void *data;
    size_t size;
    void *owner;
    void (*release)(void *owner);
} wws_buffer;

/** A wws_string of a string literal. */
#ifdef __cplusplus
#define WWS_STR(literal) (wws_string{ "" literal, sizeof(literal) - 1 })
#else
#define WWS_STR(literal) ((wws_string) { "" literal, sizeof(literal) - 1 })
#endif

#ifdef __cplusplus
}
#endif

#endif

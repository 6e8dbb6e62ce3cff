/*
 * Compiled once for each public header and each standard of C: a header
 * stands alone, may come twice, and needs no padding anywhere.
 */
#include WWS_HEADER
#include WWS_HEADER

#if !defined(WWS_API)
#error a public header without wws/base.h
#endif

int header_alone(void);

int header_alone(void)
{
    return 0;
}

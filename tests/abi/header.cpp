/* The same as header.c, for each standard of C++. */
#include WWS_HEADER
#include WWS_HEADER

#if !defined(WWS_API)
#error a public header without wws/base.h
#endif

int header_alone();

int header_alone()
{
    return 0;
}

/* Memory that a test can close: whoever touches it then ends the program. */
#ifndef TESTS_PAGE_H
#define TESTS_PAGE_H

#include <stddef.h>

/* Pages of its own for so many octets, all zero. */
void *page_new(size_t size);
void page_seal(void *page, size_t size);
void page_free(void *page, size_t size);

#endif

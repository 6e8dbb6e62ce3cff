/* Memory that a test can close. */
#include "tests/support/public/page.h"

#include <sys/mman.h>

#include "tests/support/public/check.h"

void *page_new(size_t size)
{
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(page != MAP_FAILED);
    return page;
}

void page_seal(void *page, size_t size)
{
    must(mprotect(page, size, PROT_NONE) == 0);
}

void page_free(void *page, size_t size)
{
    must(munmap(page, size) == 0);
}

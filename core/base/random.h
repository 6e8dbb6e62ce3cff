/* Random octets, such as no other thread and no other process gets. */
#ifndef WWI_RANDOM_H
#define WWI_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

enum { WWI_RANDOM_MOST = 16 };

/* At most so many; false if the system gives none. */
bool wwi_random(uint8_t *octets, uint32_t size);

#endif

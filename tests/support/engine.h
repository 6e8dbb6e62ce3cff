/* A runtime for a unit test, and what a test has to wait for in it. */
#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

#include "core/io/engine.h"

/* One of two loops. */
struct wwi_runtime *start_engine(void);
/* Until all events that came before have been dealt with, on every loop. */
void let_loops_run(const struct wwi_runtime *runtime);
/* In time, with every socket closed; gives the reference back. */
void end_engine(struct wwi_runtime *runtime);

#endif

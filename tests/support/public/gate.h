/* Operations that wait until a test lets them go on, and count what they are
 * told.  What an operation does says its action. */
#ifndef TESTS_GATE_H
#define TESTS_GATE_H

#include "tests/support/public/check.h"

#define ACTION_ECHO "urn:wws:test:Echo"   /* answers at once */
#define ACTION_WAIT "urn:wws:test:Wait"   /* holds its thread in the gate */
#define ACTION_LATER "urn:wws:test:Later" /* is completed by the gate */

struct visit;

struct gate {
    /* Set before operations come. */
    bool registers;           /* each visitor, for cancel */
    bool leaves_when_told;    /* a visitor of LATER completes when cancelled */
    wws_status gives;         /* what an operation completes with */
    void (*visiting)(struct gate *gate, wws_operation operation);
    void (*telling)(struct gate *gate, wws_operation operation);
    void *user;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;                /* nobody is held up any more */
    unsigned tickets;         /* so many may go on */
    unsigned entered;
    unsigned inside;          /* entered and not completed */
    unsigned registered;
    unsigned told;
    unsigned told_by[2];      /* the reason */
    unsigned freed;
    unsigned mistakes;        /* told twice, told late, freed before told */
    struct visit *held;       /* of LATER */
};

void gate_init(struct gate *gate);
void gate_fini(struct gate *gate);
wws_status gate_serve(wws_operation operation, void *state);
/* Lets so many go on, those inside first. */
void gate_release(struct gate *gate, unsigned count);
void gate_open(struct gate *gate);
/* Whether a counter of the gate came to that in time. */
bool gate_reaches(struct gate *gate, const unsigned *counter, unsigned value);
/* Whether everybody has left in time. */
bool gate_empties(struct gate *gate);
unsigned gate_read(struct gate *gate, const unsigned *counter);

#endif

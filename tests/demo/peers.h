/* The other processes of the demo, and the notes they exchange with it over a
 * control pipe.  Every process that is started here is ended here, by its id,
 * on every way out of the demo. */
#ifndef DEMO_PEERS_H
#define DEMO_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum note_kind {
    /* From a host. */
    NOTE_ADDRESS, /* key: which endpoint; text: its address */
    NOTE_ENTERED, /* operation key runs */
    NOTE_TOLD,    /* operation key was cancelled; value: the reason */
    NOTE_FREED,   /* the state that operation key registered was freed */
    NOTE_ABORTED, /* at: before the abort; value: the state after it */
    NOTE_CLOSED,  /* value: the status */
    NOTE_FAILED,  /* key: an operation, or 0; text: what */
    /* To a host. */
    NOTE_RELEASE, /* operation key is to answer */
    NOTE_ABORT,
    NOTE_CLOSE,
};

struct note {
    uint32_t kind;
    uint32_t key;
    int64_t value;
    int64_t at_ns; /* of the clock that all processes share */
    char text[128];
};

enum { NOTES_KEPT = 256, CONTROL_FD = 3 };

struct peer {
    pid_t pid;
    int control;
    unsigned count;
    struct note notes[NOTES_KEPT];
};

/* Installs what ends the others if this process is ended. */
void peers_prepare(void);

/* Runs this program again with a role and its arguments, the last one null;
 * the other end of its control pipe is CONTROL_FD there. */
bool peer_start(struct peer *peer, const char *const *arguments);
/* Closes the pipe, upon which it ends; it is killed if it does not. */
bool peer_end(struct peer *peer);
/* It still is to be ended by the function above. */
void peer_kill(struct peer *peer);

bool note_send(int control, const struct note *note);
bool note_receive(int control, struct note *note);

bool peer_tell(struct peer *peer, enum note_kind kind, uint32_t key);
/* Waits for a note; it may have come before. */
bool peer_await(
    struct peer *peer,
    enum note_kind kind,
    uint32_t key,
    struct note *note);
/* How many of these have come. */
unsigned peer_count(struct peer *peer, enum note_kind kind, uint32_t key);
/* Makes room: the notes that have come are done with. */
void peer_forget(struct peer *peer);

/* Runs a program, takes what it prints, and waits for its end: whether that
 * came in time and was a success. */
bool program_run(const char *const *arguments, char *output, size_t size);
/* The path of a file that is named from the folder of these sources. */
void program_file(char *path, size_t size, const char *name);

#endif

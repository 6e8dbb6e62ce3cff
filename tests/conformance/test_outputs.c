/* What is given out in buffers that move to the caller: nothing, when it
 * fails. */
#include "tests/support/public/talk.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { UNTOUCHED = 77 };

static const wws_error no_error;

/* A channel and what is asked of it, into a buffer that is not its own. */
struct asking {
    struct talk talk;
    wws_buffer buffer;
};

static wws_status read_body(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct asking *asking = state;

    return wws_channel_read_body(asking->talk.channel, asking->talk.reply,
        &asking->buffer, completion, error);
}

static wws_status get_text(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct asking *asking = state;

    (void) completion;
    return wws_channel_get_text(asking->talk.channel,
        WWS_CHANNEL_TEXT_REMOTE_ADDRESS, &asking->buffer, error);
}

static wws_status get_no_text(
    void *state,
    const wws_completion *completion,
    wws_error error)
{
    struct asking *asking = state;

    (void) completion;
    return wws_channel_get_text(asking->talk.channel, (wws_channel_text) 99,
        &asking->buffer, error);
}

/* How far the channel of the client is. */

static void only_create(struct talk *talk)
{
    (void) talk;
}

static void open_it(struct talk *talk)
{
    must(start_open(talk, NULL, no_error) == WWS_S_OK);
}

static void abort_it(struct talk *talk)
{
    open_it(talk);
    must(wws_channel_abort(talk->channel) == WWS_S_OK);
}

static void close_it(struct talk *talk)
{
    open_it(talk);
    must(start_close_channel(talk, NULL, no_error) == WWS_S_OK);
}

static const struct row {
    void (*reach)(struct talk *talk);
    start_fn start;
    wws_status status;
} rows[] = {
    { only_create, read_body, WWS_E_INVALID_OPERATION },
    { open_it, read_body, WWS_E_INVALID_OPERATION },
    { abort_it, read_body, WWS_E_OBJECT_FAULTED },
    { close_it, read_body, WWS_E_INVALID_OPERATION },
    { only_create, get_text, WWS_E_INVALID_OPERATION },
    { close_it, get_text, WWS_E_INVALID_OPERATION },
    { only_create, get_no_text, WWS_E_INVALIDARG },
};

/* The channel of a client never has a text over HTTP. */
static wws_status wanted(const struct row *row)
{
    return row->start == get_text && !wire()->has_sessions
        ? WWS_E_INVALIDARG : row->status;
}

static bool leaves_it_alone(
    const struct row *row,
    struct world *world,
    enum manner manner)
{
    struct asking asking = {
        .talk = {
            .channel = new_channel(world->runtime),
            .url = world->url,
            .reply = new_empty(),
        },
        .buffer = { &asking, UNTOUCHED, &asking, NULL },
    };
    struct heard heard;
    bool same;

    row->reach(&asking.talk);
    hear(&heard, manner, row->start, &asking);
    same = heard_end(&heard) == wanted(row);
    same = same && asking.buffer.data == (void *) &asking
        && asking.buffer.size == UNTOUCHED && asking.buffer.release == NULL;
    must(wws_channel_free(asking.talk.channel) == WWS_S_OK);
    must(wws_message_free(asking.talk.reply) == WWS_S_OK);
    if (!same)
        print_error("row %zu, %s: %s\n", (size_t) (row - rows),
            manner_name(manner), wws_status_name(heard.status));
    return same;
}

/* L9, E2: read_body and get_text; the others' tests are with their objects. */
static void buffer__is_left_alone_by_what_fails(void **state)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(rows); i++)
        for (int manner = 0; manner < MANNERS; manner++)
            wrong += !leaves_it_alone(&rows[i], *state, manner);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(buffer__is_left_alone_by_what_fails,
            world_set_up, world_tear_down),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}

/* How much of a host its clients can have at once. */
#include "tests/support/public/peer.h"
#include "tests/support/public/world.h"

#include <stdatomic.h>
#include <unistd.h>

enum { CHANNELS = 2, CLIENTS = 20 };

/* How many others were inside when one came. */
static void note_most(struct gate *gate, wws_operation operation)
{
    _Atomic unsigned *most = gate->user;
    unsigned inside = gate_read(gate, &gate->inside);
    unsigned known = atomic_load(most);

    (void) operation;
    while (inside > known
        && !atomic_compare_exchange_weak(most, &known, inside))
        continue;
}

/* Asks as soon as he can, and goes when he is answered. */
static void *ask(void *state)
{
    const struct world *world = state;
    int client = peer_connect(world->url);

    peer_request(client, ACTION_LATER, 0);
    must(peer_answered(client));
    peer_end_session(client);
    close(client);
    return NULL;
}

/* H8: those who are too many are not refused: they wait until others go. */
static void endpoint__serves_as_many_channels_as_it_may(void **state)
{
    wws_endpoint_options endpoint = endpoint_options();
    _Atomic unsigned most = 0;
    pthread_t clients[CLIENTS];
    struct world world;
    struct gate *gate;

    (void) state;
    endpoint.max_channels = CHANNELS;
    world_begin(&world, NULL);
    gate = &world.gate;
    gate->visiting = note_most;
    gate->user = &most;
    world_add_host(&world, NULL, &endpoint);
    for (int i = 0; i < CLIENTS; i++)
        must(pthread_create(&clients[i], NULL, ask, &world) == 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        unsigned entered = i + CHANNELS < CLIENTS ? i + CHANNELS : CLIENTS;

        assert_true(gate_reaches(gate, &gate->entered, entered));
        gate_release(gate, 1);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);

    assert_true(atomic_load(&most) < CHANNELS);
    assert_true(world_end(&world));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint__serves_as_many_channels_as_it_may),
    };

    return run_promises(tests, world_warm_up, world_cool_down);
}

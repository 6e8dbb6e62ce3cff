/* Gates: named places of the library where a test may step in.
 *
 * A gate stands where something has just been decided or is about to be, and
 * where another thread could have come in between.  No lock is held at one, so
 * that the thread that passes may be kept there for as long as a test likes,
 * and everything else must still be able to go on: debug builds stop at a gate
 * that is passed with a lock.  What is released has no gates. */
#ifndef WWI_GATE_H
#define WWI_GATE_H

/* clang-format off */
#define WWI_GATES(GATE) \
    /* io: one unfinished thing, who waits for it, and threads. */ \
    GATE(PENDING_TAKEN) GATE(PENDING_FINISHED) GATE(PENDING_SLEEPS) \
    GATE(PENDING_WOKE) GATE(WAIT_DELIVERS) GATE(WAIT_CALLS) \
    GATE(WAIT_CALLED) GATE(WAIT_RETURNS) GATE(QUEUE_FETCHED) \
    GATE(LOOP_SLEEPS) GATE(LOOP_WOKE) GATE(LOOP_RUNS) GATE(LOOP_EXPIRES) \
    GATE(POOL_SUBMITTED) GATE(POOL_GROWS) GATE(POOL_RUNS) \
    GATE(RUNTIME_CLOSING) GATE(RUNTIME_IDLE) GATE(RUNTIME_ENDED) \
    /* transport: connections and those who listen for them. */ \
    GATE(CONN_CONNECTS) GATE(CONN_CONNECTED) GATE(CONN_WRITES) \
    GATE(CONN_WROTE) GATE(CONN_READS) GATE(CONN_CLOSES) GATE(CONN_CLOSED) \
    GATE(HTTP_CLIENT_STEPS) GATE(HTTP_CLIENT_CLOSES) GATE(HTTP_PEER_MOVES) \
    GATE(HTTP_PEER_TELLS) GATE(ACCEPTOR_ACCEPTED) GATE(ACCEPTOR_STOPPED) \
    /* channel: exchanges, channels, listeners, sessions. */ \
    GATE(EXCHANGE_RUNS) GATE(EXCHANGE_STEPPED) GATE(EXCHANGE_ARMED) \
    GATE(EXCHANGE_HANDED) GATE(EXCHANGE_TAKEN) GATE(EXCHANGE_ASKED) \
    GATE(EXCHANGE_COMPLETES) GATE(EXCHANGE_OVER) GATE(EXCHANGE_EXPIRES) \
    GATE(EXCHANGE_LEFT) GATE(CLOSING_EXPIRES) \
    GATE(CHANNEL_OPENS) GATE(CHANNEL_OPENED) GATE(CHANNEL_ABORTS) \
    GATE(CHANNEL_CLOSES) GATE(CHANNEL_SETTLES) GATE(CHANNEL_ACCEPTS) \
    GATE(CHANNEL_ACCEPTED) GATE(CHANNEL_ANSWERS) \
    GATE(TRANSFER_ENTERED) GATE(TRANSFER_BEGUN) GATE(TRANSFER_PUBLISHED) \
    GATE(TRANSFER_LEAVES) GATE(MESSAGE_ABANDONED) \
    GATE(LISTENER_OPENS) GATE(LISTENER_LISTENS) GATE(LISTENER_ACCEPTS) \
    GATE(LISTENER_MATCHES) GATE(LISTENER_ENDS) \
    GATE(MUX_OPENED) GATE(MUX_ARRIVED) GATE(MUX_SENT) GATE(MUX_FAILED) \
    GATE(MUX_FREES) GATE(MUX_RELEASED) \
    /* service: proxies with their calls, hosts with their operations. */ \
    GATE(PROXY_OPENS) GATE(PROXY_OPENED) GATE(PROXY_ABORTS) \
    GATE(PROXY_CLOSES) GATE(PROXY_SETTLES) GATE(PROXY_ABANDONS) \
    GATE(CALL_CLAIMED) GATE(CALL_RESERVED) GATE(CALL_BEGUN) \
    GATE(CALL_ADMITTED) GATE(CALL_ENDED) GATE(CALL_OVER) GATE(CALL_RETIRED) \
    GATE(HOST_OPENS) GATE(HOST_LISTENS) GATE(HOST_OPENED) GATE(HOST_ADMITS) \
    GATE(HOST_ABORTS) GATE(HOST_CANCELS) GATE(HOST_CLOSES) GATE(HOST_RELEASES) \
    GATE(SESSION_STEPS) GATE(SESSION_TELLS) GATE(SESSION_ANSWERS) \
    GATE(OPERATION_REGISTERS) GATE(OPERATION_REGISTERED) \
    GATE(OPERATION_CANCELS) GATE(OPERATION_TELLS) GATE(OPERATION_TOLD) \
    GATE(OPERATION_SERVES) GATE(OPERATION_SERVED) GATE(OPERATION_COMPLETES) \
    GATE(OPERATION_ENDS)
/* clang-format on */

#ifdef WWS_DEBUG

#define WWI_GATE_NUMBER(name) WWI_GATE_##name,
enum wwi_gate { WWI_GATES(WWI_GATE_NUMBER) WWI_GATE_COUNT };
#undef WWI_GATE_NUMBER

#define WWI_GATE(name) wwi_gate_pass(WWI_GATE_##name)

void wwi_gate_pass(enum wwi_gate gate);
const char *wwi_gate_name(enum wwi_gate gate);

/* Who steps in, on the thread that passes; null for nobody.  Set it while no
 * gate is being passed. */
void wwi_gate_watch(void (*passed)(enum wwi_gate gate));

#else

#define WWI_GATE(name) ((void) 0)

#endif
#endif

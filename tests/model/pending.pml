/* How a call ends, whoever wants it to: the pending of core/io/pending.h as
 * the wait of the caller, and beside it the exchange, which is its I/O.
 *
 * Words.  The wait is *taken* by exactly one: the I/O that is complete, a
 * cancel, an abandon, a deadline, or the end of the object that owns the call.
 * The exchange has an *owner*, the caller's own thread or the loop, who alone
 * touches the connection.  Everybody else asks the owner: sets `stop`, which is
 * never reset, and notifies whom he then reads in `owner`.  Handing over is
 * arming the loop, writing `owner`, and then looking at `stop` once more.
 *
 * What is hard: a synchronous caller is woken, and is gone with its record as
 * soon as that is DONE, and hands what was abandoned to the loop before; its
 * wake descriptor then serves another sleeper, late signals and all.
 *
 * Everything ends in a state where nobody can go on, and there init asserts
 * that all is over.  A wake or a stop that is lost leaves somebody behind.
 * Each name that #ifdef knows here is a mistake; check.sh shows that each is
 * found. */

/* Of a pending. */
#define IDLE 0
#define RUNNING 1
#define SLEEPING 2
#define TAKEN 3
#define DONE 4

/* The two pendings that use the one wake descriptor. */
#define CALL 0
#define NEXT 1

#define CALLER 0
#define LOOP 1

/* Those who end a wait from outside. */
#define CANCEL 0
#define ABANDON 1
#define DEADLINE 2
#define FREE 3

/* What happens in this run. */
bool synchronous, replies, deadline;

/* The records of those who wait. */
byte state[2];
bool slept[2];
bool listed[2];
byte holders[2];
byte finishes[2];
bool delivered;

/* The descriptor that is never closed: whether it is readable. */
bool wake;

/* The exchange. */
bool owner, stop, posted, armed, detached, abandoned;
bool exchange_listed = true;
byte exchange_holders;
byte begun, ended;

/* Who came to his end. */
bool returned[2];
byte heard;

inline touch(p)
{
    assert(holders[p] > 0)
}

inline touch_exchange()
{
    assert(exchange_holders > 0)
}

/* One compare-and-swap, by somebody who knows that the record is there. */
inline take(p, won)
{
    touch(p);
    won = state[p] < TAKEN;
    if
    :: won ->
        slept[p] = state[p] == SLEEPING;
        state[p] = TAKEN
    :: else
    fi
}

inline move(p, from, to, won)
{
    d_step {
        touch(p);
        won = state[p] == from;
        if
        :: won -> state[p] = to
        :: else
        fi
    }
}

inline finish(p, signals)
{
    d_step {
        touch(p);
        assert(state[p] == TAKEN);
        signals = slept[p];
        finishes[p]++
    }
    d_step {
        touch(p);
        state[p] = DONE
    }
    d_step {
        if
        :: p == CALL && !synchronous ->
            touch(p);
            assert(!delivered);
            delivered = true
        :: else ->
#ifdef WAKE_THROUGH_THE_RECORD
            touch(p);
#endif
#ifndef WAKE_BEFORE_TAKING
            wake = wake || signals;
#endif
            skip
        fi;
        signals = false
    }
}

inline settle(p)
{
#ifdef RETURN_WHEN_TAKEN
    state[p] >= TAKEN
#else
    state[p] == DONE
#endif
}

inline drop_exchange()
{
    touch_exchange();
    exchange_holders--
}

/* A post keeps the exchange until it has run. */
inline post()
{
    touch_exchange();
    if
    :: !posted ->
        posted = true;
        exchange_holders++
    :: else
    fi
}

/* By the owner, who closes the connection or gives it back. */
inline end_exchange()
{
    ended++;
    exchange_listed = false;
    drop_exchange()
}

/* By somebody who keeps the exchange until he has asked. */
inline ask_to_stop(seen)
{
#ifdef READ_OWNER_BEFORE_STOP
    seen = owner;
    stop = true;
#else
    stop = true;
    seen = owner;
#endif
    d_step {
        if
        :: seen == LOOP -> post()
        :: else -> wake = true
        fi;
        drop_exchange();
        seen = CALLER
    }
}

inline hand_over()
{
#ifdef ARM_AFTER_OWNER
    owner = LOOP;
    d_step {
        assert(ended == 0);
        armed = true
    };
#else
    d_step {
        assert(ended == 0);
        armed = true
    };
    owner = LOOP;
#endif
#ifndef NO_SECOND_LOOK
    d_step {
        if
        :: stop -> post()
        :: else
        fi
    }
#endif
}

/* A synchronous caller does its own I/O until somebody takes the wait. */
inline drive(won, signals)
{
    do
    :: move(CALL, RUNNING, SLEEPING, won);
        if
        :: !won -> break
        :: else
        fi;
        if
        :: wake -> wake = false
        :: replies && ended == 0
        :: deadline
        fi;
        move(CALL, SLEEPING, RUNNING, won);
        if
        :: !won -> break
        :: else
        fi;
        if
        :: d_step { stop && ended == 0 -> end_exchange() }
        :: d_step { !stop && replies && ended == 0 ->
            take(CALL, won);
            end_exchange()
        };
            break
        :: d_step { deadline ->
            take(CALL, won);
            if
            :: won && ended == 0 -> end_exchange()
            :: else
            fi
        };
            break
        :: !deadline && !(replies && ended == 0) && !(stop && ended == 0)
        fi
    od;
    if
    :: won -> finish(CALL, signals)
    :: else -> settle(CALL)
    fi;
    if
    :: ended != 0
    :: d_step { ended == 0 && stop -> end_exchange() }
    :: ended == 0 && !stop ->
        detached = true;
        hand_over()
    fi
}

/* The thread's next wait, with the same descriptor. */
inline wait_again(won)
{
    d_step {
        state[NEXT] = RUNNING;
        holders[NEXT] = 1;
        listed[NEXT] = true
    }
    do
    :: move(NEXT, RUNNING, SLEEPING, won);
        if
        :: !won -> break
        :: else
        fi;
        wake -> wake = false;
        move(NEXT, SLEEPING, RUNNING, won);
        if
        :: !won -> break
        :: else
        fi
    od;
    settle(NEXT)
}

/* Found no more, then gone. */
inline leave(p)
{
    d_step {
        listed[p] = false;
        holders[p]--;
        returned[p] = true
    }
}

inline do_not_begin()
{
    d_step {
        exchange_listed = false;
        exchange_holders--;
        if
        :: !synchronous -> holders[CALL]--
        :: else
        fi
    }
}

proctype caller()
{
    bool won, signals;

    move(CALL, IDLE, RUNNING, won);
    if
    :: !won ->
        do_not_begin();
        if
        :: synchronous -> settle(CALL)
        :: else
        fi
    :: won && synchronous ->
        begun++;
        drive(won, signals)
    :: won && !synchronous ->
        begun++;
        hand_over()
    fi;
    d_step { drop_exchange() };
    if
    :: synchronous ->
        leave(CALL);
        wait_again(won);
        leave(NEXT)
    :: else
    fi
}

/* Ends the thread's next wait. */
proctype next_taker()
{
    bool won, signals;

    listed[NEXT];
#ifdef WAKE_BEFORE_TAKING
    wake = true;
#endif
    d_step { take(NEXT, won) };
    assert(won);
    finish(NEXT, signals)
}

/* Hears of an asynchronous call. */
proctype pool()
{
    delivered;
    heard++;
    leave(CALL)
}

/* Under the lock of the lists: whom there is to stop. */
inline find_exchange(found)
{
    found = exchange_listed;
    if
    :: found -> exchange_holders++
    :: else
    fi
}

/* Cancelling stops the exchange if it won; the end of the owner does always,
 * perhaps before it takes. */
proctype asker(byte kind)
{
    bool won, found, signals, seen;

    if
    :: kind == FREE ->
        d_step { find_exchange(found) };
        if
        :: found ->
            ask_to_stop(seen);
            found = false
        :: else
        fi
    :: true
    fi;
#ifdef WAKE_BEFORE_TAKING
    wake = true;
#endif
    d_step {
        if
        :: listed[CALL] -> take(CALL, won)
        :: else
        fi;
        if
        :: kind == ABANDON -> abandoned = abandoned || won
        :: kind == FREE || kind != ABANDON && won -> find_exchange(found)
        :: else
        fi
    }
    do
    :: won ->
        finish(CALL, signals);
        won = false
    :: found ->
        ask_to_stop(seen);
        found = false
    :: !won && !found -> break
    od
}

/* The exchange of an asynchronous call keeps its record. */
inline let_go()
{
    if
    :: !detached ->
        touch(CALL);
        holders[CALL]--
    :: else
    fi
}

proctype loop()
{
    bool won, signals;

end:
    do
    :: posted ->
        posted = false;
        d_step {
            if
            :: stop && ended == 0 ->
                end_exchange();
                let_go()
            :: else
            fi;
            drop_exchange()
        }
    :: d_step { armed && replies && ended == 0 ->
        if
        :: !stop && !detached -> take(CALL, won)
        :: else
        fi;
        end_exchange()
    };
        if
        :: won -> finish(CALL, signals)
        :: else
        fi;
        d_step {
            let_go();
            won = false
        }
    /* What was abandoned has a time limit. */
    :: d_step { armed && abandoned && !stop && ended == 0 ->
        end_exchange();
        let_go()
    }
    od
}

inline maybe(what)
{
    if
    :: what = true
    :: what = false
    fi
}

init
{
    bool cancels, abandons, frees;

    atomic {
        maybe(synchronous);
        maybe(replies);
        maybe(deadline);
        maybe(cancels);
        maybe(abandons);
        maybe(frees);
        /* Somebody must come some day. */
        frees = frees || !replies && !deadline && !cancels && !abandons;
        listed[CALL] = true;
        holders[CALL] = (synchronous -> 1 : 2);
        exchange_holders = 2;
        run caller();
        run loop();
        if
        :: synchronous -> run next_taker()
        :: else -> run pool()
        fi;
        if
        :: deadline && !synchronous -> run asker(DEADLINE)
        :: else
        fi;
        if
        :: cancels -> run asker(CANCEL)
        :: else
        fi;
        if
        :: abandons -> run asker(ABANDON)
        :: else
        fi;
        if
        :: frees -> run asker(FREE)
        :: else
        fi
    }
    timeout;
    assert(state[CALL] == DONE && finishes[CALL] == 1);
    assert(holders[CALL] == 0 && returned[CALL]);
    assert(heard == (synchronous -> 0 : 1));
    assert(begun == ended);
    assert(exchange_holders == 0 && !posted);
    assert(!synchronous || finishes[NEXT] == 1 && returned[NEXT])
}

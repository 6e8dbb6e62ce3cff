//! A transport of the application's own does as those of the library, and is
//! told of all that ends.

#![allow(non_snake_case)]

mod common;
mod memory;

use std::future::Future;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use common::{action, count, eventually, BODY, LONG};
use memory::Memory;
use wws::{
    block_on, handler, Call, CallOptions, Counter, CustomConnection,
    CustomTransport, Encoding, EndpointOptions, Error, Runtime, ServiceHost,
    ServiceHostOptions, ServiceProxy, ServiceProxyOptions, Status, Transport,
    TransportTask,
};

const URL: &str = "memory:calc";

fn proxy_over(custom: CustomTransport) -> ServiceProxy {
    let options = ServiceProxyOptions {
        transport: Transport::CUSTOM,
        encoding: Encoding::UTF8,
        custom: Some(custom),
        ..Default::default()
    };
    ServiceProxy::new_with(None, options).unwrap()
}

fn host_over(
    runtime: Option<&Runtime>,
    custom: CustomTransport,
) -> ServiceHost {
    let options = ServiceHostOptions::default();
    let host = ServiceHost::new_with(runtime, options).unwrap();
    let echo = handler(|operation| Ok(operation.body()?));
    host.add_endpoint(EndpointOptions {
        transport: Transport::CUSTOM,
        encoding: Encoding::UTF8,
        custom: Some(custom),
        ..EndpointOptions::new(URL, echo)
    })
    .unwrap();
    host.open_blocking().unwrap();
    host
}

fn says(error: &Error, text: &str) -> bool {
    error.strings().iter().any(|it| it == text)
}

/// Where a transport keeps its task instead of completing it.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Connect,
    Send,
    Receive,
}

const EVERYWHERE: [At; 3] = [At::Connect, At::Send, At::Receive];

/// What a test is told of: tasks that are its own, and the abort, with none.
type Tell = Arc<Mutex<Sender<Option<TransportTask>>>>;
type Told = Receiver<Option<TransportTask>>;

fn give(tell: &Tell, task: Option<TransportTask>) {
    drop(tell.lock().unwrap().send(task));
}

fn done(task: TransportTask) {
    task.complete(Status::S_OK).unwrap();
}

/// Receives nothing. What waits for a reply is given when all has been sent.
fn stopping_connection(at: At, tell: &Tell) -> CustomConnection {
    let receiver = Arc::new(Mutex::new(None));
    let (sends, waits, ends) = (tell.clone(), receiver.clone(), tell.clone());
    let left = receiver.clone();
    CustomConnection::new(
        move |task, _, _| match at {
            At::Send => give(&sends, Some(task)),
            At::Connect => done(task),
            At::Receive => {
                done(task);
                give(&sends, waits.lock().unwrap().take());
            }
        },
        move |task| *receiver.lock().unwrap() = Some(task),
        done,
        done,
        move || {
            left.lock().unwrap().take();
            give(&ends, None);
        },
    )
}

/// A client's transport that gives the tasks of one slot to the test.
fn stopping(at: At) -> (CustomTransport, Told) {
    let (tell, told) = channel();
    let tell = Arc::new(Mutex::new(tell));
    let connect = move |task: TransportTask, _: &str| {
        let connection = stopping_connection(at, &tell);
        task.give_connection(connection, "", "").unwrap();
        match at {
            At::Connect => give(&tell, Some(task)),
            _ => done(task),
        }
    };
    let connect = Some(Arc::new(connect) as Arc<_>);
    (CustomTransport { connect, listen: None }, told)
}

fn next_task(told: &Told) -> TransportTask {
    told.recv_timeout(LONG).unwrap().expect("aborted too early")
}

/// Opens and calls, in a thread of its own.
fn calling(
    proxy: &Arc<ServiceProxy>,
    call: &Arc<Call>,
) -> thread::JoinHandle<Error> {
    let (proxy, call) = (proxy.clone(), call.clone());
    thread::spawn(move || {
        let called = proxy.open_blocking(URL).and_then(|()| {
            let options = CallOptions::default();
            proxy.call_with_blocking("urn:a", BODY, options, Some(&call))
        });
        called.unwrap_err()
    })
}

#[test]
fn call__goes_over_the_transport_of_the_application() {
    let memory = Memory::default();
    let host = host_over(None, memory.transport());
    let proxy = proxy_over(memory.transport());

    proxy.open_blocking(URL).unwrap();
    let reply = proxy.call_blocking(&action("Echo"), BODY).unwrap();

    assert_eq!(&*reply, BODY);
    proxy.close_blocking().unwrap();
    host.close_blocking().unwrap();
}

#[test]
fn calls__go_side_by_side_over_one_connection() {
    let memory = Memory::default();
    let _host = host_over(None, memory.transport());
    let proxy = Arc::new(proxy_over(memory.transport()));
    proxy.open_blocking(URL).unwrap();

    let threads: Vec<_> = (0..8)
        .map(|_| {
            let proxy = proxy.clone();
            thread::spawn(move || {
                for _ in 0..50 {
                    proxy.call_blocking("urn:a", BODY).unwrap();
                }
            })
        })
        .collect();

    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn opening__fails_as_the_transport_says() {
    let memory = Memory::default();
    let _host = host_over(None, memory.transport());
    let second = ServiceHost::new().unwrap();
    let nothing = handler(|_| Ok(""));
    second
        .add_endpoint(EndpointOptions {
            transport: Transport::CUSTOM,
            encoding: Encoding::UTF8,
            custom: Some(memory.transport()),
            ..EndpointOptions::new(URL, nothing)
        })
        .unwrap();
    let proxy = proxy_over(memory.transport());

    let error = proxy.open_blocking("memory:nobody").unwrap_err();
    let taken = second.open_blocking().unwrap_err();

    assert_eq!(error.status(), Status::E_ENDPOINT_NOT_FOUND);
    assert!(says(&error, "nobody listens there"), "{error}");
    assert_eq!(taken.status(), Status::E_ADDRESS_IN_USE);
}

#[test]
fn abort__ends_what_hangs_and_tells_the_transport() {
    for at in EVERYWHERE {
        let (custom, told) = stopping(at);
        let proxy = Arc::new(proxy_over(custom));
        let call = Arc::new(Call::new().unwrap());
        let caller = calling(&proxy, &call);
        let task = next_task(&told);

        let began = Instant::now();
        assert_eq!(proxy.abort(), Status::S_OK);
        let error = caller.join().unwrap();

        assert_eq!(error.status(), Status::E_OPERATION_ABORTED);
        assert!(began.elapsed() < LONG / 4, "it did not end at once");
        assert!(told.recv_timeout(LONG).unwrap().is_none());
        drop(task);
    }
}

#[test]
fn cancel__ends_a_call_that_hangs_in_the_transport() {
    for at in [At::Send, At::Receive] {
        let (custom, told) = stopping(at);
        let proxy = Arc::new(proxy_over(custom));
        let call = Arc::new(Call::new().unwrap());
        let caller = calling(&proxy, &call);
        let task = next_task(&told);
        eventually(|| call.cancel() == Status::S_OK);

        assert_eq!(
            caller.join().unwrap().status(),
            Status::E_OPERATION_CANCELLED
        );

        drop(proxy);
        assert!(told.recv_timeout(LONG).unwrap().is_none());
        drop(task);
    }
}

#[test]
fn future__that_is_dropped_ends_what_hangs_in_the_transport() {
    let (custom, told) = stopping(At::Connect);
    let proxy = proxy_over(custom);

    let mut opening = Box::pin(proxy.open(URL));
    let waker = Arc::new(common::Count::default()).into();
    let mut context = std::task::Context::from_waker(&waker);
    assert!(opening.as_mut().poll(&mut context).is_pending());
    let task = next_task(&told);
    drop(opening);

    assert!(told.recv_timeout(LONG).unwrap().is_none());
    drop(task);
}

#[test]
fn failure__of_a_task_is_the_failure_of_the_call_with_its_words() {
    for at in EVERYWHERE {
        let (custom, told) = stopping(at);
        let proxy = Arc::new(proxy_over(custom));
        let caller = calling(&proxy, &Arc::new(Call::new().unwrap()));

        next_task(&told).fail("the pipe is full").unwrap();
        let error = caller.join().unwrap();

        assert_eq!(error.status(), Status::E_OTHER);
        assert!(says(&error, "the pipe is full"), "{error}");
    }
}

#[test]
fn failure__of_this_crate_keeps_its_status() {
    let (custom, told) = stopping(At::Send);
    let proxy = Arc::new(proxy_over(custom));
    let caller = calling(&proxy, &Arc::new(Call::new().unwrap()));
    let why = ServiceProxy::new().unwrap().call_blocking("a", b"");
    let why = why.unwrap_err();
    let (status, words) = (why.status(), why.to_string());

    next_task(&told).fail(why).unwrap();
    let error = caller.join().unwrap();

    assert_eq!(error.status(), status);
    assert!(says(&error, &words), "{error}");
}

#[test]
fn task__that_is_dropped_has_failed() {
    for at in EVERYWHERE {
        let (custom, told) = stopping(at);
        let proxy = Arc::new(proxy_over(custom));
        let caller = calling(&proxy, &Arc::new(Call::new().unwrap()));

        drop(next_task(&told));
        let error = caller.join().unwrap();

        assert_eq!(error.status(), Status::E_OTHER);
        assert!(says(&error, "the task was dropped"), "{error}");
    }
}

#[test]
fn task__of_a_slot_that_panics_has_failed() {
    let custom = CustomTransport {
        connect: Some(Arc::new(|_task, _| panic!("on purpose"))),
        listen: None,
    };

    let error = proxy_over(custom).open_blocking(URL).unwrap_err();

    assert_eq!(error.status(), Status::E_OTHER);
    assert!(says(&error, "the task was dropped"), "{error}");
}

#[test]
fn task__can_be_completed_by_another_thread_or_task() {
    let memory = Memory::default();
    let _host = host_over(None, memory.transport());
    let (give, given) = channel::<(TransportTask, String)>();
    let give = Mutex::new(give);
    let below = memory.transport().connect.unwrap();
    let custom = CustomTransport {
        connect: Some(Arc::new(move |task, address| {
            let address = address.to_owned();
            give.lock().unwrap().send((task, address)).unwrap();
        })),
        listen: None,
    };
    let proxy = proxy_over(custom);

    let connector = thread::spawn(move || {
        let (task, address) = given.recv_timeout(LONG).unwrap();
        block_on(async move { below(task, &address) });
    });
    block_on(async {
        proxy.open(URL).await.unwrap();
        assert_eq!(&*proxy.call("urn:a", BODY).await.unwrap(), BODY);
    });

    connector.join().unwrap();
}

#[test]
fn task__takes_one_of_each_thing_and_no_status_that_is_no_end() {
    let (custom, told) = stopping(At::Receive);
    let proxy = Arc::new(proxy_over(custom));
    let caller = calling(&proxy, &Arc::new(Call::new().unwrap()));
    let task = next_task(&told);

    task.give_piece(b"<x/>", true).unwrap();
    let twice = task.give_piece(b"<y/>", true).unwrap_err();
    let no_end = task.complete(Status::S_ASYNC).unwrap_err();

    assert_eq!(twice.status(), Status::E_INVALID_OPERATION);
    assert_eq!(no_end.status(), Status::E_INVALIDARG);
    /* It was dropped, then. */
    assert_eq!(caller.join().unwrap().status(), Status::E_OTHER);
}

/// Counts how often it is dropped.
struct Dropped(Arc<Mutex<usize>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn transport__is_dropped_once_with_all_that_it_made() {
    let drops = Arc::new(Mutex::new(0));
    let runtime = Runtime::new().unwrap();
    let memory = Memory::default();
    let below = memory.transport();
    let (connects, listens) = (below.connect, below.listen);
    let witness = Arc::new(Dropped(drops.clone()));
    let (one, other) = (witness.clone(), witness);
    let custom = CustomTransport {
        connect: Some(Arc::new(move |task, address| {
            let _ = &one;
            (connects.as_ref().unwrap())(task, address)
        })),
        listen: Some(Arc::new(move |task, address| {
            let _ = &other;
            (listens.as_ref().unwrap())(task, address)
        })),
    };
    let host = host_over(Some(&runtime), custom.clone());
    let proxy = proxy_over(custom);
    proxy.open_blocking(URL).unwrap();
    proxy.call_blocking("urn:a", BODY).unwrap();
    assert_eq!(*drops.lock().unwrap(), 0);

    drop((proxy, host));

    eventually(|| *drops.lock().unwrap() == 1);
    drop(runtime);
    assert_eq!(*drops.lock().unwrap(), 1);
}

#[test]
fn transport__leaves_nothing_behind() {
    let work = || {
        let memory = Memory::default();
        let host = host_over(None, memory.transport());
        let proxy = proxy_over(memory.transport());
        proxy.open_blocking(URL).unwrap();
        for _ in 0..20 {
            proxy.call_blocking("urn:a", BODY).unwrap();
        }
        drop((proxy, host));
    };
    work();
    let before = count(Counter::HANDLES);

    for _ in 0..100 {
        work();
    }

    /* Other tests run beside this one. */
    eventually(|| count(Counter::HANDLES) < before + 90);
}

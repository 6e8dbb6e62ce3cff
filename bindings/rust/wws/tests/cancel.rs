//! Whatever is pending ends when it is asked to, however it is asked.

#![allow(non_snake_case)]

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::{action, count, eventually, Count, Service, BODY};
use wws::{
    block_on, block_on_until, Call, CallOptions, Channel, ChannelOptions,
    ChannelState, Counter, Encoding, Listener, ListenerOptions, ListenerState,
    Message, ReceiveOption, Result, ServiceHostState, ServiceProxyState,
    Status, Transport,
};

/// Polls a future at most so often, and drops it.
fn poll_and_drop<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Count::default()));
    let mut context = Context::from_waker(&waker);
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    None
}

/// The first of two futures that ends; the other one is dropped.
struct Race<A, B>(Pin<Box<A>>, Pin<Box<B>>);

enum Either<A, B> {
    First(A),
    Second(B),
}

impl<A: Future, B: Future> Future for Race<A, B> {
    type Output = Either<A::Output, B::Output>;

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.0.as_mut().poll(context) {
            return Poll::Ready(Either::First(output));
        }
        self.1.as_mut().poll(context).map(Either::Second)
    }
}

/// Is ready after so many polls, and asks for each.
struct Turns(usize);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn race<A: Future, B: Future>(a: A, b: B) -> Race<A, B> {
    Race(Box::pin(a), Box::pin(b))
}

fn status<T>(result: Result<T>) -> Status {
    result.err().map_or(Status::S_OK, |error| error.status())
}

/// Sessions over TCP: a listener with a channel that has accepted, and the
/// channel of the client.
struct Session {
    listener: Listener,
    server: Channel,
    client: Channel,
}

impl Session {
    fn new() -> Self {
        let listener = open_listener();
        let client = Channel::new_with(None, session_options()).unwrap();
        let server =
            Channel::for_listener_with(&listener, session_options()).unwrap();
        let url = listener.address().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| listener.accept_blocking(&server).unwrap());
            client.open_blocking(&url).unwrap();
        });
        Self { listener, server, client }
    }

    fn send(&self) {
        let mut message = Message::new().unwrap();
        let request = wws::MessageInitialization::REQUEST;
        message.initialize(request).unwrap();
        message.set_header(wws::Header::ACTION, "urn:a").unwrap();
        message.set_body(BODY).unwrap();
        self.client.send_blocking(&mut message).unwrap();
    }
}

fn open_listener() -> Listener {
    let options = ListenerOptions {
        transport: Transport::TCP,
        encoding: Encoding::UTF8,
        ..Default::default()
    };
    let listener = Listener::new_with(None, options).unwrap();
    listener.open_blocking("net.tcp://127.0.0.1:0/").unwrap();
    listener
}

fn session_options() -> ChannelOptions {
    ChannelOptions {
        transport: Transport::TCP,
        encoding: Encoding::UTF8,
        ..Default::default()
    }
}

#[test]
fn future__that_is_not_polled_does_nothing() {
    let service = Service::new();
    let proxy = service.proxy();
    let before = count(Counter::CONNECTIONS_OPENED);

    drop(proxy.call(&action("Echo"), BODY));

    assert_eq!(proxy.state().unwrap(), ServiceProxyState::OPEN);
    assert!(count(Counter::CONNECTIONS_OPENED) >= before);
}

#[test]
fn future__may_be_dropped_after_any_poll() {
    let service = Service::new();
    let proxy = service.proxy();

    for polls in 0..200 {
        poll_and_drop(proxy.call(&action("Echo"), BODY), polls % 20);
    }

    let reply = proxy.call_blocking(&action("Echo"), BODY).unwrap();
    assert_eq!(&*reply, BODY);
}

#[test]
fn future__that_is_dropped_stops_its_call_alone() {
    let service = Service::new();
    let proxy = service.proxy();

    thread::scope(|scope| {
        let neighbour =
            scope.spawn(|| proxy.call_blocking(&action("Hold"), BODY));
        service.hold.await_arrivals(1);
        block_on(async {
            let wait = action("Wait");
            let waiting = proxy.call(&wait, BODY);
            let entered = async { service.waiting.pass() };
            match race(waiting, entered).await {
                Either::First(reply) => panic!("{reply:?}"),
                Either::Second(()) => {}
            }
        });

        let told = service.cancelled.recv_timeout(common::LONG).unwrap();
        assert!(told.is_some());
        service.hold.open();
        assert_eq!(&*neighbour.join().unwrap().unwrap(), BODY);
    });
}

#[test]
fn future__wakes_whoever_polled_last() {
    let service = Service::new();
    let proxy = service.proxy();
    let (first, last) =
        (Arc::new(Count::default()), Arc::new(Count::default()));
    let hold = action("Hold");
    let mut call = Box::pin(proxy.call(&hold, BODY));

    for counts in [&first, &last] {
        let waker = Waker::from(counts.clone());
        let polled = call.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    service.hold.open();

    eventually(|| last.0.load(Ordering::SeqCst) > 0);
    assert_eq!(first.0.load(Ordering::SeqCst), 0);
    assert_eq!(&*block_on(call).unwrap(), BODY);
}

#[test]
fn receive__that_is_dropped_leaves_its_session_open() {
    let session = Session::new();
    let mut message = Message::new().unwrap();

    for polls in 0..50 {
        let receive =
            session.server.receive(&mut message, ReceiveOption::OPTIONAL);
        assert!(poll_and_drop(receive, polls % 3).is_none());
        /* The message may be in use a moment longer. */
        eventually(|| message.reset().is_ok());
    }
    session.send();
    let receive = session.server.receive(&mut message, ReceiveOption::OPTIONAL);
    let there_is = block_on(receive).unwrap();

    assert!(there_is);
    assert_eq!(message.body().unwrap(), BODY);
    assert_eq!(session.server.state().unwrap(), ChannelState::OPEN);
}

#[test]
fn receive__tells_that_there_is_no_more() {
    let session = Session::new();
    let mut message = Message::new().unwrap();

    session.client.shutdown_session_blocking().unwrap();
    let receive = session.server.receive(&mut message, ReceiveOption::OPTIONAL);

    assert!(!block_on(receive).unwrap());
}

#[test]
fn deadline__stops_what_is_not_done() {
    let session = Session::new();
    let mut message = Message::new().unwrap();
    let deadline = Instant::now() + Duration::from_millis(20);

    let receive = session.server.receive(&mut message, ReceiveOption::OPTIONAL);
    let received = block_on_until(deadline, receive);

    assert!(received.is_none());
    assert!(Instant::now() >= deadline);
    assert_eq!(session.server.state().unwrap(), ChannelState::OPEN);
}

#[test]
fn cancel__stops_the_blocking_call_of_another_thread() {
    let service = Service::new();
    let proxy = service.proxy();
    let call = Call::new().unwrap();

    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let options = CallOptions::default();
            let hold = action("Hold");
            proxy.call_with_blocking(&hold, BODY, options, Some(&call))
        });
        service.hold.await_arrivals(1);

        assert_eq!(call.cancel(), Status::S_OK);
        let error = caller.join().unwrap().unwrap_err();
        assert_eq!(error.status(), Status::E_OPERATION_CANCELLED);
        assert_eq!(call.cancel(), Status::E_HANDLE);
    });
}

#[test]
fn cancel__before_the_start_is_remembered() {
    let service = Service::new();
    let proxy = service.proxy();
    let call = Call::new().unwrap();
    let options = CallOptions::default();

    call.cancel();
    let echo = action("Echo");
    let called = proxy.call_with(&echo, BODY, options, Some(&call));
    let error = block_on(called).unwrap_err();

    assert_eq!(error.status(), Status::E_OPERATION_CANCELLED);
    assert_eq!(error.progress(), wws::Progress::NOT_SENT);
}

#[test]
fn abandon__releases_the_callers_of_a_group() {
    let service = Service::new();
    let proxy = service.proxy();

    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let options = CallOptions { call_id: 7, ..Default::default() };
            block_on(proxy.call_with(&action("Hold"), BODY, options, None))
        });
        service.hold.await_arrivals(1);
        proxy.abandon_call(7).unwrap();

        let abandoned = status(caller.join().unwrap());
        assert_eq!(abandoned, Status::E_OPERATION_ABANDONED);
    });
}

#[test]
fn abort__ends_all_calls_of_a_proxy() {
    let service = Service::new();
    let proxy = service.proxy();

    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let hold = action("Hold");
                let proxy = &proxy;
                scope.spawn(move || block_on(proxy.call(&hold, BODY)))
            })
            .collect();
        service.hold.await_arrivals(4);
        proxy.abort();

        for caller in callers {
            let aborted = status(caller.join().unwrap());
            assert_eq!(aborted, Status::E_OPERATION_ABORTED);
        }
    });
    assert_eq!(proxy.state().unwrap(), ServiceProxyState::FAULTED);
}

#[test]
fn abort__ends_the_accepts_of_a_listener() {
    let listener = open_listener();
    let channel =
        Channel::for_listener_with(&listener, session_options()).unwrap();

    let accepted = block_on(async {
        let abort = async { listener.abort() };
        let mut accept = Box::pin(listener.accept(&channel));
        match race(accept.as_mut(), abort).await {
            Either::First(accepted) => accepted,
            Either::Second(_) => accept.await,
        }
    });

    assert_eq!(status(accepted), Status::E_OPERATION_ABORTED);
    assert_eq!(listener.state().unwrap(), ListenerState::FAULTED);
}

#[test]
fn accept__that_is_dropped_leaves_its_listener_open() {
    let listener = open_listener();
    let channel =
        Channel::for_listener_with(&listener, session_options()).unwrap();

    assert!(poll_and_drop(listener.accept(&channel), 1).is_none());

    assert_eq!(listener.state().unwrap(), ListenerState::OPEN);
    assert_eq!(channel.state().unwrap(), ChannelState::CREATED);
}

#[test]
fn abort__ends_what_is_pending_on_a_channel() {
    let session = Session::new();

    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let mut message = Message::new().unwrap();
            session
                .server
                .receive_blocking(&mut message, ReceiveOption::OPTIONAL)
        });
        eventually(|| {
            session.server.cancel_receive();
            receiver.is_finished()
        });
        let cancelled = status(receiver.join().unwrap());
        assert_eq!(cancelled, Status::E_OPERATION_CANCELLED);
    });
    session.server.abort();
    assert_eq!(session.server.state().unwrap(), ChannelState::FAULTED);
    assert_eq!(session.listener.state().unwrap(), ListenerState::OPEN);
}

#[test]
fn abort__ends_the_close_of_a_host() {
    let service = Service::new();
    let proxy = service.proxy();

    thread::scope(|scope| {
        scope.spawn(|| proxy.call_blocking(&action("Hold"), BODY));
        service.hold.await_arrivals(1);
        let start = Instant::now();
        assert!(poll_and_drop(service.host.close(), 1).is_none());
        /* It cannot end before the operation does, and is waited for a bit. */
        assert!(start.elapsed() >= Duration::from_millis(50));
        service.hold.open();
    });

    eventually(|| service.host.state().unwrap() == ServiceHostState::CLOSED);
}

#[test]
fn drop__of_a_proxy_ends_its_calls() {
    let service = Service::new();
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let proxy = service.proxy();
            let mut call = Box::pin(async move {
                let called = proxy.call(&action("Wait"), BODY).await;
                drop(proxy);
                called
            });
            let waker = Waker::from(Arc::new(Count::default()));
            let mut context = Context::from_waker(&waker);
            assert!(call.as_mut().poll(&mut context).is_pending());
            call
        })
        .collect();

    drop(calls);

    let reply = service.proxy().call_blocking(&action("Echo"), BODY);
    assert_eq!(&*reply.unwrap(), BODY);
}

/// How often a race is run; fewer where each step is slow.
fn races() -> usize {
    let told = std::env::var("WWS_RACES").ok();
    told.and_then(|races| races.parse().ok()).unwrap_or(100_000)
}

#[test]
fn cancel__races_with_completion() {
    let service = Service::new();
    let proxy = service.proxy();
    let echo = action("Echo");
    let (mut replied, mut dropped) = (0, 0);
    let mut turns = 100;

    /* Who comes first decides how long the next call is given, so that the two
     * go on meeting. */
    for _ in 0..races() {
        let enough = Turns(turns);
        match block_on(race(proxy.call(&echo, BODY), enough)) {
            Either::First(reply) => {
                assert_eq!(&*reply.unwrap(), BODY);
                replied += 1;
                turns -= turns / 8;
            }
            Either::Second(()) => {
                dropped += 1;
                turns += turns / 8 + 1;
            }
        }
    }

    assert_eq!(replied + dropped, races());
    assert!(replied > 0 && dropped > 0);
    assert_eq!(proxy.state().unwrap(), ServiceProxyState::OPEN);
}

#[test]
fn cancel__races_with_the_blocking_call() {
    let service = Service::new();
    let proxy = service.proxy();
    let echo = action("Echo");

    for _ in 0..races() / 50 {
        let call = Call::new().unwrap();
        thread::scope(|scope| {
            let canceller = scope.spawn(|| call.cancel());
            let options = CallOptions::default();
            let called =
                proxy.call_with_blocking(&echo, BODY, options, Some(&call));
            match called {
                Ok(reply) => assert_eq!(&*reply, BODY),
                Err(error) => {
                    assert_eq!(error.status(), Status::E_OPERATION_CANCELLED)
                }
            }
            let cancelled = canceller.join().unwrap();
            assert!([Status::S_OK, Status::E_HANDLE].contains(&cancelled));
        });
    }
}

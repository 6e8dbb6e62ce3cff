//! Operations: handlers, panics, cancellation, and answers that come later.

#![allow(non_snake_case)]

mod common;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use common::{action, Count, Service, BODY, LONG};
use wws::{
    block_on, handler, CancelReason, EndpointOptions, Fault, FaultCode, Header,
    Operation, OperationKind, ServiceHost, ServiceHostState, ServiceProxy,
    Status,
};

#[test]
fn handler__that_panics_is_answered_with_a_fault() {
    let service = Service::new();
    let proxy = service.proxy();

    let error = proxy.call_blocking(&action("Panic"), BODY).unwrap_err();
    let reply = proxy.call_blocking(&action("Echo"), BODY).unwrap();

    assert_eq!(error.status(), Status::E_ENDPOINT_FAULT_RECEIVED);
    assert_eq!(error.fault().unwrap().code, FaultCode::RECEIVER);
    assert_eq!(&*reply, BODY);
}

#[test]
fn handler__sends_its_fault() {
    let service = Service::new();
    let proxy = service.proxy();

    let error = proxy.call_blocking(&action("Dance"), BODY).unwrap_err();

    assert_eq!(error.fault().unwrap().reason, "what is urn:test/Dance?");
}

#[test]
fn handler__that_fails_tells_the_client_no_more() {
    let host = ServiceHost::new().unwrap();
    let table = handler(|operation: &Operation| {
        operation.reply()?.set_body(b"<secret")?;
        Ok(b"")
    });
    host.add_endpoint(EndpointOptions::new("http://127.0.0.1:0/", table))
        .unwrap();
    host.open_blocking().unwrap();
    let proxy = ServiceProxy::new().unwrap();
    proxy.open_blocking(&host.address(0).unwrap()).unwrap();

    let error = proxy.call_blocking("urn:test/Any", b"").unwrap_err();

    assert_eq!(error.fault().unwrap().code, FaultCode::RECEIVER);
    assert_eq!(error.fault().unwrap().reason, "the operation failed");
    host.close_blocking().unwrap();
}

#[test]
fn handler__may_look_at_messages() {
    let host = ServiceHost::new().unwrap();
    let table = handler(|operation: &Operation| {
        let id = operation.request()?.header(Header::MESSAGE_ID)?;
        operation.reply()?.set_header(Header::ACTION, "urn:test/Done")?;
        Ok(format!("<id xmlns='urn:test'>{}</id>", id.unwrap_or_default()))
    });
    host.add_endpoint(EndpointOptions::new("http://127.0.0.1:0/", table))
        .unwrap();
    host.open_blocking().unwrap();
    let proxy = ServiceProxy::new().unwrap();
    proxy.open_blocking(&host.address(0).unwrap()).unwrap();

    let reply = proxy.call_blocking("urn:test/Any", b"").unwrap();

    assert!(reply.to_str().unwrap().contains("urn:uuid:"));
    assert_eq!(host.state().unwrap(), ServiceHostState::OPEN);
    host.close_blocking().unwrap();
}

#[test]
fn token__tells_that_the_client_has_gone() {
    let service = Service::new();
    let proxy = service.proxy();

    thread::scope(|scope| {
        let caller = scope.spawn(|| proxy.call_blocking(&action("Wait"), BODY));
        service.waiting.pass();
        proxy.abort();

        let error = caller.join().unwrap().unwrap_err();
        assert_eq!(error.status(), Status::E_OPERATION_ABORTED);
    });
    let reason = service.cancelled.recv_timeout(LONG).unwrap();
    assert_eq!(reason, Some(CancelReason::CHANNEL_FAULTED));
}

#[test]
fn token__tells_that_the_host_is_aborted() {
    let service = Service::new();
    let proxy = service.proxy();

    thread::scope(|scope| {
        scope.spawn(|| proxy.call_blocking(&action("Wait"), BODY));
        service.waiting.pass();
        service.host.abort();

        let reason = service.cancelled.recv_timeout(LONG).unwrap();
        assert_eq!(reason, Some(CancelReason::HOST_ABORTED));
    });
}

#[test]
fn token__runs_what_it_was_given_and_wakes_tasks() {
    let service = Service::new();
    let proxy = service.deferring_proxy();
    let (tell, told) = channel();

    thread::scope(|scope| {
        scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        let token = operation.cancel_token().unwrap();
        let again = operation.cancel_token().unwrap();
        let first = tell.clone();
        token.on_cancel(move |reason| first.send(reason).unwrap());
        assert!(!again.is_cancelled());
        let waiting = scope.spawn(move || block_on(again.cancelled()));
        proxy.abort();

        let reason = told.recv_timeout(LONG).unwrap();
        assert_eq!(waiting.join().unwrap(), Some(reason));
        assert_eq!(token.wait(), Some(reason));
        token.on_cancel(move |reason| tell.send(reason).unwrap());
        assert_eq!(told.recv_timeout(LONG).unwrap(), reason);
        drop(operation);
    });
}

#[test]
fn token__ends_with_the_operation() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        let caller = scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        let token = operation.cancel_token().unwrap();
        operation.complete(Ok(BODY)).unwrap();

        assert_eq!(token.wait(), None);
        assert_eq!(block_on(token.cancelled()), None);
        token.on_cancel(|_| panic!("nothing was cancelled"));
        assert_eq!(&*caller.join().unwrap().unwrap(), BODY);
    });
}

#[test]
fn token__may_be_waited_for_without_end() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        let token = operation.cancel_token().unwrap();
        let waiting = scope.spawn(move || token.wait_timeout(Duration::MAX));
        operation.complete(Ok(BODY)).unwrap();

        assert_eq!(waiting.join().unwrap(), None);
    });
}

#[test]
fn cancelled__keeps_the_last_waker_until_it_is_dropped() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        let token = operation.cancel_token().unwrap();
        let counts = [Arc::new(Count::default()), Arc::default()];
        let kept = || [0, 1].map(|i: usize| Arc::strong_count(&counts[i]) - 1);
        let poll = |future: &mut wws::Cancelled, count: &Arc<Count>| {
            let waker = Waker::from(count.clone());
            let mut context = Context::from_waker(&waker);
            assert!(Pin::new(future).poll(&mut context).is_pending());
        };
        let (mut one, mut other) = (token.cancelled(), token.cancelled());

        poll(&mut one, &counts[0]);
        poll(&mut one, &counts[0]);
        poll(&mut other, &counts[0]);
        assert_eq!(kept(), [2, 0]);
        poll(&mut one, &counts[1]);
        assert_eq!(kept(), [1, 1]);
        drop(other);
        assert_eq!(kept(), [0, 1]);
        drop(one);
        assert_eq!(kept(), [0, 0]);
    });
}

#[test]
fn operation__is_completed_by_another_thread() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        let caller = scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        assert_eq!(operation.info().unwrap().action, action("Any"));
        assert_eq!(operation.info().unwrap().endpoint_index, 1);
        let body = operation.body().unwrap();
        operation.complete(Ok(body)).unwrap();

        assert_eq!(&*caller.join().unwrap().unwrap(), BODY);
    });
}

#[test]
fn operation__that_is_dropped_is_answered() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        let caller = scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        drop(service.deferred.recv_timeout(LONG).unwrap());

        let error = caller.join().unwrap().unwrap_err();
        let fault = error.fault().unwrap();
        assert_eq!(fault.reason, "the operation was dropped");
    });
}

/// A reply that cannot be read.
struct Unreadable;

impl AsRef<[u8]> for Unreadable {
    fn as_ref(&self) -> &[u8] {
        panic!("on purpose")
    }
}

#[test]
fn operation__whose_reply_panics_is_answered() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        let caller = scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        let completing = thread::spawn(|| operation.complete(Ok(Unreadable)));
        assert!(completing.join().is_err());

        let error = caller.join().unwrap().unwrap_err();
        let fault = error.fault().unwrap();
        assert_eq!(fault.reason, "the operation was dropped");
    });
}

#[test]
fn operation__may_be_answered_with_a_fault_later() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        let caller = scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        let fault = Err::<&[u8], _>(Fault::new("not today").into());
        operation.complete(fault).unwrap();

        let error = caller.join().unwrap().unwrap_err();
        assert_eq!(error.fault().unwrap().reason, "not today");
    });
}

#[test]
fn operation__that_is_completed_is_no_more() {
    let service = Service::new();
    let proxy = service.deferring_proxy();

    thread::scope(|scope| {
        scope.spawn(|| proxy.call_blocking(&action("Any"), BODY));
        let operation = service.deferred.recv_timeout(LONG).unwrap();
        (*operation).complete(Status::S_OK).unwrap();

        assert_eq!(operation.body().unwrap_err().status(), Status::E_HANDLE);
    });
}

#[test]
fn handler__hears_of_channels_and_lets_requests_in() {
    let channels = Arc::new(Mutex::new(HashMap::new()));
    let (tell, ended) = channel();
    let (open, tell) = (channels.clone(), Mutex::new(tell));
    let table = handler(move |operation: &Operation| {
        let info = operation.info()?;
        let mut open = open.lock().unwrap();
        match info.kind {
            OperationKind::ACCEPT_CHANNEL => {
                open.insert(info.channel, 0);
            }
            OperationKind::AUTHORIZE if info.action != "urn:test/Any" => {
                return Err(Fault::new("not this one").into());
            }
            OperationKind::CALL => {
                *open.get_mut(&info.channel).unwrap() += 1;
                return Ok(BODY);
            }
            OperationKind::CLOSE_CHANNEL => {
                let calls = open.remove(&info.channel).unwrap();
                tell.lock().unwrap().send(calls).unwrap();
            }
            _ => {}
        }
        Ok(b"")
    });
    let host = ServiceHost::new().unwrap();
    host.add_endpoint(EndpointOptions {
        channel_events: true,
        authorizes: true,
        ..EndpointOptions::new("http://127.0.0.1:0/", table)
    })
    .unwrap();
    host.open_blocking().unwrap();
    let proxy = ServiceProxy::new().unwrap();
    proxy.open_blocking(&host.address(0).unwrap()).unwrap();

    let reply = proxy.call_blocking("urn:test/Any", BODY).unwrap();
    let calls: u32 = ended.recv_timeout(LONG).unwrap();
    let refused = proxy.call_blocking("urn:test/Other", BODY).unwrap_err();

    assert_eq!(&*reply, BODY);
    assert_eq!(calls, 1);
    assert_eq!(refused.status(), Status::E_ENDPOINT_DISCONNECTED);
    assert_eq!(ended.recv_timeout(LONG).unwrap(), 0);
    assert!(channels.lock().unwrap().is_empty());
}

#[test]
fn operation__can_abort_its_channel() {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let table = handler(move |operation: &Operation| {
        let token = operation.cancel_token()?;
        assert_eq!(operation.abort_channel(), Status::S_OK);
        tell.lock().unwrap().send(token.wait()).unwrap();
        Ok(b"")
    });
    let host = ServiceHost::new().unwrap();
    host.add_endpoint(EndpointOptions::new("http://127.0.0.1:0/", table))
        .unwrap();
    host.open_blocking().unwrap();
    let proxy = ServiceProxy::new().unwrap();
    proxy.open_blocking(&host.address(0).unwrap()).unwrap();

    let error = proxy.call_blocking("urn:test/Any", BODY).unwrap_err();

    assert_eq!(error.status(), Status::E_ENDPOINT_DISCONNECTED);
    assert_eq!(
        told.recv_timeout(LONG).unwrap(),
        Some(CancelReason::CHANNEL_FAULTED)
    );
}

#[test]
fn host__drops_its_handlers_when_it_is_freed() {
    let kept = Arc::new(());
    let table = |mine: Arc<()>| {
        handler(move |_| {
            let _held = &mine;
            Ok(b"")
        })
    };
    let host = ServiceHost::new().unwrap();
    let url = "http://127.0.0.1:0/";

    let taken = EndpointOptions::new(url, table(kept.clone()));
    let refused = EndpointOptions::new("", table(kept.clone()));
    host.add_endpoint(taken).unwrap();
    let error = host.add_endpoint(refused).unwrap_err();

    assert_eq!(error.status(), Status::E_INVALIDARG);
    assert_eq!(Arc::strong_count(&kept), 2);
    drop(host);
    common::eventually(|| Arc::strong_count(&kept) == 1);
}

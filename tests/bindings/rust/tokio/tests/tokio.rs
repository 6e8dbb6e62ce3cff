//! Calls that are tasks: raced by `select!`, timed out, aborted; and handlers
//! that answer from tasks.

#![allow(non_snake_case)]

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::time::timeout;
use wws::{
    deferred, CancelReason, EndpointOptions, Result, ServiceHost, ServiceProxy,
    ServiceProxyState, Status,
};

const BODY: &[u8] = b"<x xmlns=\"urn:test\">1</x>";

/// Echoes what comes with the action urn:test/Echo, from a task, and otherwise
/// waits to be cancelled.
struct Service {
    host: ServiceHost,
    entered: UnboundedReceiver<()>,
    cancelled: UnboundedReceiver<Option<CancelReason>>,
}

impl Service {
    async fn new() -> Self {
        let (enter, entered) = unbounded_channel();
        let (tell, cancelled) = unbounded_channel();
        let host = ServiceHost::new().unwrap();
        let tasks = Handle::current();
        let table = deferred(move |operation| {
            let (enter, tell) = (enter.clone(), tell.clone());
            tasks.spawn(async move {
                if operation.info().unwrap().action == "urn:test/Wait" {
                    let token = operation.cancel_token().unwrap();
                    enter.send(()).unwrap();
                    tell.send(token.cancelled().await).unwrap();
                }
                let body = operation.body().unwrap();
                drop(operation.complete(Ok(body)));
            });
        });
        let endpoint = EndpointOptions::new("http://127.0.0.1:0/", table);
        host.add_endpoint(endpoint).unwrap();
        host.open().await.unwrap();
        Self { host, entered, cancelled }
    }

    async fn proxy(&self) -> Arc<ServiceProxy> {
        let proxy = ServiceProxy::new().unwrap();
        proxy.open(&self.host.address(0).unwrap()).await.unwrap();
        Arc::new(proxy)
    }

    async fn is_told(&mut self) -> bool {
        self.cancelled.recv().await.unwrap().is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn call__runs_in_a_task() -> Result<()> {
    let service = Service::new().await;
    let proxy = service.proxy().await;

    let calls: Vec<_> = (0..64)
        .map(|_| {
            let proxy = proxy.clone();
            tokio::spawn(async move { proxy.call("urn:test/Echo", BODY).await })
        })
        .collect();

    for call in calls {
        assert_eq!(&*call.await.unwrap()?, BODY);
    }
    service.host.close().await
}

#[tokio::test]
async fn call__loses_a_select_and_is_stopped() {
    let mut service = Service::new().await;
    let proxy = service.proxy().await;

    tokio::select! {
        reply = proxy.call("urn:test/Wait", BODY) => panic!("{reply:?}"),
        _ = service.entered.recv() => {}
    }

    assert!(service.is_told().await);
    assert_eq!(proxy.state().unwrap(), ServiceProxyState::OPEN);
}

#[tokio::test]
async fn call__that_times_out_is_stopped() {
    let mut service = Service::new().await;
    let proxy = service.proxy().await;

    let mut call = Box::pin(proxy.call("urn:test/Wait", BODY));
    tokio::select! {
        reply = &mut call => panic!("{reply:?}"),
        _ = service.entered.recv() => {}
    }
    let late = timeout(Duration::from_millis(20), call).await;

    assert!(late.is_err());
    assert!(service.is_told().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn task__that_is_aborted_stops_its_call() {
    let mut service = Service::new().await;
    let proxy = service.proxy().await;
    let caller = proxy.clone();
    let task =
        tokio::spawn(async move { caller.call("urn:test/Wait", BODY).await });

    service.entered.recv().await.unwrap();
    task.abort();

    assert!(task.await.unwrap_err().is_cancelled());
    assert!(service.is_told().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn abort__of_a_proxy_ends_its_tasks() {
    let mut service = Service::new().await;
    let proxy = service.proxy().await;
    let caller = proxy.clone();
    let task =
        tokio::spawn(async move { caller.call("urn:test/Wait", BODY).await });

    service.entered.recv().await.unwrap();
    proxy.abort();

    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.status(), Status::E_OPERATION_ABORTED);
    assert!(service.is_told().await);
}

//! A service to call, and means to be in time without sleeping.
#![allow(dead_code)]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use wws::{
    deferred, handler, CancelReason, Counter, Deferred, EndpointOptions, Fault,
    FaultCode, Operation, OperationCallbacks, Runtime, ServiceHost,
    ServiceProxy, ServiceProxyOptions,
};

/// Longer than anything here takes.
pub const LONG: Duration = Duration::from_secs(20);

/// A door that stays open once it is opened, and counts who stands before it.
#[derive(Default)]
pub struct Gate {
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    pub fn open(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }

    pub fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        let passed =
            self.changed.wait_timeout_while(state, LONG, |state| !state.0);
        assert!(passed.unwrap().0 .0, "the gate was not opened");
    }

    pub fn await_arrivals(&self, count: usize) {
        let state = self.state.lock().unwrap();
        let arrived = self
            .changed
            .wait_timeout_while(state, LONG, |state| state.1 < count);
        assert!(arrived.unwrap().0 .1 >= count, "too few arrived");
    }
}

/// A host whose operations are Echo, Fail, Panic, Hold (until released), Wait
/// (until cancelled) and Defer (given to the test).
pub struct Service {
    pub url: String,
    pub hold: Arc<Gate>,
    pub waiting: Arc<Gate>,
    pub cancelled: Receiver<Option<CancelReason>>,
    pub deferred: Receiver<Deferred>,
    pub host: ServiceHost,
}

impl Service {
    pub fn new() -> Self {
        Self::on(None)
    }

    pub fn on(runtime: Option<&Runtime>) -> Self {
        let (hold, waiting) = (Arc::default(), Arc::default());
        let (tell, cancelled) = channel();
        let (give, given) = channel();
        let host = ServiceHost::new_with(runtime, Default::default()).unwrap();
        let serving = serving(&hold, &waiting, tell);
        let give = Mutex::new(give);
        let giving = deferred(move |it| {
            give.lock().unwrap().send(it).unwrap();
        });
        for table in [serving, giving] {
            host.add_endpoint(EndpointOptions {
                max_channels: 10_000,
                ..EndpointOptions::new("http://127.0.0.1:0/", table)
            })
            .unwrap();
        }
        host.open_blocking().unwrap();
        let url = host.address(0).unwrap();
        Self { url, hold, waiting, cancelled, deferred: given, host }
    }

    pub fn proxy(&self) -> ServiceProxy {
        self.proxy_with(ServiceProxyOptions {
            max_pending_calls: 10_000,
            ..Default::default()
        })
    }

    pub fn proxy_with(&self, options: ServiceProxyOptions) -> ServiceProxy {
        let proxy = ServiceProxy::new_with(None, options).unwrap();
        proxy.open_blocking(&self.url).unwrap();
        proxy
    }

    /// To the endpoint that gives its operations to the test.
    pub fn deferring_proxy(&self) -> ServiceProxy {
        let proxy = ServiceProxy::new().unwrap();
        proxy.open_blocking(&self.host.address(1).unwrap()).unwrap();
        proxy
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.hold.open();
        self.host.abort();
        drop(self.host.close_blocking());
    }
}

fn serving(
    hold: &Arc<Gate>,
    waiting: &Arc<Gate>,
    tell: Sender<Option<CancelReason>>,
) -> OperationCallbacks {
    let (hold, waiting) = (hold.clone(), waiting.clone());
    let tell = Mutex::new(tell);
    handler(move |operation: &Operation| {
        match operation.info()?.action.as_str() {
            "urn:test/Echo" => {}
            "urn:test/Fail" => return Err(refused().into()),
            "urn:test/Panic" => panic!("on purpose"),
            "urn:test/Hold" => hold.pass(),
            "urn:test/Wait" => {
                let token = operation.cancel_token()?;
                waiting.open();
                let tell = tell.lock().unwrap().clone();
                tell.send(token.wait_timeout(LONG)).unwrap();
            }
            action => {
                return Err(Fault::new(format!("what is {action}?")).into())
            }
        }
        Ok(operation.body()?)
    })
}

pub fn refused() -> Fault {
    Fault {
        code: FaultCode::SENDER,
        subcode_namespace: "urn:test".into(),
        subcode_name: "Refused".into(),
        detail: b"<why xmlns=\"urn:test\">because</why>".to_vec(),
        node: "urn:node".into(),
        action: "urn:act".into(),
        headers: b"<h xmlns=\"urn:h\"/>".to_vec(),
        outer_subcode_namespaces: vec!["urn:a".into()],
        outer_subcode_names: vec!["Outer".into()],
        further_reasons: vec!["nein".into(), "non".into()],
        further_languages: vec!["de".into(), "fr".into()],
        ..Fault::new("refused")
    }
}

pub const BODY: &[u8] = b"<x xmlns=\"urn:test\">1</x>";

pub fn action(operation: &str) -> String {
    format!("urn:test/{operation}")
}

/// Waits until something is so that nobody tells of.
pub fn eventually(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to be so");
        std::thread::yield_now();
    }
}

pub fn count(counter: Counter) -> u64 {
    Runtime::default().counter(counter).unwrap()
}

/// Counts how often it wakes.
#[derive(Default)]
pub struct Count(pub AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a future once, waits until there is more to see, and looks no more.
pub fn drop_when_done<F: Future>(future: F) {
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut future = Box::pin(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    eventually(|| polled.is_ready() || count.0.load(Ordering::SeqCst) > 0);
}

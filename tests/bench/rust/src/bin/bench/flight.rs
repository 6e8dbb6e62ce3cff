//! Our calls: one after the other, and many in flight on one thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use wws::{block_on, Buffer, Result, ServiceProxy, ServiceProxyOptions};

use bench::{ACTION, BODY};

use crate::rate_of;

pub const IN_FLIGHT: usize = 64;

fn open(url: &str) -> Result<ServiceProxy> {
    let options = ServiceProxyOptions {
        max_pending_calls: 2 * IN_FLIGHT as u32,
        ..Default::default()
    };
    let proxy = ServiceProxy::new_with(None, options)?;
    proxy.open_blocking(url)?;
    Ok(proxy)
}

fn check(reply: Result<Buffer>) {
    let reply = reply.expect("a reply");
    assert!(reply.ends_with(b"<sum>42</sum></AddResponse>"));
}

pub fn one(url: &str) -> Result<f64> {
    let proxy = open(url)?;
    Ok(rate_of(|| {
        check(block_on(proxy.call(ACTION, BODY.as_bytes())));
        1
    }))
}

pub fn blocking(url: &str) -> Result<f64> {
    let proxy = open(url)?;
    Ok(rate_of(|| {
        check(proxy.call_blocking(ACTION, BODY.as_bytes()));
        1
    }))
}

type Calling<'a> = Pin<Box<dyn Future<Output = Result<Buffer>> + 'a>>;

/// Says which of the calls can go on.
struct Bell {
    index: usize,
    rung: Mutex<Sender<usize>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.rung.lock().unwrap().send(self.index);
    }
}

/// A call that ends is followed by the next one in its place.
pub fn many(url: &str) -> Result<f64> {
    let proxy = open(url)?;
    let (ring, rung) = channel();
    let wakers: Vec<Waker> = (0..IN_FLIGHT)
        .map(|index| Bell { index, rung: Mutex::new(ring.clone()) })
        .map(|bell| Arc::new(bell).into())
        .collect();
    let begin = |index: usize| -> Calling<'_> {
        wakers[index].wake_by_ref();
        Box::pin(proxy.call(ACTION, BODY.as_bytes()))
    };
    let mut calls: Vec<_> = (0..IN_FLIGHT).map(begin).collect();

    Ok(rate_of(|| {
        let index = rung.recv().expect("a call");
        let mut context = Context::from_waker(&wakers[index]);
        match calls[index].as_mut().poll(&mut context) {
            Poll::Pending => return 0,
            Poll::Ready(reply) => check(reply),
        }
        calls[index] = begin(index);
        1
    }))
}

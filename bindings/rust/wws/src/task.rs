//! The smallest of all executors, for programs that have no other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread until it is done.
pub fn block_on<F: Future>(future: F) -> F::Output {
    run(future, thread::park, || false).expect("no end was asked for")
}

/// Runs a future on this thread until it is done, or until the deadline, when it
/// is dropped, and with it stopped.
pub fn block_on_until<F: Future>(
    deadline: Instant,
    future: F,
) -> Option<F::Output> {
    let left = || deadline.saturating_duration_since(Instant::now());
    run(future, || thread::park_timeout(left()), || left().is_zero())
}

fn run<F: Future>(
    future: F,
    wait: impl Fn(),
    is_over: impl Fn() -> bool,
) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut context) {
            return Some(output);
        }
        if is_over() {
            return None;
        }
        wait();
    }
}

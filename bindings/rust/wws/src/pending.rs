//! Functions that wait.
//!
//! *Words.* A *pending* call is what the library and a future share: outputs,
//! the error object, and whom to wake. Each holds a reference.
//!
//! *Rules.* Until the completion comes, outputs and error object are the
//! library's; a future that is dropped before asks for an end and lets go, and
//! the completion frees what is left. So there is no moment at which dropping
//! would be wrong. Inputs are the library's own copies when a function returns.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::future::Future;
use std::mem::{size_of, ManuallyDrop};
use std::pin::Pin;
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wws_sys as sys;

use crate::api::Status;
use crate::error::{Report, Result};
use crate::support::{guard, Done};

/// How long a future that is dropped waits for the completion, which comes at
/// once unless code of the program's has to end first. What the call used, as a
/// message or a state, is then as it will be.
const GRACE: Duration = Duration::from_millis(50);

enum State {
    Waiting(Option<Waker>),
    Done(sys::wws_status),
    Taken,
}

struct Pending<T> {
    report: Report,
    out: UnsafeCell<ManuallyDrop<T>>,
    state: Mutex<State>,
    done: Condvar,
}

/* Only one of the two has the outputs at any time, see above. */
unsafe impl<T: Send> Send for Pending<T> {}
unsafe impl<T: Send> Sync for Pending<T> {}

impl<T> Pending<T> {
    fn new(out: T) -> Result<Self> {
        Ok(Self {
            report: Report::take()?,
            out: UnsafeCell::new(ManuallyDrop::new(out)),
            state: Mutex::new(State::Waiting(None)),
            done: Condvar::new(),
        })
    }

    fn out(&self) -> *mut T {
        self.out.get().cast()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, status: sys::wws_status) {
        let before = std::mem::replace(&mut *self.state(), State::Done(status));
        self.done.notify_all();
        if let State::Waiting(Some(waker)) = before {
            guard((), || waker.wake());
        }
    }

    /// The result, once it is there; otherwise remembers whom to wake.
    fn poll(&self, waker: &Waker) -> Poll<Result<Done<T>>> {
        let mut state = self.state();
        match &mut *state {
            &mut State::Done(status) => {
                *state = State::Taken;
                drop(state);
                Poll::Ready(self.take(status))
            }
            State::Waiting(Some(known)) if known.will_wake(waker) => {
                Poll::Pending
            }
            State::Waiting(known) => {
                let before = known.replace(waker.clone());
                drop(state);
                drop(before);
                Poll::Pending
            }
            State::Taken => panic!("polled after the end"),
        }
    }

    fn take(&self, status: sys::wws_status) -> Result<Done<T>> {
        let out = unsafe { ManuallyDrop::take(&mut *self.out.get()) };
        Ok(Done { status: self.report.check(status)?, out })
    }

    fn is_waiting(&self) -> bool {
        matches!(*self.state(), State::Waiting(_))
    }

    fn wait(&self) {
        let waiting = |state: &mut State| matches!(state, State::Waiting(_));
        drop(self.done.wait_timeout_while(self.state(), GRACE, waiting));
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        let state =
            self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Taken => return,
            State::Done(status) if status < 0 => self.report.reset(),
            _ => {}
        }
        unsafe { ManuallyDrop::drop(self.out.get_mut()) };
    }
}

unsafe extern "C" fn completed<T>(status: sys::wws_status, state: *mut c_void) {
    guard((), || {
        unsafe { Arc::from_raw(state.cast::<Pending<T>>()) }.finish(status);
    });
}

/// Starts a call, and makes the library hold a reference if it is pending.
fn start<T: Send>(
    pending: &Arc<Pending<T>>,
    function: impl FnOnce(
        *mut T,
        *const sys::wws_completion,
        sys::wws_error,
    ) -> sys::wws_status,
) {
    let state = Arc::into_raw(pending.clone());
    let completion = sys::wws_completion {
        struct_size: size_of::<sys::wws_completion>() as u32,
        version: sys::WWS_VERSION,
        state: state as *mut c_void,
        completed: Some(completed::<T>),
        ..Default::default()
    };
    let report = pending.report.object();
    let status = function(pending.out(), &completion, report);
    if status != Status::S_ASYNC.0 {
        drop(unsafe { Arc::from_raw(state) });
        pending.finish(status);
    }
}

struct Wait<T, C: Fn(*const T) -> R, R> {
    pending: Arc<Pending<T>>,
    cancel: C,
}

/* What it points to is on the heap. */
impl<T, C: Fn(*const T) -> R, R> Unpin for Wait<T, C, R> {}

impl<T, C: Fn(*const T) -> R, R> Future for Wait<T, C, R> {
    type Output = Result<Done<T>>;

    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        self.pending.poll(context.waker())
    }
}

impl<T, C: Fn(*const T) -> R, R> Drop for Wait<T, C, R> {
    fn drop(&mut self) {
        /* After a fork nobody is left to complete it, or to release a lock. */
        if self.pending.report.is_of_parent() || !self.pending.is_waiting() {
            return;
        }
        (self.cancel)(self.pending.out());
        self.pending.wait();
    }
}

/// Calls a function that waits. A future that is dropped runs `cancel`, which
/// gets the outputs to find a handle in that was written when the call began.
pub(crate) async fn wait<T: Send, R>(
    out: T,
    function: impl FnOnce(
        *mut T,
        *const sys::wws_completion,
        sys::wws_error,
    ) -> sys::wws_status,
    cancel: impl Fn(*const T) -> R,
) -> Result<Done<T>> {
    let pending = Arc::new(Pending::new(out)?);
    start(&pending, function);
    Wait { pending, cancel }.await
}

/// The same, blocking.
pub(crate) fn block<T>(
    mut out: T,
    function: impl FnOnce(
        *mut T,
        *const sys::wws_completion,
        sys::wws_error,
    ) -> sys::wws_status,
) -> Result<Done<T>> {
    let report = Report::take()?;
    let status = function(&mut out, ptr::null(), report.object());
    Ok(Done { status: report.check(status)?, out })
}

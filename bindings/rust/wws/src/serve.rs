//! Operations on the server: handlers, and how they hear that nobody waits.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::api::{
    CancelCallbacks, CancelReason, Fault, Operation, OperationCallbacks, Status,
};
use crate::error::{Error, Result};
use crate::support::guard;

/// A failure as the fault of a receiver, which does not tell the client more.
impl From<Error> for Box<Fault> {
    fn from(_: Error) -> Self {
        Self::new(Fault::new("the operation failed"))
    }
}

/// Sets what is to be sent, and says so in a status.
fn answer<R: AsRef<[u8]>>(
    operation: &Operation,
    reply: Result<R, Box<Fault>>,
) -> Status {
    let set = match reply {
        /* Not every kind of operation has a reply. */
        Ok(reply) if reply.as_ref().is_empty() => Ok(Status::S_OK),
        Ok(reply) => operation.set_reply(reply.as_ref()).map(|()| Status::S_OK),
        Err(fault) => operation.set_fault(*fault).map(|()| Status::E_OTHER),
    };
    set.unwrap_or_else(|error| error.status())
}

/// Serves an endpoint with a function that returns the content of the reply's
/// body, or the fault that is sent instead. It runs on threads of the runtime,
/// for many operations at once, and may block. A panic is answered with a fault.
pub fn handler<F, R>(serve: F) -> OperationCallbacks
where
    F: Fn(&Operation) -> Result<R, Box<Fault>> + Send + Sync + 'static,
    R: AsRef<[u8]>,
{
    OperationCallbacks::new(move |operation| {
        answer(operation, serve(operation))
    })
}

/// Serves an endpoint with a function that may keep the operation and complete
/// it later, from any thread.
pub fn deferred<F>(serve: F) -> OperationCallbacks
where
    F: Fn(Deferred) + Send + Sync + 'static,
{
    OperationCallbacks::new(move |operation| {
        let operation = Operation::of(operation.handle);
        let own = Deferred { operation, completed: false };
        /* Whatever becomes of it, it has been or will be completed. */
        guard((), || serve(own));
        Status::S_ASYNC
    })
}

/// An operation that whoever has it completes. One that is dropped is answered
/// with a fault.
#[derive(Debug)]
pub struct Deferred {
    operation: Operation,
    completed: bool,
}

impl Deferred {
    /// Sends the reply, as far as it can be without waiting.
    pub fn complete<R: AsRef<[u8]>>(
        mut self,
        reply: Result<R, Box<Fault>>,
    ) -> Result<()> {
        /* Code of the program's runs first: if it panics, this is dropped. */
        let status = answer(&self.operation, reply);
        self.completed = true;
        self.operation.complete(status)
    }
}

impl std::ops::Deref for Deferred {
    type Target = Operation;

    fn deref(&self) -> &Operation {
        &self.operation
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        if self.completed {
            return;
        }
        let fault = Fault::new("the operation was dropped");
        let status = answer(self, Err::<&[u8], _>(fault.into()));
        drop(self.operation.complete(status));
    }
}

type Hook = Box<dyn FnOnce(CancelReason) + Send>;

/// Tells that nobody waits for the reply of an operation any more. May be kept
/// and used by any thread, also when the operation has completed.
#[derive(Clone)]
pub struct CancelToken(Arc<Watch>);

#[derive(Default)]
struct Watch {
    synced: Mutex<Synced>,
    changed: Condvar,
}

#[derive(Default)]
struct Synced {
    reason: Option<CancelReason>,
    over: bool, /* the operation has completed */
    hooks: Vec<Hook>,
    wakers: Vec<(u64, Waker)>, /* each with the key of its future */
    last: u64,                 /* the key given last */
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Synced> {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, reason: Option<CancelReason>) {
        let mut synced = self.lock();
        synced.over |= reason.is_none();
        synced.reason = synced.reason.or(reason);
        let hooks = std::mem::take(&mut synced.hooks);
        let wakers = std::mem::take(&mut synced.wakers);
        drop(synced);

        self.changed.notify_all();
        for (_, waker) in wakers {
            guard((), || waker.wake());
        }
        for hook in hooks {
            guard((), || reason.map_or((), hook));
        }
    }
}

/* What is registered: its end is the end of the operation. */
struct Registered(Arc<Watch>);

impl Drop for Registered {
    fn drop(&mut self) {
        self.0.change(None);
    }
}

impl Operation {
    /// The means to hear that nobody waits for the reply any more. The first
    /// use registers for it; more than once is fine.
    pub fn cancel_token(&self) -> Result<CancelToken> {
        let known = self.notes.0.borrow().clone();
        if let Some(Ok(watch)) =
            known.map(<Arc<dyn Any + Send + Sync>>::downcast)
        {
            return Ok(CancelToken(watch));
        }
        let watch = Arc::new(Watch::default());
        let registered = Registered(watch.clone());
        self.register_for_cancel(CancelCallbacks::new(move |reason| {
            registered.0.change(Some(reason));
        }))?;
        *self.notes.0.borrow_mut() = Some(watch.clone());
        Ok(CancelToken(watch))
    }
}

impl CancelToken {
    /// Whether nobody waits any more.
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why nobody waits any more.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.lock().reason
    }

    /// Waits until nobody waits any more. None: the operation has completed
    /// before.
    pub fn wait(&self) -> Option<CancelReason> {
        let ended =
            |synced: &mut Synced| synced.reason.is_none() && !synced.over;
        let synced = self.0.changed.wait_while(self.0.lock(), ended);
        synced.unwrap_or_else(PoisonError::into_inner).reason
    }

    /// The same, for at most so long.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<CancelReason> {
        let deadline = match Instant::now().checked_add(timeout) {
            Some(deadline) => deadline,
            None => return self.wait(),
        };
        let mut synced = self.0.lock();
        while synced.reason.is_none() && !synced.over {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            synced = match self.0.changed.wait_timeout(synced, left) {
                Ok((synced, _)) => synced,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        synced.reason
    }

    /// Runs a function when nobody waits any more, on a thread of the runtime,
    /// or at once if that is so already. It must not block.
    pub fn on_cancel(&self, hook: impl FnOnce(CancelReason) + Send + 'static) {
        let mut synced = self.0.lock();
        match synced.reason {
            Some(reason) => {
                drop(synced);
                hook(reason);
            }
            None if synced.over => {}
            None => synced.hooks.push(Box::new(hook)),
        }
    }

    /// [`CancelToken::wait`] for tasks.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { watch: self.0.clone(), key: 0 }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelToken").field(&self.reason()).finish()
    }
}

/// Ends when nobody waits for the reply of an operation any more, with the
/// reason, or when the operation has completed, with none.
pub struct Cancelled {
    watch: Arc<Watch>,
    key: u64, /* 0: not polled yet */
}

impl Future for Cancelled {
    type Output = Option<CancelReason>;

    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let Self { watch, key } = self.get_mut();
        let waker = context.waker();
        let mut synced = watch.lock();
        if synced.reason.is_some() || synced.over {
            return Poll::Ready(synced.reason);
        }
        if *key == 0 {
            synced.last += 1;
            *key = synced.last;
        }
        match synced.wakers.iter_mut().find(|it| it.0 == *key) {
            Some((_, known)) if known.will_wake(waker) => {}
            Some((_, known)) => {
                let before = std::mem::replace(known, waker.clone());
                drop(synced);
                drop(before);
            }
            None => synced.wakers.push((*key, waker.clone())),
        }
        Poll::Pending
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if self.key == 0 {
            return;
        }
        let mut synced = self.watch.lock();
        let place = synced.wakers.iter().position(|it| it.0 == self.key);
        let waker = place.map(|place| synced.wakers.swap_remove(place));
        drop(synced);
        drop(waker);
    }
}

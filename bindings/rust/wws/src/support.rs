//! What generated code is made of: values on their way in and out, callback
//! tables, and functions that end at once.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::{c_void, CStr};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::raw::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::{ptr, slice};

use wws_sys as sys;

use crate::api::Status;
use crate::error::{Report, Result};

/// Defines the values of an enumeration. Others may come from a newer library:
/// they are values like any other.
macro_rules! values {
    (
        $(#[$doc:meta])*
        pub struct $name:ident($repr:ty) {
            $($(#[$value_doc:meta])* $value:ident = $number:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub $repr);

        #[allow(clippy::unreadable_literal)]
        impl $name {
            $($(#[$value_doc])* pub const $value: Self = Self($number);)*
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                #[allow(unreachable_patterns)] /* a value may have two names */
                match *self {
                    $(Self::$value => {
                        f.write_str(concat!(
                            stringify!($name), "::", stringify!($value)))
                    })*
                    Self(number) => {
                        write!(f, concat!(stringify!($name), "({})"), number)
                    }
                }
            }
        }
    };
}

/// An object that belongs to another one, for as long as that is there. Nothing
/// can be put in its place.
pub struct Lent<'a, T> {
    object: ManuallyDrop<T>,
    /* Shared by no two threads: the owner's thread may make an end of it. */
    owner: PhantomData<(&'a T, *const ())>,
}

impl<T> Lent<'_, T> {
    pub(crate) fn new(object: T) -> Self {
        Self { object: ManuallyDrop::new(object), owner: PhantomData }
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Lent<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.object.fmt(f)
    }
}

/// An object of the library's.
pub(crate) trait Object {
    type Handle: Default;

    fn handle(&self) -> Self::Handle;
}

/// Keeps an object from being used by two threads at a time: it is not `Sync`.
pub(crate) type Alone = PhantomData<Cell<()>>;

/// What this crate remembers of an object that is lent to a callback; such an
/// object, too, is used by one thread at a time.
#[derive(Default)]
pub(crate) struct Notes(pub RefCell<Option<Arc<dyn Any + Send + Sync>>>);

impl std::fmt::Debug for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notes")
    }
}

/// Outputs that point into the library. Nothing is done with them before they
/// are back where they began.
#[allow(dead_code)] /* depends on the schema */
#[repr(transparent)]
pub(crate) struct Raw<T>(pub T);

unsafe impl<T> Send for Raw<T> {}

/* Values on their way in are read until the function returns. */

pub(crate) fn string(text: &str) -> sys::wws_string {
    sys::wws_string { data: text.as_ptr().cast(), size: text.len() }
}

#[allow(dead_code)] /* depends on the schema */
pub(crate) fn strings<T: AsRef<str>>(texts: &[T]) -> Vec<sys::wws_string> {
    texts.iter().map(|text| string(text.as_ref())).collect()
}

pub(crate) fn bytes(octets: &[u8]) -> sys::wws_bytes {
    sys::wws_bytes { data: octets.as_ptr().cast(), size: octets.len() }
}

pub(crate) fn handle<T: Object>(
    object: &Option<impl Deref<Target = T>>,
) -> T::Handle {
    object.as_ref().map(|object| object.handle()).unwrap_or_default()
}

pub(crate) fn pointer<T>(value: &Option<T>) -> *const T {
    value.as_ref().map_or(ptr::null(), |value| value)
}

/* Values on their way out live as long as something else does: they are
 * copied. */

/// # Safety
///
/// The octets must be there.
pub(crate) unsafe fn view<'a>(data: *const c_void, size: usize) -> &'a [u8] {
    if data.is_null() || size == 0 {
        return &[];
    }
    unsafe { slice::from_raw_parts(data.cast(), size) }
}

/// # Safety
///
/// As [`view`].
pub(crate) unsafe fn text(text: sys::wws_string) -> String {
    let octets = unsafe { view(text.data.cast(), text.size) };
    String::from_utf8_lossy(octets).into_owned()
}

/// # Safety
///
/// There are as many as that, each as for [`view`].
pub(crate) unsafe fn texts(
    texts: *const sys::wws_string,
    count: usize,
) -> Vec<String> {
    (0..count).map(|i| unsafe { text(*texts.add(i)) }).collect()
}

/// # Safety
///
/// As [`view`].
pub(crate) unsafe fn octets<'a>(bytes: sys::wws_bytes) -> &'a [u8] {
    unsafe { view(bytes.data, bytes.size) }
}

/// # Safety
///
/// The name must be there for ever.
pub(crate) unsafe fn name(name: *const c_char) -> &'static str {
    unsafe { CStr::from_ptr(name) }.to_str().unwrap_or_default()
}

/// What a struct of the library points to, until it has been read, and the
/// states of tables, until the library has taken them.
#[derive(Default)]
pub(crate) struct Keep {
    parts: Vec<Box<dyn Any>>,
    states: Vec<(*mut c_void, unsafe extern "C" fn(*mut c_void))>,
}

impl Keep {
    pub(crate) fn part<T: 'static>(&mut self, part: T) -> *const T {
        let part = Box::new(part);
        let place: *const T = &*part;
        self.parts.push(part);
        place
    }

    pub(crate) fn optional<T: 'static>(&mut self, part: Option<T>) -> *const T {
        part.map_or(ptr::null(), |part| self.part(part))
    }

    #[allow(dead_code)] /* depends on the schema */
    pub(crate) fn array<T: 'static>(&mut self, items: Vec<T>) -> *const T {
        let place = items.as_ptr();
        self.parts.push(Box::new(items));
        place
    }

    pub(crate) fn state<T>(&mut self, table: T) -> *mut c_void {
        let state = Box::into_raw(Box::new(table)).cast();
        self.states.push((state, free_state::<T>));
        state
    }

    /// After a success the tables are the library's, which frees their states.
    pub(crate) fn settle(mut self, status: sys::wws_status) -> sys::wws_status {
        if status >= 0 {
            self.states.clear();
        }
        status
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        for (state, free) in self.states.drain(..) {
            unsafe { free(state) };
        }
    }
}

pub(crate) unsafe extern "C" fn free_state<T>(state: *mut c_void) {
    guard((), || drop(unsafe { Box::from_raw(state.cast::<T>()) }));
}

/// # Safety
///
/// The state must be one that [`Keep::state`] made for a `T`, not yet freed.
pub(crate) unsafe fn table<'a, T>(state: *mut c_void) -> &'a T {
    unsafe { &*state.cast::<T>() }
}

/// Runs code of the program's within a callback: a panic ends here.
pub(crate) fn guard<T>(otherwise: T, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        /* What was thrown may throw again when it is dropped. */
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        std::mem::forget(dropped);
        otherwise
    })
}

/// What a callback answers that panicked.
pub(crate) const PANICKED: Status = Status::E_OTHER;

/// A result together with the status it came with.
pub(crate) struct Done<T> {
    pub(crate) status: Status,
    pub(crate) out: T,
}

impl<T> Done<T> {
    /// Nothing if the answer was "there is none".
    pub(crate) fn unless_end(self) -> Option<T> {
        (self.status != Status::S_END).then_some(self.out)
    }
}

/// Calls a function that does not wait.
pub(crate) fn call<T>(
    mut out: T,
    function: impl FnOnce(*mut T, sys::wws_error) -> sys::wws_status,
) -> Result<Done<T>> {
    let report = Report::take()?;
    let status = function(&mut out, report.object());
    Ok(Done { status: report.check(status)?, out })
}

//! Octets that are owned on either side.

use std::ffi::c_void;
use std::ops::Deref;
use std::{fmt, str};

use wws_sys as sys;

use crate::support::{guard, view};

/// Octets that came out of the library, or are to be moved into it.
#[derive(Default)]
#[repr(transparent)]
pub struct Buffer(pub(crate) sys::wws_buffer);

/* Whoever holds it is alone with it, and nobody changes what is in it. */
unsafe impl Send for Buffer {}
unsafe impl Sync for Buffer {}

impl Buffer {
    /// The octets as text.
    pub fn to_str(&self) -> Result<&str, str::Utf8Error> {
        str::from_utf8(self)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        unsafe { sys::wws_buffer_release(&mut self.0) }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        unsafe { view(self.0.data, self.0.size) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

unsafe extern "C" fn release(owner: *mut c_void) {
    guard((), || drop(unsafe { Box::from_raw(owner.cast::<Vec<u8>>()) }));
}

impl From<Vec<u8>> for Buffer {
    fn from(octets: Vec<u8>) -> Self {
        let (data, size) = (octets.as_ptr().cast(), octets.len());
        let owner = Box::into_raw(Box::new(octets)).cast();
        Self(sys::wws_buffer { data, size, owner, release: Some(release) })
    }
}

impl From<Buffer> for Vec<u8> {
    fn from(buffer: Buffer) -> Self {
        buffer.to_vec()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self))
    }
}

/// As text; what is not UTF-8 is replaced.
impl fmt::Display for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self))
    }
}

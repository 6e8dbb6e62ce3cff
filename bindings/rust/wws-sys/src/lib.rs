//! The C interface of libwws as bindgen sees it; `wws/wws.h` documents it. The
//! crate `wws` is what programs use.

#![allow(non_camel_case_types, non_upper_case_globals)]
#![deny(unsafe_op_in_unsafe_fn)]

mod bindings;

pub use bindings::*;

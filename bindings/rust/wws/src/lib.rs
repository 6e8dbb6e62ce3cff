//! Web services whose every pending operation can be stopped: calls and hosts
//! SOAP services, on libwws.
//!
//! Whatever waits is an `async fn` that needs no particular executor, beside a
//! twin that blocks. **Dropping a future stops what it stands for**, at once and
//! with nothing leaked; the twin is stopped from another thread, by the function
//! that its documentation names.
//!
//! ```no_run
//! # fn main() -> wws::Result<()> {
//! let proxy = wws::ServiceProxy::new()?;
//! wws::block_on(async {
//!     proxy.open("http://127.0.0.1:8080/calc").await?;
//!     let body = "<Add xmlns='urn:calc'><a>2</a><b>3</b></Add>";
//!     println!("{}", proxy.call("urn:calc/Add", body.as_bytes()).await?);
//!     proxy.close().await
//! })
//! # }
//! ```
//!
//! Objects free themselves when they are dropped, in any state and without
//! waiting. Those that several threads may use at a time are [`Sync`]; a
//! [`Message`] and an [`Operation`] belong to one thread at a time. Options are
//! structs to be filled in with `..Default::default()`, or with `..new(...)`
//! where something is required.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

#[macro_use]
mod support;
mod api;
mod buffer;
mod carry;
mod error;
mod pending;
mod serve;
mod task;

pub use api::*;
pub use buffer::Buffer;
pub use error::{Error, Result};
pub use serve::{deferred, handler, CancelToken, Cancelled, Deferred};
pub use support::Lent;
pub use task::{block_on, block_on_until};

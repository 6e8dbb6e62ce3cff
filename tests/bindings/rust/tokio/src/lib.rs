//! Nothing but its tests: the crate wws under tokio.

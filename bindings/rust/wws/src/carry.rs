//! What an application's own transport is asked to do.

use std::error;

use crate::api::{Status, TransportTask};
use crate::error::{Error, Result};

impl TransportTask {
    /// Says that the task has failed, to whoever waits for it: with these words,
    /// and with the status of a failure of this crate.
    pub fn fail(
        self,
        why: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Result<()> {
        let why = why.into();
        let status = why
            .downcast_ref::<Error>()
            .map_or(Status::E_OTHER, |error| error.status());
        drop(self.give_reason(&why.to_string()));
        self.complete(status)
    }
}

impl Drop for TransportTask {
    fn drop(&mut self) {
        if !self.over {
            let task = Self { handle: self.handle, over: true };
            drop(task.give_reason("the task was dropped"));
            drop(task.complete(Status::E_OTHER));
        }
    }
}

//! Failures, and the error objects that tell of them.

use std::fmt;
use std::os::raw::c_int;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::Once;

use wws_sys as sys;

use crate::api::{
    status_name, version, ErrorInfo, FaultInfo, Phase, Progress, Status,
    VERSION,
};
use crate::support::text;

/// What a function gives back that may fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: a status, in which phase, how far the request got, and a
/// string for each layer that gave up.
#[derive(Clone, PartialEq)]
pub struct Error(Box<Failure>);

#[derive(Clone, PartialEq)]
struct Failure {
    info: ErrorInfo,
    strings: Vec<String>,
    fault: Option<FaultInfo>,
}

impl Error {
    /// A failure of which nothing but this is known.
    pub fn new(status: Status, text: impl Into<String>) -> Self {
        let mut info = ErrorInfo::lift(&ErrorInfo::slot());
        info.status = status;
        Self(Box::new(Failure {
            info,
            strings: vec![text.into()],
            fault: None,
        }))
    }

    /// What the function answered.
    pub fn status(&self) -> Status {
        self.0.info.status
    }

    /// The name of the status, as `WWS_E_OPERATION_ABORTED`.
    pub fn name(&self) -> &'static str {
        status_name(self.status())
    }

    /// In words, the outermost layer first.
    pub fn strings(&self) -> &[String] {
        &self.0.strings
    }

    /// How far the request got: only [`Progress::NOT_SENT`] makes it certain
    /// that the other side has not acted on it.
    pub fn progress(&self) -> Progress {
        self.0.info.progress
    }

    /// What was being done.
    pub fn phase(&self) -> Phase {
        self.0.info.phase
    }

    /// The status that an HTTP server answered, or 0.
    pub fn http_status(&self) -> u32 {
        self.0.info.http_status
    }

    /// The system's own number for the failure, or 0.
    pub fn original_code(&self) -> i32 {
        self.0.info.original_code
    }

    /// The SOAP fault that was received, if it was one.
    pub fn fault(&self) -> Option<&FaultInfo> {
        self.0.fault.as_ref()
    }

    /// All of it but the words and the fault.
    pub fn info(&self) -> &ErrorInfo {
        &self.0.info
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for string in self.strings() {
            write!(f, "{string}: ")?;
        }
        f.write_str(self.name())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:?}, {:?})", self.phase(), self.progress())
    }
}

impl std::error::Error for Error {}

/// The name in C, as `WWS_E_OPERATION_ABORTED`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(status_name(*self))
    }
}

/* Error objects that nobody uses, so that a call need not make one; a forked
 * child has none of its parent's. */
#[allow(clippy::declare_interior_mutable_const)]
const NONE: AtomicU64 = AtomicU64::new(0);
static SPARE: [AtomicU64; 16] = [NONE; 16];

/* How many forks lie between the first process and this one. */
static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn forget_parent() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    for spare in &SPARE {
        spare.store(0, Ordering::Relaxed);
    }
}

extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// Looks at the library once.
fn check_library() -> Result<()> {
    static LOOK: Once = Once::new();
    static FITS: AtomicBool = AtomicBool::new(false);

    LOOK.call_once(|| {
        unsafe { pthread_atfork(None, None, Some(forget_parent)) };
        FITS.store(version() >= VERSION, Ordering::Relaxed);
    });
    if FITS.load(Ordering::Relaxed) {
        return Ok(());
    }
    let text = format!(
        "this crate needs version {VERSION} of libwws, found is version {}",
        version()
    );
    Err(Error::new(Status::E_NOT_SUPPORTED, text))
}

/// The error object of one call. Zero if there is no memory for one: functions
/// work without.
pub(crate) struct Report {
    object: sys::wws_error,
    forks: u32, /* as many as there were when it was taken */
}

impl Report {
    pub(crate) fn take() -> Result<Self> {
        check_library()?;
        for spare in &SPARE {
            let id = spare.swap(0, Ordering::Acquire);
            if id != 0 {
                return Ok(Self::new(sys::wws_error { id }));
            }
        }
        let mut object = sys::wws_error::default();
        unsafe { sys::wws_error_create(&mut object) };
        Ok(Self::new(object))
    }

    fn new(object: sys::wws_error) -> Self {
        Self { object, forks: FORKS.load(Ordering::Relaxed) }
    }

    /// Whether it, and with it the call, was left behind in the parent.
    pub(crate) fn is_of_parent(&self) -> bool {
        self.forks != FORKS.load(Ordering::Relaxed)
    }

    pub(crate) fn object(&self) -> sys::wws_error {
        self.object
    }

    /// What a function answered, as a result.
    pub(crate) fn check(&self, status: sys::wws_status) -> Result<Status> {
        if status >= 0 {
            return Ok(Status(status));
        }
        let error = self.read(Status(status));
        self.reset();
        Err(error)
    }

    /// Makes it as good as new.
    pub(crate) fn reset(&self) {
        unsafe { sys::wws_error_reset(self.object) };
    }

    fn read(&self, status: Status) -> Error {
        let mut info = ErrorInfo::slot();
        let mut fault = FaultInfo::slot();
        let (informed, faulted) = unsafe {
            (
                sys::wws_error_get_info(self.object, &mut info),
                sys::wws_error_get_fault(self.object, &mut fault),
            )
        };
        if informed < 0 {
            info = ErrorInfo::slot();
        }
        let mut failure = Failure {
            info: ErrorInfo::lift(&info),
            strings: (0..info.string_count).map(|i| self.string(i)).collect(),
            fault: (faulted == Status::S_OK.0).then(|| FaultInfo::lift(&fault)),
        };
        failure.info.status = status;
        Error(Box::new(failure))
    }

    fn string(&self, index: u32) -> String {
        let mut string = sys::wws_string::default();
        unsafe {
            sys::wws_error_get_string(self.object, index, &mut string);
            text(string)
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.is_of_parent() {
            return;
        }
        for spare in &SPARE {
            let given = spare.compare_exchange(
                0,
                self.object.id,
                Ordering::Release,
                Ordering::Relaxed,
            );
            if given.is_ok() {
                return;
            }
        }
        unsafe { sys::wws_error_free(self.object) };
    }
}

//! Counts how often a call crosses the boundary, in either direction; the
//! argument is the address of the host. Only where build.rs can put a counter in
//! between.

#[cfg(target_arch = "x86_64")]
fn main() -> wws::Result<()> {
    counted::main()
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {}

#[cfg(target_arch = "x86_64")]
mod counted {
    use std::sync::atomic::{AtomicU64, Ordering};

    use wws::{block_on, Buffer, Result, ServiceProxy};

    std::arch::global_asm!(
        include_str!(concat!(env!("OUT_DIR"), "/jumps.s")),
        options(att_syntax)
    );

    /// Calls of the library's functions.
    #[no_mangle]
    #[allow(non_upper_case_globals)]
    static crossings: AtomicU64 = AtomicU64::new(0);

    /// How often one of many calls crosses on its way there.
    fn count(mut call: impl FnMut() -> Result<Buffer>) -> Result<f64> {
        const CALLS: u64 = 100;

        drop(call()?);
        crossings.store(0, Ordering::SeqCst);
        for _ in 0..CALLS {
            drop(call()?);
        }
        Ok(crossings.load(Ordering::SeqCst) as f64 / CALLS as f64)
    }

    fn print(bench: &str, ours: f64) {
        println!(
            "{{\"bench\": \"rust-{bench}\", \"wire\": \"http\", \
             \"figure\": \"crossings\", \"ours\": {ours:.2}}}"
        );
    }

    pub fn main() -> Result<()> {
        /* Exactly one comes back for each call that is pending. */
        const COMPLETION: f64 = 1.0;
        let (action, body) = (bench::ACTION, bench::BODY.as_bytes());
        let url = std::env::args().nth(1).unwrap_or_default();
        let proxy = ServiceProxy::new()?;
        proxy.open_blocking(&url)?;

        let there = count(|| block_on(proxy.call(action, body)))?;
        print("call", there + COMPLETION);
        print("blocking", count(|| proxy.call_blocking(action, body))?);
        Ok(())
    }
}

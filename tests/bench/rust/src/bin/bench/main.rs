//! What the bindings of Rust cost: a call across the boundary beside a bare one,
//! how often a call of a service crosses it, and how many calls there are in a
//! second beside a client of nothing but `std`, against the same host, which is
//! a process of its own. One JSON object a line for each figure.

mod flight;
mod plain;

use std::env;
use std::io::{stdin, stdout, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wws::{handler, Channel, EndpointOptions, Result, ServiceHost};

const REPLY: &str = "<AddResponse xmlns=\"http://example.org/calculator\">\
    <sum>42</sum></AddResponse>";

/// Rounds, of which the median counts.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);

fn median(mut measure: impl FnMut() -> f64) -> f64 {
    let mut figures: Vec<_> = (0..ROUNDS).map(|_| measure()).collect();
    figures.sort_by(f64::total_cmp);
    figures[ROUNDS / 2]
}

/// Nanoseconds for one of many.
fn ns_of(mut one: impl FnMut()) -> f64 {
    const TIMES: u32 = 1_000_000;

    median(|| {
        let start = Instant::now();
        (0..TIMES).for_each(|_| one());
        start.elapsed().as_nanos() as f64 / f64::from(TIMES)
    })
}

/// How often it could be done in a second, when each call does so many.
pub fn rate_of(mut some: impl FnMut() -> usize) -> f64 {
    median(|| {
        let start = Instant::now();
        let mut count = 0;
        while start.elapsed() < ROUND {
            count += some();
        }
        count as f64 / start.elapsed().as_secs_f64()
    })
}

fn print(bench: &str, figure: &str, ours: f64, peer: &str, theirs: f64) {
    println!(
        "{{\"bench\": \"rust-{bench}\", \"wire\": \"http\", \
         \"figure\": \"{figure}\", \"ours\": {ours:.2}, \
         \"peer\": \"{peer}\", \"theirs\": {theirs:.2}}}"
    );
}

/// A function that does next to nothing.
fn bench_boundary() -> Result<()> {
    let channel = Channel::new()?;
    let raw = {
        let mut raw = wws_sys::wws_channel::default();
        let runtime = wws_sys::wws_runtime::default();
        let none = wws_sys::wws_error::default();
        let null = std::ptr::null();
        unsafe { wws_sys::wws_channel_create(runtime, null, &mut raw, none) };
        raw
    };
    let ours = ns_of(|| assert!(channel.state().is_ok()));
    let theirs = ns_of(|| {
        let mut state = 0;
        let none = wws_sys::wws_error::default();
        let status =
            unsafe { wws_sys::wws_channel_get_state(raw, &mut state, none) };
        assert!(status >= 0);
    });

    unsafe { wws_sys::wws_channel_free(raw) };
    print("boundary", "ns", ours, "extern", theirs);
    Ok(())
}

fn bench_calls(url: &str) -> Result<()> {
    let (ours, theirs) = (flight::one(url)?, plain::one(url));
    print("call", "calls/s", ours, "std", theirs);
    let (ours, theirs) = (flight::blocking(url)?, plain::one(url));
    print("blocking", "calls/s", ours, "std", theirs);
    let (ours, theirs) = (flight::many(url)?, plain::many(url));
    print("flight", "calls/s", ours, "std", theirs);
    Ok(())
}

fn count_crossings(url: &str) -> std::io::Result<()> {
    let program = env::current_exe()?.with_file_name("crossings");
    let status = Command::new(program).arg(url).status()?;
    assert!(status.success());
    Ok(())
}

/// Serves until standard input ends.
fn serve() -> Result<()> {
    let host = ServiceHost::new()?;
    host.add_endpoint(EndpointOptions {
        max_channels: 256,
        ..EndpointOptions::new(
            "http://127.0.0.1:0/",
            handler(|operation| {
                operation.body()?;
                Ok(REPLY)
            }),
        )
    })?;
    host.open_blocking()?;
    println!("{}", host.address(0)?);
    stdout().flush().expect("there is someone who reads");
    drop(stdin().read_to_end(&mut Vec::new()));
    host.close_blocking()
}

fn start_host() -> std::io::Result<(Child, String)> {
    let mut host = Command::new(env::current_exe()?)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    let output = host.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut url)?;
    Ok((host, url.trim().to_string()))
}

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some("serve") {
        return serve();
    }
    bench_boundary()?;
    let (mut host, url) = start_host().expect("a host");
    count_crossings(&url).expect("the program beside this one");
    let benched = bench_calls(&url);
    drop(host.stdin.take());
    host.wait().expect("the host ends");
    benched
}

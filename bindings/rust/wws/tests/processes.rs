//! Processes that end, fork and start others while calls are pending, and one
//! that finds a library of another version. What such a process does is a test
//! that is ignored unless it is named.

#![allow(non_snake_case)]

mod common;

use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::raw::c_int;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::pin::Pin;
use std::process::{exit, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use common::{action, eventually, Count, Service, BODY, LONG};
use wws::{Buffer, Result, ServiceProxy, Status};

extern "C" {
    fn fork() -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

type Calling<'a> = Pin<Box<dyn Future<Output = Result<Buffer>> + 'a>>;

fn begin<'a>(proxy: &'a ServiceProxy, action: &'a str) -> Calling<'a> {
    begin_counted(proxy, action, &Arc::default())
}

fn begin_counted<'a>(
    proxy: &'a ServiceProxy,
    action: &'a str,
    count: &Arc<Count>,
) -> Calling<'a> {
    let mut call = Box::pin(proxy.call(action, BODY));
    let waker = Waker::from(count.clone());
    let polled = call.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    call
}

/// A process that does what the ignored test of that name says.
fn process(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    /* It ends in the middle of its work, on purpose. */
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    command
}

#[test]
#[ignore = "is a process of its own"]
fn process__exits_with_1000_calls_pending() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let options = wws::ServiceProxyOptions {
        max_pending_calls: 1000,
        ..Default::default()
    };
    let proxy = ServiceProxy::new_with(None, options).unwrap();
    proxy.open_blocking(&url).unwrap();
    let calls: Vec<_> = (0..1000).map(|_| begin(&proxy, "urn:a")).collect();

    println!("\npending");
    std::mem::forget(calls);
    exit(0);
}

#[test]
fn exit__does_not_wait_for_1000_calls() {
    let mut child = process("process__exits_with_1000_calls_pending")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();

    while line != "pending\n" {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
    let start = Instant::now();
    let status = child.wait().unwrap();

    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < LONG / 4);
}

/// Whether something is so in a forked child.
fn holds_in_child(run: impl FnOnce() -> bool) -> bool {
    let process = unsafe { fork() };
    if process == 0 {
        let good = catch_unwind(AssertUnwindSafe(run)).unwrap_or(false);
        unsafe { _exit(!good as c_int) };
    }
    let mut status = -1;
    assert_eq!(unsafe { waitpid(process, &mut status, 0) }, process);
    status == 0
}

/// What a child finds of its parent's objects, and can do with its own.
fn child(url: &str, old: &ServiceProxy, call: Calling<'_>) -> bool {
    let forked = old.call_blocking("urn:a", BODY).unwrap_err();
    drop(call);
    let new = ServiceProxy::new().unwrap();
    new.open_blocking(url).unwrap();
    let reply = new.call_blocking(&action("Echo"), BODY).unwrap();
    let refused = new.open_blocking(url).unwrap_err();
    forked.status() == Status::E_FORKED
        && !refused.strings().is_empty()
        && &*reply == BODY
}

#[test]
fn fork__leaves_the_calls_to_the_parent() {
    let service = Service::new();
    let proxy = service.proxy();
    let hold = action("Hold");
    let call = begin(&proxy, &hold);
    service.hold.await_arrivals(1);
    assert!(proxy.open_blocking("").is_err());

    let mut call = Some(call);
    let good =
        holds_in_child(|| child(&service.url, &proxy, call.take().unwrap()));
    service.hold.open();

    assert!(good);
    assert_eq!(&*wws::block_on(call.unwrap()).unwrap(), BODY);
}

#[test]
fn fork__leaves_what_was_replied_to_the_parent() {
    let service = Service::new();
    let proxy = service.proxy();
    let (hold, count) = (action("Hold"), Arc::default());
    let mut calls: Vec<_> =
        (0..8).map(|_| begin_counted(&proxy, &hold, &count)).collect();
    service.hold.open();
    eventually(|| count.0.load(Ordering::SeqCst) == calls.len());

    assert!(holds_in_child(|| {
        calls.clear();
        (0..20).all(|_| ServiceProxy::new().is_ok())
    }));

    for call in calls {
        assert_eq!(&*wws::block_on(call).unwrap(), BODY);
    }
}

#[test]
fn fork__lets_the_child_drop_calls_without_waiting() {
    let service = Service::new();
    let proxy = service.proxy();
    let hold = action("Hold");
    let mut calls: Vec<_> = (0..100).map(|_| begin(&proxy, &hold)).collect();

    assert!(holds_in_child(|| {
        let start = Instant::now();
        calls.clear();
        start.elapsed() < Duration::from_secs(2)
    }));
}

#[test]
fn command__runs_while_calls_are_pending() {
    let service = Service::new();
    let proxy = service.proxy();
    let hold = action("Hold");
    let call = begin(&proxy, &hold);
    service.hold.await_arrivals(1);

    let mut command = Command::new("true");
    command.env_remove("LD_PRELOAD");
    assert!(command.status().unwrap().success());
    service.hold.open();

    assert_eq!(&*wws::block_on(call).unwrap(), BODY);
}

#[test]
#[ignore = "is a process of its own"]
fn process__finds_another_version() {
    let error = ServiceProxy::new().unwrap_err();

    println!("\n{error}");
}

/// A library that says it is older than what this crate was made for.
fn build_old_library() -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join("old.c");
    let library = folder.join("libold.so");
    let text = "unsigned wws_version(void) { return 0; }\n";
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new("cc");
    command.env_remove("LD_PRELOAD");
    command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    assert!(command.status().unwrap().success());
    library
}

#[test]
#[cfg_attr(feature = "vendored", ignore = "has its library inside")]
fn library__of_an_older_version_is_told_from_ours() {
    let preloaded = std::env::var("LD_PRELOAD").unwrap_or_default();
    let library = build_old_library();
    let output = process("process__finds_another_version")
        .env("LD_PRELOAD", format!("{preloaded} {}", library.display()))
        .output()
        .unwrap();
    let mut text = String::new();

    (&*output.stdout).read_to_string(&mut text).unwrap();
    assert!(output.status.success());
    assert!(text.contains("needs version 1 of libwws, found is version 0"));
}

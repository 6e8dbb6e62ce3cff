//! Runtimes: their log, their threads, and what they count.

#![allow(non_snake_case)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{action, count, eventually, Service, BODY};
use wws::{
    block_on, Counter, LogCallbacks, LogLevel, Runtime, RuntimeOptions,
    ServiceProxy, ServiceProxyOptions, ThreadCallbacks,
};

fn open(runtime: &Runtime) {
    let options = ServiceProxyOptions::default();
    let proxy = ServiceProxy::new_with(Some(runtime), options).unwrap();
    proxy.open_blocking("http://127.0.0.1:1/").unwrap();
}

#[test]
fn log__is_heard_until_it_is_ended() {
    let runtime = Runtime::new().unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = lines.clone();
    let log = LogCallbacks::new(move |level, _phase, text| {
        written.lock().unwrap().push((level, text.to_string()));
    });

    runtime.set_log(LogLevel::DEBUG, Some(log)).unwrap();
    open(&runtime);
    runtime.set_log(LogLevel::DEBUG, None).unwrap();

    let heard = lines.lock().unwrap().len();
    assert!(heard > 0);
    assert_eq!(Arc::strong_count(&lines), 1);
    open(&runtime);
    assert_eq!(lines.lock().unwrap().len(), heard);
}

#[test]
fn log__that_panics_harms_nobody() {
    let runtime = Runtime::new().unwrap();
    let log = LogCallbacks::new(|_, _, _| panic!("on purpose"));

    runtime.set_log(LogLevel::DEBUG, Some(log)).unwrap();
    open(&runtime);
    runtime.set_log(LogLevel::DEBUG, None).unwrap();

    runtime.close(1000).unwrap();
}

#[test]
fn threads__are_told_of() {
    let (begun, ended) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (up, down) = (begun.clone(), ended.clone());
    let threads = ThreadCallbacks {
        started: Some(Arc::new(move || {
            up.fetch_add(1, Ordering::SeqCst);
        })),
        stopped: Some(Arc::new(move || {
            down.fetch_add(1, Ordering::SeqCst);
        })),
    };
    let runtime = Runtime::new_with(RuntimeOptions {
        threads: Some(threads),
        ..Default::default()
    })
    .unwrap();

    open(&runtime);
    runtime.close(10_000).unwrap();

    assert!(begun.load(Ordering::SeqCst) > 0);
    eventually(|| begun.load(Ordering::SeqCst) == ended.load(Ordering::SeqCst));
}

#[test]
fn runtime__that_is_the_default_one_needs_no_making() {
    let service = Service::new();
    let before = count(Counter::OPERATIONS);

    service.proxy().call_blocking(&action("Echo"), BODY).unwrap();

    assert!(count(Counter::OPERATIONS) > before);
    drop(Runtime::default());
    service.proxy().call_blocking(&action("Echo"), BODY).unwrap();
}

#[test]
fn runtime__of_its_own_serves_and_calls() {
    let runtime = Runtime::new().unwrap();
    let service = Service::on(Some(&runtime));
    let proxy = service.proxy();

    let reply = block_on(proxy.call(&action("Echo"), BODY)).unwrap();

    assert_eq!(&*reply, BODY);
    assert_eq!(runtime.counter(Counter::OPERATIONS).unwrap(), 1);
}

//! Nothing is left behind; alone in its process, for the counters are its.

#![allow(non_snake_case)]

mod common;

use common::{action, count, drop_when_done, eventually, Service, BODY};
use std::time::Instant;
use wws::{block_on_until, Counter};

fn work(service: &Service) {
    let proxy = service.proxy();
    for _ in 0..200 {
        proxy.call_blocking(&action("Echo"), BODY).unwrap();
        proxy.call_blocking(&action("Fail"), BODY).unwrap_err();
        let now = Instant::now();
        block_on_until(now, proxy.call(&action("Echo"), BODY));
        drop_when_done(proxy.call(&action("Echo"), BODY));
    }
    proxy.close_blocking().unwrap();
}

#[test]
fn counters__are_flat_at_the_end() {
    let service = Service::new();
    work(&service);
    let counted = [Counter::HANDLES, Counter::SOCKETS, Counter::MEMORY_BLOCKS];
    /* What is kept for the next call, whoever makes it. */
    let spare = 64;
    let before = counted.map(count);

    for _ in 0..5 {
        work(&service);
    }

    eventually(|| {
        let after = counted.map(count);
        after.iter().zip(before).all(|(after, before)| *after <= before + spare)
    });
}

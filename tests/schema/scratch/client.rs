//! Uses what the scratch schema adds, and stops what waits.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use wws::{ServiceProxy, ServiceProxyOptions, ServiceProxyState};

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn main() -> wws::Result<()> {
    println!("{}", ServiceProxy::new()?.try_luck(0)?.0);

    let options = ServiceProxyOptions { lucky_number: 35, ..Default::default() };
    let proxy = ServiceProxy::new_with(None, options)?;
    let (number, state) = proxy.try_luck(7)?;
    let lucky = state == ServiceProxyState::LUCKY;
    println!("{number} {}", if lucky { "lucky" } else { "unlucky" });

    proxy.open_blocking(&std::env::args().last().unwrap())?;
    let waker = Arc::new(Nobody).into();
    let mut ask: Pin<Box<dyn Future<Output = _>>> = Box::pin(proxy.ask("urn:scratch/Ask"));
    let pending = ask.as_mut().poll(&mut Context::from_waker(&waker));
    io::stdin().read_line(&mut String::new()).unwrap();
    drop(ask);
    println!("{}", match pending {
        Poll::Pending => "cancelled",
        Poll::Ready(_) => "not cancelled",
    });
    Ok(())
}

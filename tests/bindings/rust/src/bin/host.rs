//! The host of Rust: the service that scenarios call, and the controls by which
//! a runner learns what has happened in it, and makes it happen.

use std::io::{stdin, stdout, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use wws::{
    deferred, handler, CancelReason, Deferred, Encoding, EndpointOptions,
    Fault, FaultCode, Operation, OperationCallbacks, Result, Runtime,
    ServiceHost, ServiceHostOptions, Transport,
};
use wws_suite::{body_of, name_of, text_in, NAMESPACE};

const PATIENCE: Duration = Duration::from_secs(10);
const CROWD: u32 = 256;

type Served<T = Vec<u8>> = Result<T, Box<Fault>>;

/// What is known of the service.
#[derive(Default)]
struct Service {
    host: Option<Arc<ServiceHost>>,
    entered: usize,
    cancelled: usize,
    ended: usize,
    reason: Option<CancelReason>,
    released: bool,
    holds: Vec<(Deferred, String)>,
    over: bool, /* nobody waits any more */
}

struct World {
    runtime: Runtime,
    service: Mutex<Service>,
    changed: Condvar,
}

fn reply(text: &str) -> Vec<u8> {
    body_of("Reply", text)
}

fn fault(reason: &str) -> Box<Fault> {
    Box::new(Fault::new(reason))
}

impl World {
    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Service)) {
        change(&mut self.service());
        self.changed.notify_all();
    }

    fn current(&self) -> Served<Arc<ServiceHost>> {
        self.service().host.clone().ok_or_else(|| fault("there is no service"))
    }

    /* The service. */

    fn wait(self: &Arc<Self>, operation: Deferred) -> Result<()> {
        let token = operation.cancel_token()?;
        let waiting = Mutex::new(Some(operation));
        let world = self.clone();
        token.on_cancel(move |reason| {
            world.change(|service| {
                service.reason = Some(reason);
                service.cancelled += 1;
            });
            drop(waiting.lock().unwrap().take());
            world.change(|service| service.ended += 1);
        });
        self.change(|service| service.entered += 1);
        Ok(())
    }

    fn let_go(&self, (operation, text): (Deferred, String)) {
        drop(operation.complete(Ok(reply(&text))));
        self.change(|service| service.ended += 1);
    }

    fn hold(&self, operation: Deferred, text: String) {
        let mut now = Some((operation, text));
        self.change(|service| {
            service.entered += 1;
            if !service.released {
                service.holds.extend(now.take());
            }
        });
        now.into_iter().for_each(|held| self.let_go(held));
    }

    fn release(&self) {
        let mut holds = Vec::new();
        self.change(|service| {
            service.released = true;
            holds = std::mem::take(&mut service.holds);
        });
        holds.into_iter().for_each(|held| self.let_go(held));
    }

    fn serve(self: &Arc<Self>, operation: Deferred) -> Result<()> {
        let action = operation.info()?.action;
        let text = text_in(&operation.body()?);
        match action.rsplit('/').next().unwrap_or_default() {
            "Add" => operation.complete(add(&text)),
            "Echo" => operation.complete(Ok(reply(&text))),
            "Fail" => operation.complete(Err::<Vec<u8>, _>(refusal(&text))),
            "Cut" => {
                operation.abort_channel();
                operation.complete(Ok(reply(&text)))
            }
            "Wait" => self.wait(operation),
            "Hold" => {
                self.hold(operation, text);
                Ok(())
            }
            action => panic!("there is no {action}"),
        }
    }

    /* The controls. */

    fn reached(
        &self,
        text: &str,
        count: impl Fn(&Service) -> usize,
    ) -> Served<()> {
        let wanted = text.parse().map_err(|_| fault("is no number"))?;
        let waiting = |it: &mut Service| count(it) < wanted && !it.over;
        let waited =
            self.changed.wait_timeout_while(self.service(), PATIENCE, waiting);
        if count(&waited.unwrap().0) < wanted {
            return Err(fault("it did not come to that"));
        }
        Ok(())
    }

    fn end(&self) {
        self.release();
        let host = self.service().host.take();
        if let Some(host) = host {
            host.abort();
            drop(host.close_blocking());
        }
    }

    fn begin(self: &Arc<Self>, transport: &str) -> Served<String> {
        self.end();
        *self.service() = Service::default();
        let world = self.clone();
        let table = deferred(move |operation| {
            world.serve(operation).expect("the operation is there");
        });
        let transport = match transport {
            "tcp" => Transport::TCP,
            _ => Transport::HTTP,
        };
        let host = Arc::new(open_host(&self.runtime, transport, table)?);
        let address = host.address(0)?;
        self.service().host = Some(host);
        Ok(address)
    }

    fn control(self: &Arc<Self>, operation: &Operation) -> Served {
        let action = operation.info()?.action;
        let text = text_in(&operation.body()?);
        match action.rsplit('/').next().unwrap_or_default() {
            "Begin" => return Ok(reply(&self.begin(&text)?)),
            "Entered" => self.reached(&text, |it| it.entered)?,
            "Ended" => self.reached(&text, |it| it.ended)?,
            "Cancelled" => {
                self.reached(&text, |it| it.cancelled)?;
                let reason = self.service().reason;
                return Ok(reply(&reason.map_or_else(String::new, name_of)));
            }
            "Release" => self.release(),
            "Abort" => drop(self.current()?.abort()),
            "Close" => {
                let closed = self.current()?.close_blocking();
                let name = closed.err().map_or("WWS_S_OK", |it| it.name());
                return Ok(reply(name));
            }
            action => panic!("there is no {action}"),
        }
        Ok(reply(&text))
    }
}

fn add(text: &str) -> Served {
    let (a, b) = text.split_once('+').ok_or_else(|| fault("is no sum"))?;
    let number =
        |text: &str| text.parse::<i64>().map_err(|_| fault("is no number"));
    Ok(reply(&(number(a)? + number(b)?).to_string()))
}

fn refusal(text: &str) -> Box<Fault> {
    Box::new(Fault {
        code: FaultCode::SENDER,
        subcode_namespace: NAMESPACE.into(),
        subcode_name: "Refused".into(),
        detail: body_of("Detail", text),
        ..Fault::new("refused")
    })
}

fn open_host(
    runtime: &Runtime,
    transport: Transport,
    operations: OperationCallbacks,
) -> Result<ServiceHost> {
    let options =
        ServiceHostOptions { close_timeout_ms: 300, ..Default::default() };
    let host = ServiceHost::new_with(Some(runtime), options)?;
    let url = match transport {
        Transport::TCP => "net.tcp://127.0.0.1:0/suite",
        _ => "http://127.0.0.1:0/suite",
    };
    host.add_endpoint(EndpointOptions {
        transport,
        encoding: Encoding::UTF8,
        max_channels: CROWD,
        max_concurrency: CROWD,
        ..EndpointOptions::new(url, operations)
    })?;
    host.open_blocking()?;
    Ok(host)
}

fn main() -> Result<()> {
    /* Panics are part of the suite. */
    std::panic::set_hook(Box::new(|_| {}));
    let world = Arc::new(World {
        runtime: Runtime::new()?,
        service: Mutex::default(),
        changed: Condvar::new(),
    });
    let serving = world.clone();
    let controls = handler(move |operation| serving.control(operation));
    let host = open_host(&world.runtime, Transport::HTTP, controls)?;

    println!("{}", host.address(0)?);
    stdout().flush().expect("there is someone who reads");
    drop(stdin().read_to_end(&mut Vec::new()));
    world.change(|service| service.over = true);
    world.end();
    host.close_blocking()?;
    world.runtime.close(PATIENCE.as_millis() as u32)
}

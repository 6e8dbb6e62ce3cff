//! The runner of Rust: reads scenarios and carries them out, line by line. Work
//! is a future that is polled once when it starts, and to its end when it is
//! awaited; to be cancelled is to be dropped.

use std::collections::HashMap;
use std::env;
use std::future::Future;
use std::pin::Pin;
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use wws::{
    Call, CallOptions, Channel, ChannelOptions, Encoding, Error, FaultInfo,
    Header, Listener, ListenerOptions, Message, MessageInitialization,
    ReceiveOption, Runtime, ServiceProxy, ServiceProxyOptions, Status,
    Transport,
};
use wws_suite::{action_of, body_of, name_of, text_in};

const PATIENCE: Duration = Duration::from_secs(10);

/// What is wrong with a step, in words.
type Checked<T = ()> = Result<T, String>;

/// A line, split.
struct Line<'a> {
    number: usize,
    words: Vec<&'a str>,
    options: HashMap<&'a str, &'a str>,
}

impl<'a> Line<'a> {
    fn split(number: usize, text: &'a str) -> Self {
        let mut line = Self { number, words: vec![], options: HashMap::new() };
        for word in text.split_whitespace() {
            match word.split_once('=') {
                Some((name, value)) if !line.words.is_empty() => {
                    line.options.insert(name, value);
                }
                _ => line.words.push(word),
            }
        }
        line
    }

    fn word(&self, index: usize) -> Checked<&'a str> {
        self.words.get(index).copied().ok_or_else(|| "too short".to_string())
    }

    fn option(&self, name: &str) -> Option<&'a str> {
        self.options.get(name).copied()
    }

    fn number(&self, name: &str, otherwise: u32) -> u32 {
        let value = self.option(name).and_then(|value| value.parse().ok());
        value.unwrap_or(otherwise)
    }
}

fn expanded(text: &str) -> String {
    match text.strip_prefix('*').map(str::parse) {
        Some(Ok(count)) => "x".repeat(count),
        _ => text.to_string(),
    }
}

fn check(good: bool, wrong: impl FnOnce() -> String) -> Checked {
    good.then_some(()).ok_or_else(wrong)
}

fn wrong(error: Error) -> String {
    error.to_string()
}

/// What a scenario calls by a name.
#[derive(Clone)]
enum Object {
    Proxy(Arc<ServiceProxy>),
    Channel(Arc<Channel>, Received),
    Listener(Arc<Listener>),
    Call(Arc<Call>),
}

/// The message that the last work received.
type Received = Arc<Mutex<Option<Message>>>;

impl Object {
    fn state(&self) -> String {
        match self {
            Self::Proxy(it) => it.state().map(name_of),
            Self::Channel(it, _) => it.state().map(name_of),
            Self::Listener(it) => it.state().map(name_of),
            Self::Call(_) => return "unknown".to_string(),
        }
        .unwrap_or_else(|error| error.name().to_string())
    }

    fn abort(&self) -> Status {
        match self {
            Self::Proxy(it) => it.abort(),
            Self::Channel(it, _) => it.abort(),
            Self::Listener(it) => it.abort(),
            Self::Call(it) => it.cancel(),
        }
    }

    fn reset(&self) -> Status {
        let reset = match self {
            Self::Proxy(it) => it.reset(),
            Self::Channel(it, _) => it.reset(),
            Self::Listener(it) => it.reset(),
            Self::Call(_) => Ok(()),
        };
        reset.err().map_or(Status::S_OK, |error| error.status())
    }

    async fn open(&self, address: &str) -> wws::Result<()> {
        match self {
            Self::Proxy(it) => it.open(address).await,
            Self::Channel(it, _) => it.open(address).await,
            Self::Listener(it) => it.open(address).await,
            Self::Call(_) => Ok(()),
        }
    }

    async fn close(&self) -> wws::Result<()> {
        match self {
            Self::Proxy(it) => it.close().await,
            Self::Channel(it, _) => it.close().await,
            Self::Listener(it) => it.close().await,
            Self::Call(_) => Ok(()),
        }
    }

    fn proxy(&self) -> Checked<Arc<ServiceProxy>> {
        match self {
            Self::Proxy(it) => Ok(it.clone()),
            _ => Err("is no proxy".to_string()),
        }
    }

    fn channel(&self) -> Checked<(Arc<Channel>, Received)> {
        match self {
            Self::Channel(it, received) => Ok((it.clone(), received.clone())),
            _ => Err("is no channel".to_string()),
        }
    }

    fn listener(&self) -> Checked<Arc<Listener>> {
        match self {
            Self::Listener(it) => Ok(it.clone()),
            _ => Err("is no listener".to_string()),
        }
    }
}

/// How a piece of work ended.
#[derive(Clone)]
struct Outcome {
    status: Status,
    phase: String,
    progress: String,
    reply: String,
    fault: Option<FaultInfo>,
    ended: Instant,
    tells_all: bool,
}

impl Outcome {
    fn new(status: Status, ended: Instant) -> Self {
        Self {
            status,
            phase: "-".into(),
            progress: "-".into(),
            reply: String::new(),
            fault: None,
            ended,
            tells_all: false,
        }
    }

    fn of(result: Done, ended: Instant) -> Self {
        let mut outcome = Self::new(Status::S_OK, ended);
        outcome.tells_all = true;
        match result {
            Ok(Some(body)) => outcome.reply = text_in(&body),
            Ok(None) => outcome.status = Status::S_END,
            Err(error) => {
                outcome.status = error.status();
                outcome.phase = name_of(error.phase());
                outcome.progress = name_of(error.progress());
                outcome.fault = error.fault().cloned();
            }
        }
        outcome
    }

    /// What a line says of it, the status apart.
    fn compare(&self, line: &Line<'_>) -> Checked {
        let same = |name: &str, there: &str| {
            let wanted = line.option(name).map(expanded);
            let good =
                wanted.map_or(true, |all| all.split('|').any(|it| it == there));
            check(good, || format!("{name} {there:.80}"))
        };
        if self.status.0 >= 0 {
            return same("reply", &self.reply);
        }
        if self.tells_all {
            same("phase", &self.phase)?;
            same("progress", &self.progress)?;
        }
        let fault = self.fault.as_ref();
        let dash = || "-".to_string();
        same("fault", fault.map_or("-", |it| &it.subcode_name))?;
        same("code", &fault.map_or_else(dash, |it| name_of(it.code)))?;
        same("detail", &fault.map_or_else(dash, |it| text_in(&it.detail)))
    }
}

/// The body that came, or none.
type Done = wws::Result<Option<Vec<u8>>>;
type Working = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Wakes the runner, and knows when it last did.
struct Bell {
    runner: Thread,
    rung: Mutex<Instant>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap() = Instant::now();
        self.runner.unpark();
    }
}

struct Work {
    future: Option<Working>,
    outcome: Option<Outcome>,
    bell: Arc<Bell>,
    begun: Instant, /* or when its time is over */
    deadline: Option<Instant>,
    dropped: Status, /* what it ends with when it is cancelled */
}

impl Work {
    fn poll(&mut self) {
        let waker = Waker::from(self.bell.clone());
        let mut context = Context::from_waker(&waker);
        let future = match &mut self.future {
            Some(future) => future.as_mut(),
            None => return,
        };
        if let Poll::Ready(result) = future.poll(&mut context) {
            let ended = *self.bell.rung.lock().unwrap();
            self.outcome = Some(Outcome::of(result, ended));
            self.future = None;
        }
    }

    fn end(&mut self, status: Status) {
        if self.outcome.is_none() {
            self.future = None;
            self.outcome = Some(Outcome::new(status, Instant::now()));
        }
    }

    fn wait(&mut self) -> Checked<&Outcome> {
        let limit = Instant::now() + PATIENCE;
        let until = self.deadline.map_or(limit, |it| it.min(limit));
        loop {
            self.poll();
            let left = until.saturating_duration_since(Instant::now());
            if self.outcome.is_some() {
                break;
            }
            if left.is_zero() && self.deadline.is_none() {
                return Err("is not over".to_string());
            }
            if left.is_zero() {
                self.end(Status::E_OPERATION_TIMED_OUT);
                break;
            }
            thread::park_timeout(left);
        }
        Ok(self.outcome.as_ref().unwrap())
    }
}

/// What is reported of an await.
struct Told {
    outcome: Outcome,
    from: Instant,
}

/// A scenario that is being run.
struct Run<'a> {
    transport: &'a str,
    controls: Object,
    url: String,
    objects: HashMap<String, Object>,
    works: Vec<(String, Work)>,
    stopped: Option<Instant>,
    is_told: bool,
    told: Option<Told>,
}

fn message(
    initialization: MessageInitialization,
    original: Option<&Message>,
    action: &str,
    body: &[u8],
) -> wws::Result<Message> {
    let message = Message::new()?;
    message.initialize_with(initialization, original)?;
    message.set_header(Header::ACTION, action)?;
    message.set_body(body)?;
    Ok(message)
}

async fn call(
    proxy: Arc<ServiceProxy>,
    action: String,
    body: Vec<u8>,
    call_id: u32,
    timeout_ms: u32,
    handle: Option<Arc<Call>>,
) -> Done {
    let options = CallOptions { call_id, timeout_ms, ..Default::default() };
    let handle = handle.as_deref();
    let reply = proxy.call_with(&action, &body, options, handle).await?;
    Ok(Some(reply.to_vec()))
}

async fn send(channel: Arc<Channel>, action: String, body: Vec<u8>) -> Done {
    let request = MessageInitialization::REQUEST;
    let mut message = message(request, None, &action, &body)?;
    channel.send(&mut message).await?;
    Ok(Some(vec![]))
}

async fn exchange(
    channel: Arc<Channel>,
    action: String,
    body: Vec<u8>,
) -> Done {
    let request = MessageInitialization::REQUEST;
    let mut request = message(request, None, &action, &body)?;
    let mut reply = Message::new()?;
    channel.request_reply(&mut request, &mut reply).await?;
    reply.body().map(Some)
}

async fn receive(channel: Arc<Channel>, received: Received) -> Done {
    let mut message = Message::new()?;
    if !channel.receive(&mut message, ReceiveOption::OPTIONAL).await? {
        return Ok(None);
    }
    let body = message.body()?;
    *received.lock().unwrap() = Some(message);
    Ok(Some(body))
}

async fn answer(
    channel: Arc<Channel>,
    received: Received,
    body: Vec<u8>,
) -> Done {
    let reply = MessageInitialization::REPLY;
    let mut message = {
        let request = received.lock().unwrap();
        message(reply, request.as_ref(), &action_of("Reply"), &body)?
    };
    channel.send_reply(&mut message).await?;
    Ok(Some(vec![]))
}

impl<'a> Run<'a> {
    fn transport(&self) -> Transport {
        match self.transport {
            "tcp" => Transport::TCP,
            _ => Transport::HTTP,
        }
    }

    fn object(&self, name: &str) -> Checked<Object> {
        let object = self.objects.get(name).cloned();
        object.ok_or_else(|| format!("no object {name}"))
    }

    fn address(&self, line: &Line<'_>, object: &Object) -> Checked<String> {
        let scheme = if self.transport == "tcp" { "net.tcp" } else { "http" };
        let peer = match (line.option("at"), object) {
            (None, Object::Listener(_)) => {
                return Ok(format!("{scheme}://127.0.0.1:0/suite"))
            }
            (None, _) => return Ok(self.url.clone()),
            (Some("wrong"), _) => return Ok("wrong://127.0.0.1/".to_string()),
            (Some(peer), _) => peer,
        };
        if let Some(Object::Listener(listener)) = self.objects.get(peer) {
            return listener.address().map_err(wrong);
        }
        let name = format!("SUITE_{}", peer.to_uppercase().replace('-', "_"));
        let place = env::var(&name).map_err(|_| format!("no peer {peer}"))?;
        Ok(format!("{scheme}://{place}/"))
    }

    fn calling(
        &self,
        line: &Line<'_>,
        object: Object,
        operation: &str,
        text: &str,
    ) -> Checked<Working> {
        let action = match line.option("action") {
            Some(_) => String::new(),
            None => action_of(operation),
        };
        let handle = match line.option("handle").map(|it| self.object(it)) {
            Some(Ok(Object::Call(call))) => Some(call),
            Some(_) => return Err("no such handle".to_string()),
            None => None,
        };
        Ok(Box::pin(call(
            object.proxy()?,
            action,
            body_of(operation, &expanded(text)),
            line.number("group", 0),
            line.number("timeout_ms", 0),
            handle,
        )))
    }

    /// The work that the words from the first on name, and what it ends with
    /// when it is dropped.
    fn work(
        &self,
        line: &Line<'_>,
        first: usize,
    ) -> Checked<(Working, Status)> {
        let word = |index| line.word(first + index);
        let object = || self.object(word(1)?);
        let body = |index| -> Checked<Vec<u8>> {
            Ok(body_of(word(index - 1)?, &expanded(word(index)?)))
        };
        let aborted = Status::E_OPERATION_ABORTED;
        let cancelled = Status::E_OPERATION_CANCELLED;
        let (working, dropped): (Working, _) = match word(0)? {
            "open" => {
                let object = object()?;
                let address = self.address(line, &object)?;
                let open = async move {
                    object.open(&address).await.map(|()| Some(vec![]))
                };
                (Box::pin(open), aborted)
            }
            "close" => {
                let object = object()?;
                let close =
                    async move { object.close().await.map(|()| Some(vec![])) };
                (Box::pin(close), aborted)
            }
            "call" => {
                let call = self.calling(line, object()?, word(2)?, word(3)?)?;
                (call, cancelled)
            }
            "host" => {
                let controls = self.controls.clone();
                let call = self.calling(line, controls, word(1)?, word(2)?)?;
                (call, cancelled)
            }
            "accept" => {
                let listener = object()?.listener()?;
                let channel = self.object(word(2)?)?.channel()?.0;
                let accept = async move {
                    listener.accept(&channel).await.map(|()| Some(vec![]))
                };
                (Box::pin(accept), aborted)
            }
            "send" => {
                let action = action_of(word(2)?);
                let channel = object()?.channel()?.0;
                (Box::pin(send(channel, action, body(3)?)), aborted)
            }
            "exchange" => {
                let action = action_of(word(2)?);
                let channel = object()?.channel()?.0;
                (Box::pin(exchange(channel, action, body(3)?)), aborted)
            }
            "receive" => {
                let (channel, received) = object()?.channel()?;
                (Box::pin(receive(channel, received)), cancelled)
            }
            "answer" => {
                let (channel, received) = object()?.channel()?;
                let body = body_of("Reply", &expanded(word(2)?));
                (Box::pin(answer(channel, received, body)), aborted)
            }
            other => return Err(format!("no work {other}")),
        };
        Ok((working, dropped))
    }

    fn start(&mut self, line: &Line<'_>, name: &str, first: usize) -> Checked {
        for _ in 0..line.number("times", 1) {
            let (working, dropped) = self.work(line, first)?;
            let deadline = line.number("deadline", 0);
            let timeout = line.number("timeout_ms", deadline);
            let now = Instant::now();
            let begun = now + Duration::from_millis(timeout.into());
            let bell = Bell { runner: thread::current(), rung: now.into() };
            let mut work = Work {
                future: Some(working),
                outcome: None,
                bell: Arc::new(bell),
                begun,
                deadline: (deadline > 0).then_some(begun),
                dropped,
            };
            work.poll();
            if let Some(outcome) = &mut work.outcome {
                outcome.ended = Instant::now();
            }
            self.works.push((name.to_string(), work));
        }
        Ok(())
    }

    fn wait(
        &mut self,
        line: &Line<'_>,
        name: &str,
        status: &str,
    ) -> Checked<Told> {
        let mut told: Option<Told> = None;
        let works = self.works.iter_mut().filter(|(it, _)| it == name);
        for (_, work) in works {
            let begun = work.begun;
            let outcome = work.wait()?.clone();
            let there = outcome.status.to_string();
            check(there == status, || format!("{there}, not {status}"))?;
            outcome.compare(line)?;
            let from = self.stopped.map_or(begun, |it| it.max(begun));
            let latest = told.as_ref().map(|it| it.outcome.ended);
            if latest.map_or(true, |it| it < outcome.ended) {
                told = Some(Told { outcome, from });
            }
        }
        told.ok_or_else(|| format!("no work {name}"))
    }

    fn create(&self, line: &Line<'_>) -> wws::Result<Option<Object>> {
        let (transport, encoding) = (self.transport(), Encoding::UTF8);
        let object = match line.words[0] {
            "proxy" => Object::Proxy(Arc::new(create_proxy(transport, line)?)),
            "channel" => {
                let listener = line.option("for").map(|it| self.object(it));
                let listener = listener.and_then(|it| it.ok()?.listener().ok());
                let channel =
                    create_channel(transport, line, listener.as_deref())?;
                Object::Channel(Arc::new(channel), Received::default())
            }
            "listener" => Object::Listener(Arc::new(Listener::new_with(
                None,
                ListenerOptions { transport, encoding, ..Default::default() },
            )?)),
            "call" => Object::Call(Arc::new(Call::new()?)),
            _ => return Ok(None),
        };
        Ok(Some(object))
    }

    /// What is done to one object.
    fn act(&mut self, line: &Line<'_>) -> Checked {
        let object = self.object(line.word(1)?)?;
        if line.words[0] == "state" {
            let (state, wanted) = (object.state(), line.word(2)?);
            return check(state == wanted, || format!("state {state}"));
        }
        self.stop();
        let (status, answer) = match line.words[0] {
            "abort" | "cancel" => (object.abort(), 2),
            "reset" => (object.reset(), 2),
            "cancel-receive" => (object.channel()?.0.cancel_receive(), 2),
            "abandon" => {
                let group = line.word(2)?.parse().map_err(|_| "no group")?;
                let abandoned = object.proxy()?.abandon_call(group);
                (abandoned.err().map_or(Status::S_OK, |it| it.status()), 3)
            }
            other => return Err(format!("no step {other}")),
        };
        let wanted = line.word(answer).unwrap_or("WWS_S_OK");
        check(status.to_string() == wanted, || status.to_string())
    }

    fn stop(&mut self) {
        self.stopped = Some(Instant::now());
        self.is_told = false;
    }

    fn step(&mut self, line: &Line<'_>) -> Checked {
        let name = line.word(1)?;
        match line.words[0] {
            "start" => return self.start(line, name, 2),
            "await" => {
                let told = self.wait(line, name, line.word(2)?)?;
                if self.stopped.is_none() || !self.is_told {
                    self.told = Some(told);
                }
                self.is_told = true;
                return Ok(());
            }
            "do" => {
                let name = format!("line {}", line.number);
                self.start(line, &name, 1)?;
                return self.wait(line, &name, "WWS_S_OK").map(drop);
            }
            "idiom-cancel" => {
                self.stop();
                let works = self.works.iter_mut().filter(|(it, _)| it == name);
                works.for_each(|(_, work)| work.end(work.dropped));
                return Ok(());
            }
            _ => {}
        }
        match self.create(line).map_err(wrong)? {
            Some(object) => {
                self.objects.insert(name.to_string(), object);
                Ok(())
            }
            None => self.act(line),
        }
    }

    fn begin(&mut self) -> Checked {
        self.stopped = None;
        self.is_told = false;
        self.told = None;
        let text = format!("host Begin {}", self.transport);
        let line = Line::split(0, &text);
        self.start(&line, "service", 0)?;
        self.url = self.wait(&line, "service", "WWS_S_OK")?.outcome.reply;
        Ok(())
    }

    fn clear(&mut self) {
        self.works.clear();
        self.objects.clear();
    }

    /// Which line fails, and how.
    fn run(&mut self, steps: &[Line<'_>]) -> Result<(), (usize, String)> {
        self.begin().map_err(|what| (0, what))?;
        for step in steps {
            self.step(step).map_err(|what| (step.number, what))?;
        }
        Ok(())
    }

    fn report(&self, name: &str) {
        let (mut status, mut phase, mut progress) = ("WWS_S_OK", "-", "-");
        let mut us = 0;
        if let Some(told) = &self.told {
            let ended = told.outcome.ended;
            status = wws::status_name(told.outcome.status);
            phase = &told.outcome.phase;
            progress = &told.outcome.progress;
            us = ended.saturating_duration_since(told.from).as_micros();
        }
        println!("ok {name} {status} {phase} {progress} {us}");
    }
}

fn create_proxy(
    transport: Transport,
    line: &Line<'_>,
) -> wws::Result<ServiceProxy> {
    let mut options = ServiceProxyOptions {
        transport,
        encoding: Encoding::UTF8,
        timeout_abandons: line.number("timeout_abandons", 0) != 0,
        ..Default::default()
    };
    for (name, value) in [
        ("call_timeout_ms", &mut options.call_timeout_ms),
        ("max_pending_calls", &mut options.max_pending_calls),
        ("max_close_timeout_ms", &mut options.max_close_timeout_ms),
        ("max_message_size", &mut options.max_message_size),
    ] {
        *value = line.number(name, *value);
    }
    ServiceProxy::new_with(None, options)
}

fn create_channel(
    transport: Transport,
    line: &Line<'_>,
    listener: Option<&Listener>,
) -> wws::Result<Channel> {
    let mut options = ChannelOptions {
        transport,
        encoding: Encoding::UTF8,
        ..Default::default()
    };
    for (name, value) in [
        ("receive_timeout_ms", &mut options.receive_timeout_ms),
        ("close_timeout_ms", &mut options.close_timeout_ms),
    ] {
        *value = line.number(name, *value);
    }
    match listener {
        Some(listener) => Channel::for_listener_with(listener, options),
        None => Channel::new_with(None, options),
    }
}

/// The lines that say something, without those for the other transport.
fn read<'a>(text: &'a str, transport: &str) -> Vec<Line<'a>> {
    let mut lines = vec![];
    for (index, line) in text.lines().enumerate() {
        let mut line = Line::split(index + 1, line);
        match line.words.first().copied() {
            None | Some("#") => continue,
            Some(word) => {
                if let Some(only) = word.strip_suffix(':') {
                    if only != transport {
                        continue;
                    }
                    line.words.remove(0);
                }
            }
        }
        lines.push(line);
    }
    lines
}

fn main() -> wws::Result<()> {
    let arguments: Vec<_> = env::args().collect();
    if arguments.len() < 4 {
        eprintln!("usage: runner URL SCENARIOS TRANSPORT [NAME]");
        exit(2);
    }
    let (transport, only) = (arguments[3].as_str(), arguments.get(4));
    let text = std::fs::read_to_string(&arguments[2]).unwrap_or_default();
    let lines = read(&text, transport);
    let proxy = ServiceProxy::new()?;
    proxy.open_blocking(&arguments[1])?;
    let mut run = Run {
        transport,
        controls: Object::Proxy(Arc::new(proxy)),
        url: String::new(),
        objects: HashMap::new(),
        works: vec![],
        stopped: None,
        is_told: false,
        told: None,
    };
    let (mut passed, mut failed) = (0, 0);
    let starts = |line: &Line<'_>| line.words[0] == "scenario";
    let mut rest = &lines[..];
    while let Some((heading, behind)) = rest.split_first() {
        let end = behind.iter().position(starts).unwrap_or(behind.len());
        let (steps, others) = behind.split_at(end);
        rest = others;
        let name = heading.words.get(1).copied().unwrap_or_default();
        let wanted = only.map_or(true, |only| only == name)
            && heading.option("over").map_or(true, |it| it == transport);
        let skips = heading.option("skip").unwrap_or_default();
        if !wanted {
            continue;
        }
        if skips.split(',').any(|language| language == "rust") {
            println!("skipped {name}");
            continue;
        }
        match run.run(steps) {
            Ok(()) => {
                run.report(name);
                passed += 1;
            }
            Err((line, what)) => {
                println!("FAILED {name} {line} {what}");
                failed += 1;
            }
        }
        run.clear();
    }
    println!("{passed} passed, {failed} failed");
    drop(run);
    Runtime::default().close(PATIENCE.as_millis() as u32)?;
    exit((failed > 0 || passed == 0).into())
}

//! Calls and messages, and what they tell when they fail.

#![allow(non_snake_case)]

mod common;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::yield_now;
use std::time::Instant;

use common::{action, drop_when_done, refused, Service, BODY, LONG};
use wws::{
    block_on, Buffer, CallCallbacks, CallOptions, Channel, ChannelState, Error,
    FaultCode, Header, Message, MessageInitialization, MessageState, Phase,
    Progress, ReceiveOption, ServiceProxy, ServiceProxyOptions, Status,
    TransferMode, Transport,
};

#[test]
fn call__gives_the_reply() {
    let service = Service::new();
    let proxy = service.proxy();

    let reply = proxy.call_blocking(&action("Echo"), BODY).unwrap();
    let again = block_on(proxy.call(&action("Echo"), BODY)).unwrap();

    assert_eq!(&*reply, BODY);
    assert_eq!(again.to_string().as_bytes(), BODY);
    assert_eq!(Vec::from(again), BODY);
}

#[test]
fn call__gives_the_fault_as_an_error() {
    let service = Service::new();
    let proxy = service.proxy();

    let error = proxy.call_blocking(&action("Fail"), BODY).unwrap_err();

    let fault = error.fault().unwrap();
    assert_eq!(error.status(), Status::E_ENDPOINT_FAULT_RECEIVED);
    assert_eq!(error.name(), "WWS_E_ENDPOINT_FAULT_RECEIVED");
    assert_eq!(error.progress(), Progress::REPLYING);
    assert_eq!(fault.code, FaultCode::SENDER);
    assert_eq!(fault.subcode_name, "Refused");
    assert_eq!(fault.subcode_namespace, "urn:test");
    assert_eq!(fault.reason, "refused");
    assert_eq!(fault.detail, refused().detail);
    assert_eq!(fault.node, "urn:node");
    assert_eq!(fault.action, "urn:act");
    assert_eq!(fault.headers, refused().headers);
    assert_eq!(fault.outer_subcode_namespaces, ["urn:a"]);
    assert_eq!(fault.outer_subcode_names, ["Outer"]);
    assert_eq!(fault.further_reasons, ["nein", "non"]);
    assert_eq!(fault.further_languages, ["de", "fr"]);
    assert!(!error.strings().is_empty());
}

/// How a call to a peer that says nothing fails when it has so long.
fn fail_in(url: &str, call_timeout_ms: u32) -> Error {
    let options = ServiceProxyOptions { call_timeout_ms, ..Default::default() };
    let proxy = ServiceProxy::new_with(None, options).unwrap();
    proxy.open_blocking(url).unwrap();
    block_on(proxy.call(&action("Echo"), BODY)).unwrap_err()
}

#[test]
fn call__tells_how_far_it_got() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());

    /* On a busy machine it may not get far in so little time. */
    let error = [100, 1000, 10_000]
        .into_iter()
        .map(|timeout_ms| fail_in(&url, timeout_ms))
        .find(|error| error.phase() == Phase::WAIT)
        .unwrap();

    assert_eq!(error.status(), Status::E_OPERATION_TIMED_OUT);
    assert_eq!(error.phase(), Phase::WAIT);
    assert_eq!(error.progress(), Progress::SENT);
    assert_eq!(error.http_status(), 0);
    assert!(error.to_string().ends_with("WWS_E_OPERATION_TIMED_OUT"));
}

#[test]
fn call__gives_the_number_of_the_system() {
    let proxy = ServiceProxy::new().unwrap();

    proxy.open_blocking("http://127.0.0.1:1/").unwrap();
    let error = proxy.call_blocking(&action("Echo"), BODY).unwrap_err();

    assert_eq!(error.status(), Status::E_ENDPOINT_NOT_FOUND);
    assert_eq!(error.phase(), Phase::CONNECT);
    assert_eq!(error.progress(), Progress::NOT_SENT);
    assert_eq!(
        std::io::Error::from_raw_os_error(error.original_code()).kind(),
        std::io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn call__fills_a_message_with_the_reply() {
    let service = Service::new();
    let proxy = service.proxy();
    let mut reply = Message::new().unwrap();
    let options = CallOptions { reply: Some(&mut reply), ..Default::default() };

    block_on(proxy.call_with(&action("Echo"), BODY, options, None)).unwrap();

    let info = reply.info().unwrap();
    assert_eq!(info.state, MessageState::DONE);
    assert!(!info.is_fault);
    assert_eq!(reply.body().unwrap(), BODY);
    assert!(reply.header(Header::RELATES_TO).unwrap().is_some());
    assert_eq!(reply.mapped_header("X-Nobody-Sent-It").unwrap(), None);
    assert!(reply.fault().unwrap().is_none());
}

#[test]
fn channel__exchanges_messages() {
    let service = Service::new();
    let channel = Channel::new().unwrap();
    let mut request = Message::new().unwrap();
    let mut reply = Message::new().unwrap();

    request.initialize(MessageInitialization::REQUEST).unwrap();
    request.set_header(Header::ACTION, &action("Echo")).unwrap();
    request.set_body(BODY).unwrap();
    channel.open_blocking(&service.url).unwrap();
    let exchange = channel.request_reply(&mut request, &mut reply);
    block_on(exchange).unwrap();

    assert_eq!(channel.state().unwrap(), ChannelState::OPEN);
    assert_eq!(reply.body().unwrap(), BODY);
    block_on(channel.close()).unwrap();
    assert_eq!(channel.state().unwrap(), ChannelState::CLOSED);
}

fn streaming_channel(service: &Service) -> (Channel, Message) {
    let options = wws::ChannelOptions {
        transfer_mode: TransferMode::STREAMED,
        ..Default::default()
    };
    let channel = Channel::new_with(None, options).unwrap();
    let message = Message::new().unwrap();
    channel.open_blocking(&service.url).unwrap();
    message.initialize(MessageInitialization::REQUEST).unwrap();
    message.set_header(Header::ACTION, &action("Echo")).unwrap();
    (channel, message)
}

#[test]
fn channel__writes_and_reads_in_pieces() {
    let service = Service::new();
    let (channel, mut request) = streaming_channel(&service);
    let mut reply = Message::new().unwrap();
    let mut body = vec![];

    block_on(async {
        channel.write_message_start(&mut request).await?;
        for piece in BODY.chunks(7) {
            channel.write_body(&mut request, piece).await?;
        }
        channel.write_message_end(&mut request).await?;
        let start =
            channel.read_message_start(&mut reply, ReceiveOption::OPTIONAL);
        assert!(start.await?);
        while let Some(piece) = channel.read_body(&mut reply).await? {
            body.extend_from_slice(&piece);
        }
        channel.read_message_end(&mut reply).await
    })
    .unwrap();

    assert!(body.starts_with(b"<x ") && body.ends_with(b">1</x>"));
    assert_eq!(reply.info().unwrap().state, MessageState::DONE);
}

#[test]
fn abandon__ends_a_message_that_is_being_written() {
    let service = Service::new();
    let (channel, mut request) = streaming_channel(&service);

    channel.write_message_start_blocking(&mut request).unwrap();
    channel.write_body_blocking(&mut request, b"<x xmlns=\"urn:").unwrap();
    channel.abandon_message(&request).unwrap();

    assert_eq!(request.info().unwrap().state, MessageState::DONE);
    assert_eq!(channel.state().unwrap(), ChannelState::OPEN);
}

#[test]
fn header__that_is_removed_was_there_once() {
    let message = Message::new().unwrap();

    message.initialize(MessageInitialization::REQUEST).unwrap();
    message.set_header(Header::ACTION, "urn:a").unwrap();

    assert_eq!(message.header(Header::ACTION).unwrap().unwrap(), "urn:a");
    assert!(message.remove_header(Header::ACTION).unwrap());
    assert!(!message.remove_header(Header::ACTION).unwrap());
    assert_eq!(message.header(Header::ACTION).unwrap(), None);
}

#[test]
fn custom_header__comes_with_all_that_is_known_of_it() {
    let message = Message::new().unwrap();
    let element = b"<h:Mark xmlns:h=\"urn:h\">7</h:Mark>";

    message.initialize(MessageInitialization::REQUEST).unwrap();
    message.add_custom_header(element, true).unwrap();

    let found = message.custom_header("Mark", "urn:h", 0).unwrap();
    let (octets, must_understand) = found.unwrap();
    assert!(String::from_utf8(octets).unwrap().contains(">7<"));
    assert!(must_understand);
    assert!(message.custom_header("Mark", "urn:h", 1).unwrap().is_none());
}

#[test]
fn misuse__is_an_error() {
    let proxy = ServiceProxy::new().unwrap();
    let message = Message::new().unwrap();

    let unopened = proxy.call_blocking("urn:a", BODY).unwrap_err();
    let wrong = block_on(proxy.open("wrong://127.0.0.1/")).unwrap_err();
    let malformed = message.set_body(b"<a>").unwrap_err();
    let unknown = Channel::new_with(
        None,
        wws::ChannelOptions { transport: Transport(77), ..Default::default() },
    )
    .unwrap_err();

    assert_eq!(unopened.status(), Status::E_INVALID_OPERATION);
    assert_eq!(wrong.status(), Status::E_INVALID_ENDPOINT_URL);
    assert_eq!(malformed.status(), Status::E_INVALID_OPERATION);
    assert_eq!(unknown.status(), Status::E_INVALIDARG);
}

#[test]
fn error_object__that_is_used_again_tells_nothing_old() {
    let service = Service::new();
    let proxy = service.proxy();

    let first = proxy.call_blocking(&action("Fail"), BODY).unwrap_err();
    let second = proxy.open_blocking("http://127.0.0.1:1/").unwrap_err();

    assert!(first.fault().is_some());
    assert!(second.fault().is_none());
    assert_eq!(second.status(), Status::E_INVALID_OPERATION);
}

#[test]
fn error_object__of_a_call_that_was_dropped_tells_nothing_old() {
    let service = Service::new();
    let proxy = service.proxy();

    for _ in 0..20 {
        drop_when_done(proxy.call(&action("Fail"), BODY));
        let error = proxy.open_blocking("http://127.0.0.1:1/").unwrap_err();
        assert!(error.fault().is_none());
    }
}

#[test]
fn values__that_are_not_known_are_values() {
    assert_eq!(format!("{:?}", Transport(77)), "Transport(77)");
    assert_eq!(format!("{:?}", Transport::TCP), "Transport::TCP");
    assert_eq!(Status(-5).to_string(), "unknown");
    assert_eq!(Status::S_END.to_string(), "WWS_S_END");
}

#[test]
fn buffer__takes_octets_and_gives_them_back() {
    let buffer = Buffer::from(vec![65, 66]);

    assert_eq!(&*buffer, b"AB");
    assert_eq!(buffer.to_string(), "AB");
    assert!(Buffer::default().is_empty());
}

#[test]
fn objects__may_be_used_as_their_types_say() {
    fn sent<T: Send>(_: &T) {}
    fn is_sent<T: Send>() {}
    fn is_shared<T: Sync>() {}

    is_sent::<Message>();
    is_sent::<wws::Deferred>();
    is_sent::<Error>();
    is_shared::<Error>();
    is_sent::<Buffer>();
    is_shared::<Buffer>();
    is_sent::<Channel>();
    is_shared::<Channel>();
    is_shared::<wws::Listener>();
    is_shared::<ServiceProxy>();
    is_shared::<wws::ServiceHost>();
    is_shared::<wws::Call>();
    is_shared::<wws::Runtime>();
    is_sent::<wws::CancelToken>();
    is_shared::<wws::CancelToken>();

    let (proxy, channel) = (ServiceProxy::new().unwrap(), Channel::new());
    let channel = channel.unwrap();
    let mut message = Message::new().unwrap();
    sent(&proxy.open(""));
    sent(&proxy.call("", BODY));
    sent(&channel.receive(&mut message, ReceiveOption::OPTIONAL));
    sent(&channel.read_body(&mut message));
}

/// Which of these is meant is not clear for a type that is `Sync`, and that does
/// not compile.
trait OneThread<A> {
    const IS: bool = true;
}

impl<T: ?Sized> OneThread<()> for T {}
impl<T: ?Sized + Sync> OneThread<u8> for T {}

const _: bool = <Message as OneThread<_>>::IS;
const _: bool = <wws::Operation as OneThread<_>>::IS;
const _: bool = <wws::Deferred as OneThread<_>>::IS;

#[test]
fn call__one_way_has_no_reply() {
    let service = Service::new();
    let proxy = service.proxy();
    let options = CallOptions { one_way: true, ..Default::default() };

    let reply =
        proxy.call_with_blocking(&action("Echo"), BODY, options, None).unwrap();

    assert!(reply.is_empty());
}

#[test]
fn call__shows_its_messages() {
    let service = Service::new();
    let proxy = service.proxy();
    let related = Arc::new(Mutex::new(String::new()));
    let to = related.clone();
    let callbacks = CallCallbacks {
        sending: Some(Arc::new(|message: &Message| {
            let note = br#"<n xmlns="urn:n">1</n>"#;
            message.add_custom_header(note, false).unwrap();
            Status::S_OK
        })),
        received: Some(Arc::new(move |message: &Message| {
            let text = message.header(Header::RELATES_TO).unwrap();
            *to.lock().unwrap() = text.unwrap();
            Status::S_OK
        })),
    };
    let options =
        CallOptions { callbacks: Some(callbacks), ..Default::default() };

    let reply = block_on(proxy.call_with(&action("Echo"), BODY, options, None));

    assert_eq!(&*reply.unwrap(), BODY);
    assert!(related.lock().unwrap().starts_with("urn:uuid:"));
    /* A thread of the library gives it back. */
    let until = Instant::now() + LONG;
    while Arc::strong_count(&related) != 1 {
        assert!(Instant::now() < until, "the callbacks were kept");
        yield_now();
    }
}

#[test]
fn call__fails_as_its_callback_says() {
    let service = Service::new();
    let proxy = service.proxy();
    let callbacks = CallCallbacks {
        sending: Some(Arc::new(|_: &Message| Status::E_QUOTA_EXCEEDED)),
        ..Default::default()
    };
    let options =
        CallOptions { callbacks: Some(callbacks), ..Default::default() };

    let error = proxy
        .call_with_blocking(&action("Echo"), BODY, options, None)
        .unwrap_err();

    assert_eq!(error.status(), Status::E_QUOTA_EXCEEDED);
}

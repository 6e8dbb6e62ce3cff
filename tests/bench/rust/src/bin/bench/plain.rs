//! The peer: SOAP over a socket of `std`, as short as it can be. Many calls in
//! flight are as many threads, each with a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::flight::IN_FLIGHT;
use bench::{ACTION, BODY};

use crate::rate_of;

struct Client {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
}

impl Client {
    fn new(url: &str) -> Self {
        let place = url.trim_start_matches("http://").trim_end_matches('/');
        let stream = TcpStream::connect(place).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let envelope = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>\
             <a:Action>{ACTION}</a:Action><a:To>{url}</a:To>\
             <a:MessageID>urn:uuid:00000000-0000-4000-8000-000000000000\
             </a:MessageID></s:Header><s:Body>{BODY}</s:Body></s:Envelope>"
        );
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {place}\r\nContent-Type: \
             application/soap+xml; charset=utf-8; action=\"{ACTION}\"\r\n\
             Content-Length: {}\r\n\r\n{envelope}",
            envelope.len()
        );
        Self { stream: BufReader::new(stream), request: request.into() }
    }

    fn call(&mut self) -> std::io::Result<()> {
        let (mut line, mut size) = (String::new(), 0);
        self.stream.get_mut().write_all(&self.request)?;
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line)?;
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                size = value.trim().parse().expect("a size");
            }
        }
        let mut body = vec![0; size];
        self.stream.read_exact(&mut body)?;
        let body = String::from_utf8(body).expect("text");
        assert!(body.contains("<sum>42</sum>"));
        Ok(())
    }
}

pub fn one(url: &str) -> f64 {
    let mut client = Client::new(url);
    rate_of(|| {
        client.call().expect("a reply");
        1
    })
}

pub fn many(url: &str) -> f64 {
    let (count, start) = (AtomicUsize::new(0), Barrier::new(IN_FLIGHT + 1));
    let over = Instant::now() + Duration::from_millis(2500);
    let begun = thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| {
                let mut client = Client::new(url);
                start.wait();
                while Instant::now() < over {
                    client.call().expect("a reply");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        start.wait();
        Instant::now()
    });
    count.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

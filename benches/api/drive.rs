//! Requests over loopback with a bounded number of connections, and what they took.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const CONNECTIONS: usize = 8;

/// Makes the n-th request.
pub type Make = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// How requests follow each other.
#[derive(Clone, Copy)]
pub enum Pace {
    /// So many a second, each at its time whether or not earlier ones were answered; times count from when it was due,
    /// so that a stall is in the time of all who had to wait for it (no coordinated omission).
    Fixed(f64),
    /// Each connection asks again as soon as it is answered; times count from the asking.
    Closed,
}

/// What a run took.
pub struct Run {
    /// Milliseconds, sorted.
    pub times: Vec<f64>,
    /// Answers a second.
    pub rate: f64,
}

impl Run {
    pub fn at(&self, share: f64) -> f64 {
        self.times[((self.times.len() as f64 * share) as usize).min(self.times.len() - 1)]
    }
}

pub fn request(method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    let body_headers = if body.is_empty() { String::new() } else { format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n{body_headers}\r\n{body}").into_bytes()
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn open(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: vec![] }
    }

    /// Status and body.
    async fn ask(&mut self, request: &[u8]) -> (u16, Vec<u8>) {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        let mut chunk = [0_u8; 65536];
        loop {
            let read = self.stream.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            self.buffer.extend_from_slice(&chunk[..read]);
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_lowercase();
            let length: usize =
                head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).and_then(|n| n.trim().parse().ok()).unwrap();
            if self.buffer.len() >= end + 4 + length {
                return (head[9..12].parse().unwrap(), self.buffer[end + 4..].to_vec());
            }
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// One request.
pub fn once(addr: SocketAddr, request: &[u8]) -> (u16, Vec<u8>) {
    runtime().block_on(async { Client::open(addr).await.ask(request).await })
}

/// Requests from number `first` on for so long. Any other status than the expected one ends it all.
pub fn run(addr: SocketAddr, pace: Pace, make: &Make, status: u16, next: &Arc<AtomicUsize>, length: Duration) -> Run {
    runtime().block_on(async {
        let first = next.load(Ordering::Relaxed);
        let start = Instant::now() + Duration::from_millis(5);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (make, next) = (Arc::clone(make), Arc::clone(next));
            tasks.spawn(async move {
                let mut client = Client::open(addr).await;
                let mut times = vec![];
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let due = match pace {
                        Pace::Fixed(rate) => start + Duration::from_secs_f64((n - first) as f64 / rate),
                        Pace::Closed => Instant::now().max(start),
                    };
                    if due >= start + length {
                        return times;
                    }
                    let request = make(n);
                    // Waking from a sleep comes a millisecond late; the last stretch is passed by yielding.
                    while let Some(wait) = due.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero()) {
                        match wait.checked_sub(Duration::from_millis(2)) {
                            Some(long) => tokio::time::sleep(long).await,
                            None => tokio::task::yield_now().await,
                        }
                    }
                    let (got, body) = client.ask(&request).await;
                    assert_eq!(got, status, "{}", String::from_utf8_lossy(&body));
                    times.push(due.elapsed().as_secs_f64() * 1e3);
                }
            });
        }
        let mut times: Vec<f64> = tasks.join_all().await.into_iter().flatten().collect();
        let rate = times.len() as f64 / start.elapsed().as_secs_f64();
        times.sort_by(f64::total_cmp);
        Run { times, rate }
    })
}

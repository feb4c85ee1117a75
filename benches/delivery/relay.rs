//! The other side: the yardstick's sink and source, a relay far away, and one that notes when it is ready.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Debian's `smtp-sink`, ended when dropped.
pub struct Sink {
    child: Child,
    pub port: u16,
}

impl Sink {
    pub fn start(more: &[&str]) -> Sink {
        let port = free_port();
        let mut command = Command::new("smtp-sink");
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.args(["-u", "nobody"]);
        }
        let child = command.args(["-m", "1000"]).args(more).arg(format!("inet:127.0.0.1:{port}")).arg("4096").stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Sink { child, port }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Messages a second that `smtp-source` puts into this port over so many connections.
pub fn source(port: u16, connections: usize, count: usize) -> f64 {
    let began = Instant::now();
    let (sessions, count_text) = (connections.to_string(), count.to_string());
    let done = Command::new("smtp-source")
        .args(["-4", "-d", "-s", &sessions, "-m", &count_text, "-l", "2048"])
        .arg(format!("inet:127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(done.success());
    count as f64 / began.elapsed().as_secs_f64()
}

/// Passes everything on to a port, each way after this delay. Runs until the program ends.
pub fn far_away(to: u16, each_way: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(("127.0.0.1", to)).unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            delayed(near.try_clone().unwrap(), far.try_clone().unwrap(), each_way);
            delayed(far, near, each_way);
        }
    });
    port
}

fn delayed(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// A relay that says when it answered DATA.
pub fn noting() -> (SocketAddr, mpsc::Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || converse(&stream, &sender));
        }
    });
    (address, receiver)
}

fn converse(mut stream: &TcpStream, noted: &mpsc::Sender<Instant>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    stream.write_all(b"220 bench ESMTP\r\n").ok()?;
    let mut reader = BufReader::new(stream);
    let mut content = false;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let answer: &[u8] = match line.trim_end() {
            "." if content => {
                content = false;
                b"250 2.0.0 ok\r\n"
            }
            _ if content => continue,
            text if text.starts_with("EHLO") => b"250-bench\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            "DATA" => {
                content = true;
                let _ = noted.send(Instant::now());
                b"354 go on\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).ok()?;
    }
}

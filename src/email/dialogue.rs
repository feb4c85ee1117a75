//! One stream to a relay: commands out, replies in, every wait timed and every read bounded.
//!
//! Ours and not lettre's `AsyncSmtpConnection`, because that one (0.11.23) has no time-outs
//! after connect, reads reply lines without bound, takes a reply that is not UTF-8 for a
//! network error (so a 550 in Latin-1 after the dot would look like "maybe taken"), keeps
//! bytes buffered before STARTTLS (V-35), and sends body and dot in one call. Commands and
//! the reply parser are lettre's.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::outcome::{Failure, FailureKind, Reply, Stage};
use crate::failpoints;

/// Longest reply line taken; RFC 5321 §4.5.3.1.5 says 512, relays exceed it.
const REPLY_LINE_MAX: u64 = 4096;
/// Longest reply taken, all lines.
const REPLY_MAX: usize = 64 * 1024;

/// A TCP or TLS stream.
pub(in crate::email) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The relay's side of the table. Whoever holds it may speak; dropping it closes the
/// connection at once, without a word.
pub(in crate::email) struct Dialogue {
    stream: BufReader<Box<dyn Stream>>,
}

impl Dialogue {
    pub(in crate::email) fn new(stream: Box<dyn Stream>) -> Self {
        Dialogue { stream: BufReader::new(stream) }
    }

    /// Gives the bare stream back for TLS. Refused when the relay said more than it was asked:
    /// plain text slipped in before the handshake would count as said under TLS.
    pub(in crate::email) fn into_stream(self) -> Result<Box<dyn Stream>, Failure> {
        match self.stream.buffer().is_empty() {
            true => Ok(self.stream.into_inner()),
            false => Err(Failure::ours(
                Stage::Tls,
                FailureKind::Config,
                "The relay sent more than its answer to STARTTLS before the handshake. \
                 Somebody may be tampering with the connection.",
            )),
        }
    }

    /// Sends one command, or several that are pipelined.
    pub(in crate::email) async fn send(&mut self, stage: Stage, limit: Duration, command: impl Display) -> Result<(), Failure> {
        self.write(stage, limit, command.to_string().as_bytes()).await
    }

    /// Sends a command and waits for its reply, of whatever code.
    pub(in crate::email) async fn command(&mut self, stage: Stage, limit: Duration, command: impl Display) -> Result<Reply, Failure> {
        self.send(stage, limit, command).await?;
        self.reply(stage, limit).await
    }

    /// Writes and flushes. The limit is for each 64 KiB.
    pub(in crate::email) async fn write(&mut self, stage: Stage, limit: Duration, bytes: &[u8]) -> Result<(), Failure> {
        for block in bytes.chunks(64 * 1024) {
            failpoints::reach("wire");
            timed(stage, limit, self.stream.write_all(block)).await?;
        }
        timed(stage, limit, self.stream.flush()).await?;
        failpoints::reach("wire");
        Ok(())
    }

    /// Waits for one whole reply. The limit is for the whole of it, so that a relay dripping
    /// octets cannot hold a worker.
    pub(in crate::email) async fn reply(&mut self, stage: Stage, limit: Duration) -> Result<Reply, Failure> {
        let raw = match tokio::time::timeout(limit, self.read_reply()).await {
            Ok(Ok(raw)) => raw,
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(Failure::broken(stage, "The relay sent something that is not a reply"));
            }
            Ok(Err(_)) => return Err(Failure::broken(stage, "The relay closed the connection")),
            Err(_) => return Err(Failure::broken(stage, "The relay did not answer in time")),
        };
        failpoints::reach("wire");
        Reply::parse(&raw).ok_or_else(|| Failure::broken(stage, "The relay sent something that is not a reply"))
    }

    /// Looks, without waiting, for a word nobody asked for. `Ok` is silence; a reply (a relay
    /// that says 421 and hangs up) or a closed connection is a failure at `stage`.
    pub(in crate::email) async fn expect_silence(&mut self, stage: Stage) -> Result<(), Failure> {
        // Polled once; a time-out of zero would cost the millisecond its timer rounds up to.
        let heard = std::future::poll_fn(|context| {
            let stream = Pin::new(&mut self.stream);
            Poll::Ready(match stream.poll_fill_buf(context) {
                Poll::Ready(Ok(bytes)) => Some(!bytes.is_empty()),
                Poll::Ready(Err(_)) => Some(false),
                Poll::Pending => None,
            })
        });
        match heard.await {
            None => Ok(()),
            Some(true) => {
                let reply = self.reply(stage, Duration::from_secs(1)).await?;
                Err(Failure::reply(stage, &reply))
            }
            Some(false) => Err(Failure::broken(stage, "The relay closed the connection")),
        }
    }

    /// Whether more has arrived than was read.
    pub(in crate::email) fn has_more(&self) -> bool {
        !self.stream.buffer().is_empty()
    }

    async fn read_reply(&mut self) -> io::Result<String> {
        let mut raw = String::new();
        loop {
            let mut line = Vec::new();
            (&mut self.stream).take(REPLY_LINE_MAX).read_until(b'\n', &mut line).await?;
            if line.last() != Some(&b'\n') {
                return Err(match line.len() as u64 >= REPLY_LINE_MAX {
                    true => io::ErrorKind::InvalidData.into(),
                    false => io::ErrorKind::UnexpectedEof.into(),
                });
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            raw.push_str(line);
            // A bare code is a whole reply (RFC 5321 §4.2), which the parser wants a space in.
            if line.len() == 3 {
                raw.push(' ');
            }
            raw.push_str("\r\n");
            if raw.len() > REPLY_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(raw);
            }
        }
    }
}

async fn timed<T>(stage: Stage, limit: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(Failure::broken(stage, "The connection to the relay broke")),
        Err(_) => Err(Failure::broken(stage, "The relay stopped reading")),
    }
}

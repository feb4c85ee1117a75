//! A small SMTP server on loopback that keeps what it is given: the mail catcher of `demo`,
//! and the relay of every test that sends.
//!
//! It is strict where relays were fooled: only CRLF.CRLF ends a message, a lone CR or LF
//! anywhere refuses it (SMTP smuggling, CVE-2023-51764), lines and sizes are limited. With a
//! [`Behaviour`] it misbehaves on purpose.

mod auth;
mod behaviour;
mod content;
mod smtp;
mod syntax;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mail_parser::MessageParser;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use behaviour::{Action, Behaviour, Moment, Rule, Verb};

/// Largest message taken, in octets, as announced by SIZE (RFC 1870).
pub const SIZE_MAX: usize = 25 * 1024 * 1024;
/// Most messages kept; the oldest go first.
pub const KEPT_MAX: usize = 1_000;
/// Most octets kept, all messages together.
pub const KEPT_BYTES: usize = 64 * 1024 * 1024;
/// Most commands kept in [`Catcher::commands`].
const COMMANDS_MAX: usize = 10_000;

/// One message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// Counts up from 1, over all connections.
    pub id: u64,
    /// The envelope sender; empty for the null path.
    pub from: String,
    /// The envelope recipients.
    pub to: Vec<String>,
    /// The decoded Subject; empty without one.
    pub subject: String,
    /// The content with dots unstuffed, CRLF at its end.
    pub raw: Vec<u8>,
    /// When its final dot came.
    pub at: jiff::Timestamp,
}

/// A running catcher. Dropping it closes the port and every connection.
pub struct Catcher {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Catcher {
    /// Listens on an address such as `127.0.0.1:0`; port 0 takes a free one.
    pub async fn start(listen: &str) -> io::Result<Catcher> {
        Self::start_with(listen, Behaviour::new()).await
    }

    /// Listens, and answers as scripted.
    pub async fn start_with(listen: &str, behaviour: Behaviour) -> io::Result<Catcher> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(behaviour));
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Catcher { addr, shared, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The messages kept, newest last.
    pub fn messages(&self) -> Vec<Caught> {
        self.shared.store().messages.iter().map(|message| Caught::clone(message)).collect()
    }

    /// One message, if it is still kept.
    pub fn message(&self, id: u64) -> Option<Caught> {
        let store = self.shared.store();
        store.messages.iter().find(|message| message.id == id).map(|message| Caught::clone(message))
    }

    /// Forgets the messages; ids go on counting.
    pub fn clear(&self) {
        let mut store = self.shared.store();
        store.messages.clear();
        store.bytes = 0;
    }

    /// The command lines received on all connections, in order, and `.` for each end of data;
    /// AUTH without its secret.
    pub fn commands(&self) -> Vec<String> {
        self.shared.store().commands.iter().cloned().collect()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all connections share.
struct Shared {
    behaviour: Behaviour,
    store: Mutex<Store>,
    accepted: AtomicUsize,
}

#[derive(Default)]
struct Store {
    messages: VecDeque<Arc<Caught>>,
    bytes: usize,
    last_id: u64,
    commands: VecDeque<String>,
}

impl Shared {
    fn new(behaviour: Behaviour) -> Self {
        Shared { behaviour, store: Mutex::default(), accepted: AtomicUsize::new(0) }
    }

    /// A panic elsewhere leaves the store usable: each change to it is complete in itself.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, command: &str) {
        let mut store = self.store();
        if store.commands.len() == COMMANDS_MAX {
            store.commands.pop_front();
        }
        store.commands.push_back(command.to_owned());
    }

    /// Keeps a message and says under which id.
    fn keep(&self, from: &str, to: &[String], raw: Vec<u8>) -> u64 {
        let subject = MessageParser::default().parse_headers(&raw[..]).and_then(|message| message.subject().map(str::to_owned)).unwrap_or_default();
        let at = crate::clock::now().timestamp();
        let mut store = self.store();
        store.last_id += 1;
        let id = store.last_id;
        store.bytes += raw.len();
        let (from, to) = (from.to_owned(), to.to_vec());
        store.messages.push_back(Arc::new(Caught { id, from, to, subject, raw, at }));
        while store.messages.len() > KEPT_MAX || (store.bytes > KEPT_BYTES && store.messages.len() > 1) {
            let gone = store.messages.pop_front().map_or(0, |message| message.raw.len());
            store.bytes = store.bytes.saturating_sub(gone);
        }
        id
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Owned by this task, so that aborting it ends the connections too.
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of descriptors, most likely: wait instead of spinning.
            Err(_) => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        let full = connections.len() >= shared.behaviour.connections;
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // An error here is a client that left; there is nobody to tell.
            let _ = smtp::serve(stream, &shared, full).await;
        });
    }
}

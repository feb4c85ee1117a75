//! Which relay takes the mail of which mailbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::outbox::Served;
use crate::email::Transport;

/// Connections kept to one relay at most, unless the settings say otherwise.
pub const CONNECTIONS: usize = 16;
/// The header that carries the key by which a relay drops repeats, unless the settings say otherwise.
pub const KEY_HEADER: &str = "Idempotency-Key";

/// The relays of an installation. Each has connections and a queue of its own, so a slow one slows nobody else.
#[derive(Debug, Clone)]
pub struct Relays {
    usual: Option<Transport>,
    of_mailboxes: BTreeMap<String, Transport>,
    connections: usize,
    key_header: String,
    log: Option<PathBuf>,
}

impl Relays {
    /// One for every mailbox.
    pub fn one(usual: Option<Transport>) -> Self {
        Relays { usual, of_mailboxes: BTreeMap::new(), connections: CONNECTIONS, key_header: KEY_HEADER.to_owned(), log: None }
    }

    /// Another one for a mailbox, by its address in the compared form.
    #[must_use]
    pub fn with(mut self, address_key: &str, transport: Transport) -> Self {
        self.of_mailboxes.insert(address_key.to_owned(), transport);
        self
    }

    /// With so many connections to each.
    #[must_use]
    pub fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// With this header for keys.
    #[must_use]
    pub fn with_key_header(mut self, name: &str) -> Self {
        name.clone_into(&mut self.key_header);
        self
    }

    /// With the log file of the usual one, if it can be read here.
    #[must_use]
    pub fn with_log(mut self, log: Option<PathBuf>) -> Self {
        self.log = log;
        self
    }

    /// The one that takes what no mailbox has another for, and what the desk tells its own people.
    pub fn usual(&self) -> Option<&Transport> {
        self.usual.as_ref()
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.usual.is_none() && self.of_mailboxes.is_empty()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    pub(super) fn key_header(&self) -> &str {
        &self.key_header
    }

    pub(super) fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Each relay with the mailboxes it serves. Mailboxes with the same relay share it.
    pub(super) fn each(&self) -> Vec<(Transport, Served)> {
        let mut grouped: Vec<(Transport, Vec<String>)> = vec![];
        for (address, transport) in &self.of_mailboxes {
            match grouped.iter_mut().find(|(known, _)| known == transport) {
                Some((_, addresses)) => addresses.push(address.clone()),
                None => grouped.push((transport.clone(), vec![address.clone()])),
            }
        }
        let others = Served::AllBut(self.of_mailboxes.keys().cloned().collect());
        let usual = self.usual.clone().map(|transport| (transport, others));
        usual.into_iter().chain(grouped.into_iter().map(|(transport, addresses)| (transport, Served::Only(addresses)))).collect()
    }
}

impl From<Option<Transport>> for Relays {
    fn from(usual: Option<Transport>) -> Self {
        Relays::one(usual)
    }
}

impl From<Transport> for Relays {
    fn from(usual: Transport) -> Self {
        Relays::one(Some(usual))
    }
}

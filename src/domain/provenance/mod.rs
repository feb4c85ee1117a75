//! What every mail says of where it comes from: who wrote it, in what mode, and who let it go, signed with a key of this
//! installation (docs/PROVENANCE.md). Nobody's name or address stands in it.

pub mod header;
pub mod keys;
mod queries;

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::ids::{MessageId, secret};
use crate::domain::settings;

pub use header::{Digest, Problem, Statement, Verified};
pub use keys::{Key, PublicKey, Signer};

/// What is known of one message that may leave.
#[derive(Debug, Clone)]
pub struct Known {
    statement: Statement,
    /// When it was let go. Each attempt has the same bytes.
    at: Time,
    signer: std::sync::Arc<Signer>,
}

impl Known {
    /// The header for a mail with this digest, with its line end.
    pub fn header(&self, digest: &Digest, base_url: &str) -> String {
        header::write(&self.signer, &self.statement, digest, base_url, self.at)
    }
}

/// What these messages may say, by id; nothing where there is no key yet.
pub(in crate::domain) fn known(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Known>> {
    let Some(signer) = keys::signer(conn)? else { return Ok(HashMap::new()) };
    let signer = std::sync::Arc::new(signer);
    let rows = queries::statements(conn, ids)?;
    let known = |row: queries::Row| {
        let (id, at) = (MessageId::from(row.message_id.as_str()), Time::from_micros(row.issued_at));
        (id, Known { at, statement: row.statement(signer.pseudonyms()), signer: signer.clone() })
    };
    Ok(rows.into_iter().map(known).collect())
}

/// Who somebody is without saying it: the same person is always the same, and nobody finds out who without the key.
fn pseudonym(key: &str, id: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(b"provenance\n");
    mac.update(id.as_bytes());
    mac.finalize().into_bytes().iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// The key of the pseudonyms, made when it is needed first.
fn ensure_pseudonym_key(conn: &mut Conn) -> Result<()> {
    match settings::get(conn, settings::PSEUDONYM_KEY)? {
        Some(_) => Ok(()),
        None => settings::set(conn, settings::PSEUDONYM_KEY, &secret()),
    }
}

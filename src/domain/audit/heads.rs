//! The end of the chain, signed once a day. Whoever writes log and chain anew cannot make them fit a head that somebody kept.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::chain::{self, Break};
use super::queries;
use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::provenance::keys::{self, KeySet};

/// A row of `audit_heads`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = crate::db::schema::audit_heads)]
pub struct SignedHead {
    /// The day, such as 2026-11-22.
    pub day: String,
    /// How many entries were chained then.
    pub position: i64,
    /// The last hash.
    pub hash: String,
    /// When it was signed, in seconds since 1970.
    pub signed_at: i64,
    /// The key that signed.
    pub key_id: String,
    /// The signature, Ed25519 in base64.
    pub signature: String,
}

impl SignedHead {
    fn signed(&self) -> Vec<u8> {
        format!("countersign-audit-head\n{}\n{}\n{}\n{}\n{}", self.day, self.position, self.hash, self.signed_at, self.key_id).into_bytes()
    }

    /// Whether one of these keys signed it.
    pub fn is_signed(&self, keys: &KeySet) -> bool {
        use base64::Engine as _;
        let Ok(signature) = base64::engine::general_purpose::STANDARD.decode(&self.signature) else { return false };
        keys.keys.iter().any(|key| key.kid == self.key_id && key.verifies(&self.signed(), &signature))
    }
}

/// Signs the end of the chain, once a day and when something is chained; always says that nothing more is to be done.
pub fn sign_daily(conn: &mut Conn, now: Time) -> Result<bool> {
    let day = now.date().to_string();
    if queries::has_head(conn, &day)? {
        return Ok(false);
    }
    let head = chain::head(conn)?;
    let Some(signer) = keys::signer(conn)?.filter(|_| head.position > 0) else { return Ok(false) };
    let mut signed = SignedHead {
        day,
        position: head.position,
        hash: head.hash,
        signed_at: now.seconds(),
        key_id: signer.id().to_owned(),
        signature: String::new(),
    };
    signed.signature = signer.sign(&signed.signed());
    queries::insert_head(conn, &signed)?;
    Ok(false)
}

/// The newest heads.
pub fn list(conn: &mut Conn, actor: &Actor, limit: i64) -> Result<Vec<SignedHead>> {
    actor.must_be_admin()?;
    Ok(queries::heads(conn, limit)?)
}

/// What of the heads on record does not fit the chain.
pub fn check_all(conn: &mut Conn) -> Result<Vec<Break>> {
    let keys = keys::published(conn)?;
    let mut breaks = vec![];
    for head in queries::heads(conn, i64::MAX)? {
        breaks.extend(check(conn, &head, &keys)?);
    }
    Ok(breaks)
}

/// What of a head that somebody kept does not fit the chain; it may be of a file.
pub fn check_kept(conn: &mut Conn, text: &str) -> Result<Vec<Break>> {
    let wrong = |_| Error::invalid("field_invalid", "head", "The file is no signed head of an audit log.");
    let head: SignedHead = serde_json::from_str(text).map_err(wrong)?;
    let keys = keys::published(conn)?;
    check(conn, &head, &keys)
}

fn check(conn: &mut Conn, head: &SignedHead, keys: &KeySet) -> Result<Vec<Break>> {
    let about = |problem: String| Break { position: Some(head.position), seq: None, problem };
    let mut breaks = vec![];
    if !head.is_signed(keys) {
        breaks.push(about(format!("The signature of the head of {} does not hold: it was altered, or is of another installation.", head.day)));
    }
    match queries::hash_at(conn, head.position)? {
        Some(hash) if hash == head.hash => {}
        Some(_) => breaks.push(about(format!(
            "At position {} the chain is another than the head of {} says: the log was written anew since then.",
            head.position, head.day
        ))),
        None => breaks.push(about(format!(
            "The chain ends before position {}, which the head of {} has: entries were dropped since then.",
            head.position, head.day
        ))),
    }
    Ok(breaks)
}

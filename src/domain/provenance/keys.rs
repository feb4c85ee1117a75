//! Keys that sign: one at a time, and those before it stay to be checked against.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use diesel::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{ensure_pseudonym_key, queries};
use crate::clock::Time;
use crate::db::{Conn, seal, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::settings;

/// A row of `provenance_keys`.
#[derive(Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::provenance_keys)]
pub struct Key {
    /// Its id: the first 16 digits of the SHA-256 of the public key.
    pub id: String,
    /// current, retired or withdrawn.
    pub state: String,
    /// The public half, 32 octets in base64.
    pub public_key: String,
    /// The private half as PKCS #8, in base64, sealed; gone when it signs no more.
    pub private_key: Option<String>,
    /// Since when.
    pub created_at: Time,
    /// Until when it signed.
    pub ended_at: Option<Time>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, {})", self.id, self.state)
    }
}

impl Key {
    fn new(now: Time) -> Result<Key> {
        let failed = |_| Error::internal("no key could be made");
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(failed)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(Error::internal)?;
        let public = pair.public_key().as_ref();
        Ok(Key {
            private_key: Some(seal::seal(&place(&id_of(public)), &STANDARD.encode(document.as_ref()))?),
            id: id_of(public),
            state: "current".to_owned(),
            public_key: STANDARD.encode(public),
            created_at: now,
            ended_at: None,
        })
    }

    /// Whether it was given up because somebody else may have had it.
    pub fn is_withdrawn(&self) -> bool {
        self.state == "withdrawn"
    }
}

fn id_of(public: &[u8]) -> String {
    Sha256::digest(public).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A public key, as it is published (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Always OKP.
    pub kty: String,
    /// Always Ed25519.
    pub crv: String,
    /// The id by which headers name it.
    pub kid: String,
    /// The key, in base64 for addresses.
    pub x: String,
    /// When it was given up because somebody else may have had it: what it signed proves nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<i64>,
}

/// A set of public keys (RFC 7517 §5).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeySet {
    /// The keys.
    pub keys: Vec<PublicKey>,
}

impl PublicKey {
    fn of(key: &Key) -> PublicKey {
        let x = STANDARD.decode(&key.public_key).map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default();
        let withdrawn_at = key.ended_at.filter(|_| key.is_withdrawn()).map(Time::seconds);
        PublicKey { kty: "OKP".to_owned(), crv: "Ed25519".to_owned(), kid: key.id.clone(), x, withdrawn_at }
    }

    /// Whether it signed this.
    pub fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = URL_SAFE_NO_PAD.decode(&self.x) else { return false };
        UnparsedPublicKey::new(&ED25519, key).verify(signed, signature).is_ok()
    }
}

/// The key in use.
pub struct Signer {
    id: String,
    pair: Ed25519KeyPair,
    pseudonyms: String,
}

#[cfg(test)]
impl Signer {
    /// A key that nobody else has, and its public half.
    pub(crate) fn for_tests(now: Time) -> (Signer, PublicKey) {
        let key = Key::new(now).unwrap();
        let private = seal::open(&place(&key.id), key.private_key.as_ref().unwrap()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(&STANDARD.decode(private).unwrap()).unwrap();
        (Signer { id: key.id.clone(), pair, pseudonyms: String::new() }, PublicKey::of(&key))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.id)
    }
}

impl Signer {
    /// The id of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn pseudonyms(&self) -> &str {
        &self.pseudonyms
    }

    /// Signs, in base64.
    pub fn sign(&self, data: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(data))
    }
}

/// The key in use; none before the first worker ran.
pub(in crate::domain) fn signer(conn: &mut Conn) -> Result<Option<Signer>> {
    let Some(Key { id, private_key: Some(private), .. }) = queries::current(conn)? else { return Ok(None) };
    let Some(pseudonyms) = settings::get(conn, settings::PSEUDONYM_KEY)? else { return Ok(None) };
    let der = STANDARD.decode(seal::open(&place(&id), &private)?).map_err(Error::internal)?;
    let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(Error::internal)?;
    Ok(Some(Signer { id, pair, pseudonyms }))
}

/// Makes the first key, where there is none.
pub fn ensure(conn: &mut Conn, now: Time) -> Result<()> {
    if queries::current(conn)?.is_some() && settings::get(conn, settings::PSEUDONYM_KEY)?.is_some() {
        return Ok(());
    }
    transaction(conn, |conn| {
        ensure_pseudonym_key(conn)?;
        let key = Key::new(now)?;
        if queries::insert(conn, &key)? > 0 {
            log(conn, &Actor::System("countersign"), "provenance.key", &key.id, now)?;
        }
        Ok(())
    })
}

/// Every key there ever was, the newest first.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Key>> {
    actor.must_be_admin()?;
    Ok(queries::all(conn)?)
}

/// What is published of them.
pub fn published(conn: &mut Conn) -> Result<KeySet> {
    Ok(KeySet { keys: queries::all(conn)?.iter().map(PublicKey::of).collect() })
}

/// Makes a new key; the one before signs no more, and what it signed can still be checked.
pub fn rotate(conn: &mut Conn, actor: &Actor, now: Time) -> Result<String> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        if let Some(before) = queries::current(conn)? {
            queries::end(conn, &before.id, "retired", now)?;
        }
        ensure_pseudonym_key(conn)?;
        let key = Key::new(now)?;
        if queries::insert(conn, &key)? == 0 {
            return Err(Error::internal("another key was made at the same moment"));
        }
        log(conn, actor, "provenance.rotate", &key.id, now)?;
        Ok(key.id)
    })
}

/// Gives a key up because somebody else may have had it. What it signed proves nothing any more; the one in use is followed by a new one.
pub fn withdraw(conn: &mut Conn, actor: &Actor, id: &str, now: Time) -> Result<()> {
    actor.must_be_admin_in_person()?;
    transaction(conn, |conn| {
        if queries::end(conn, id, "withdrawn", now)? == 0 {
            return Err(Error::not_found("key"));
        }
        log(conn, actor, "provenance.withdraw", id, now)?;
        let key = Key::new(now)?;
        queries::insert(conn, &key)?;
        Ok(())
    })
}

/// Where the private half lies.
fn place(id: &str) -> String {
    format!("provenance_keys/{id}")
}

/// Seals the private half that an older version left open. How many that were.
pub(in crate::domain) fn seal_open(conn: &mut Conn) -> Result<usize> {
    let Some(Key { id, private_key: Some(private), .. }) = queries::current(conn)?.filter(|key| key.private_key.as_deref().is_some_and(is_open))
    else {
        return Ok(0);
    };
    queries::set_private(conn, &id, &seal::seal(&place(&id), &private)?)?;
    Ok(1)
}

fn is_open(private: &str) -> bool {
    !seal::is_sealed(private)
}

/// Ends the key in use, whose private half nobody can open any more; the next worker makes another.
pub(in crate::domain) fn give_up(conn: &mut Conn, now: Time) -> Result<()> {
    match queries::current(conn)? {
        Some(key) => Ok(queries::end(conn, &key.id, "retired", now).map(drop)?),
        None => Ok(()),
    }
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &str, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "provenance_key", target_id: id, mailbox_id: None, detail: json!({}) }, now)
}

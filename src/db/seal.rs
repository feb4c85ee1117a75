//! Values that lie in the database sealed, with a key that lies outside of it: whoever has a copy of the database alone cannot open them.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

/// What sealed values begin with; none of ours that are open does.
const MARK: &str = "sealed:1:";

thread_local! {
    /// The key of the database whose connection this thread uses.
    static KEY: RefCell<Option<Arc<SealingKey>>> = const { RefCell::new(None) };
}

/// Why a value could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no key, or it is another one.
    #[error("a secret in the database is sealed with a key that is not here")]
    OtherKey,
    /// It was changed, or moved from another row.
    #[error("a sealed secret in the database was changed")]
    Changed,
    /// The system gave no random octets.
    #[error("no key could be made")]
    NoRandom,
}

/// A key from outside of the database.
pub struct SealingKey {
    id: String,
    key: LessSafeKey,
    marks: hmac::Key,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

impl SealingKey {
    /// Made from a secret of 32 characters or more.
    pub fn of(secret: &str) -> Result<SealingKey, SealError> {
        let source = Salt::new(HKDF_SHA256, b"countersign").extract(secret.trim().as_bytes());
        let derived = |use_of: &[u8]| {
            let mut octets = [0; 32];
            let parts = [use_of];
            let material = source.expand(&parts, HKDF_SHA256).map_err(|_| SealError::NoRandom)?;
            material.fill(&mut octets).map_err(|_| SealError::NoRandom)?;
            Ok::<_, SealError>(octets)
        };
        let key = UnboundKey::new(&AES_256_GCM, &derived(b"sealing 1")?).map_err(|_| SealError::NoRandom)?;
        let id = derived(b"name 1")?.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
        let marks = hmac::Key::new(hmac::HMAC_SHA256, &derived(b"marks 1")?);
        Ok(SealingKey { id, key: LessSafeKey::new(key), marks })
    }

    /// A name that tells nothing of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn seal(&self, place: &str, open: &str) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandom)?;
        let mut octets = open.as_bytes().to_vec();
        let as_nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(as_nonce, Aad::from(place.as_bytes()), &mut octets).map_err(|_| SealError::NoRandom)?;
        Ok(format!("{MARK}{}:{}", self.id, STANDARD.encode([nonce.as_slice(), &octets].concat())))
    }

    fn open(&self, place: &str, sealed: &str) -> Result<String, SealError> {
        let (id, text) = sealed.split_once(':').ok_or(SealError::Changed)?;
        if id != self.id {
            return Err(SealError::OtherKey);
        }
        let octets = STANDARD.decode(text).map_err(|_| SealError::Changed)?;
        let (nonce, sealed) = octets.split_at_checked(NONCE_LEN).ok_or(SealError::Changed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Changed)?;
        let mut octets = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut octets).map_err(|_| SealError::Changed)?;
        String::from_utf8(opened.to_vec()).map_err(|_| SealError::Changed)
    }
}

/// Whose mark something bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// That of the key at hand.
    Ours,
    /// That of another key, or there is no key here to tell.
    Unknown,
    /// It names the key at hand and is not its mark.
    Forged,
}

/// A mark on these words that nobody can make without the key; none where there is no key.
pub fn mark(words: &str) -> Option<String> {
    let made = |key: &Arc<SealingKey>| format!("{}:{}", key.id, STANDARD.encode(hmac::sign(&key.marks, words.as_bytes())));
    KEY.with_borrow(|key| key.as_ref().map(made))
}

/// Whose mark on these words this is.
pub fn whose(mark: &str, words: &str) -> Marked {
    KEY.with_borrow(|key| match (key, mark.split_once(':')) {
        (Some(key), Some((id, sign))) if id == key.id => {
            let fits = STANDARD.decode(sign).is_ok_and(|sign| hmac::verify(&key.marks, words.as_bytes(), &sign).is_ok());
            if fits { Marked::Ours } else { Marked::Forged }
        }
        _ => Marked::Unknown,
    })
}

/// The key for what this thread does next.
pub(super) fn use_key(key: Option<Arc<SealingKey>>) {
    KEY.set(key);
}

/// Seals a value for one place, such as a row of a table. Where there is no key it stays open, and the next start with one seals it.
pub fn seal(place: &str, open: &str) -> Result<String, SealError> {
    KEY.with_borrow(|key| key.as_ref().map_or_else(|| Ok(open.to_owned()), |key| key.seal(place, open)))
}

/// Opens what was sealed for this place; what is open stays as it is.
pub fn open(place: &str, kept: &str) -> Result<String, SealError> {
    let Some(sealed) = kept.strip_prefix(MARK) else { return Ok(kept.to_owned()) };
    KEY.with_borrow(|key| key.as_ref().ok_or(SealError::OtherKey).and_then(|key| key.open(place, sealed)))
}

/// Whether this value is sealed.
pub fn is_sealed(kept: &str) -> bool {
    kept.starts_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_value_is_opened_by_its_key_in_its_place_and_by_nothing_else() {
        let key = SealingKey::of(SECRET).unwrap();
        let sealed = key.seal("a/1", "words").unwrap();
        assert!(is_sealed(&sealed) && !sealed.contains("words") && sealed != key.seal("a/1", "words").unwrap());
        let inner = sealed.strip_prefix(MARK).unwrap();
        assert_eq!(key.open("a/1", inner).unwrap(), "words");
        assert!(matches!(key.open("a/2", inner), Err(SealError::Changed)), "moved to another row");
        assert!(matches!(SealingKey::of("another secret of so many letters").unwrap().open("a/1", inner), Err(SealError::OtherKey)));
        let (id, text) = inner.split_once(':').unwrap();
        let mut octets = STANDARD.decode(text).unwrap();
        for at in 0..octets.len() {
            octets[at] ^= 1;
            assert!(matches!(key.open("a/1", &format!("{id}:{}", STANDARD.encode(&octets))), Err(SealError::Changed)), "octet {at}");
            octets[at] ^= 1;
        }
        for short in ["", ":", "abc", &format!("{id}:"), &format!("{id}:AAAA"), &format!("{id}:!")] {
            assert!(key.open("a/1", short).is_err(), "{short}");
        }
    }
}

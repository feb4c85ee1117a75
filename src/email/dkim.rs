//! DKIM signatures (RFC 6376, RFC 8301, RFC 8463) with Ed25519 and RSA, relaxed/relaxed.
//!
//! lettre signs as well, and signs no header twice; From has to be, so that nobody can add a second one
//! (RFC 6376 §8.15). So the signature is put together here, over the bytes that leave, and ring computes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::{Digest, Sha256};

/// What is signed: each name as often as it may stand in a mail, and once more, so that none can be added.
const SIGNED: &[&str] = &[
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
    "content-type",
    "countersign-provenance",
];
/// Those that are signed once more than they are there.
const OVERSIGNED: &[&str] = &["from", "to", "subject", "date", "reply-to", "list-unsubscribe", "list-unsubscribe-post"];
/// The shortest RSA key, in bits (RFC 8301 §3.2).
pub const SHORTEST_RSA: usize = 2048;
/// How long keys are kept in memory before the directory is read again, in seconds.
const FRESH_SECONDS: u64 = 15;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No directory for keys is configured.
    #[error("No directory for keys is configured. Set DKIM__DIRECTORY to one that only this server may read.")]
    NoDirectory,
    /// It is not a key, or of another kind.
    #[error("The private key must be PEM: Ed25519 or RSA of at least {SHORTEST_RSA} bits, as PKCS #8 or PKCS #1.")]
    Unreadable,
    /// A short RSA key.
    #[error("The RSA key is shorter than {SHORTEST_RSA} bits, and mail servers do not accept that. Make a longer one.")]
    Short,
    /// A name that cannot stand in DNS.
    #[error("The {0} must be letters, digits and hyphens with dots between; got \"{1}\".")]
    Name(&'static str, String),
    /// There is one with this name.
    #[error("There is a key with this selector for this domain. Choose another selector.")]
    There,
    /// The directory cannot be read or written.
    #[error("The directory for keys cannot be used: {0}")]
    Directory(#[from] std::io::Error),
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A private key with its place in DNS.
pub struct SigningKey {
    domain: String,
    selector: String,
    pair: Pair,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, {}, {})", self.domain, self.selector, self.algorithm())
    }
}

impl SigningKey {
    /// Reads a private key in PEM.
    pub fn from_pem(domain: &str, selector: &str, pem: &str) -> Result<SigningKey, KeyError> {
        let (domain, selector) = (name("domain", domain)?, name("selector", selector)?);
        let (label, der) = unwrapped(pem).ok_or(KeyError::Unreadable)?;
        let rsa = |read: Result<RsaKeyPair, KeyRejected>| match read {
            Ok(pair) if pair.public().modulus_len() * 8 >= SHORTEST_RSA => Ok(Pair::Rsa(pair)),
            Ok(_) => Err(KeyError::Short),
            Err(rejected) if rejected.to_string() == "TooSmall" => Err(KeyError::Short),
            Err(_) => Err(KeyError::Unreadable),
        };
        let pair = match label.as_str() {
            "RSA PRIVATE KEY" => rsa(RsaKeyPair::from_der(&der))?,
            "PRIVATE KEY" => match Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
                Ok(pair) => Pair::Ed25519(pair),
                Err(_) => rsa(RsaKeyPair::from_pkcs8(&der))?,
            },
            _ => return Err(KeyError::Unreadable),
        };
        Ok(SigningKey { domain, selector, pair })
    }

    /// The selector.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// `ed25519-sha256` or `rsa-sha256`.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "ed25519-sha256",
            Pair::Rsa(_) => "rsa-sha256",
        }
    }

    /// The name of the record to publish.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The record to publish, as TXT.
    pub fn record(&self) -> String {
        match &self.pair {
            Pair::Ed25519(pair) => format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(pair.public_key().as_ref())),
            Pair::Rsa(pair) => format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(subject_public_key_info(pair.public().as_ref()))),
        }
    }

    fn sign(&self, data: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Ed25519(pair) => {
                // RFC 8463 §3: the hash is signed, not the data.
                Some(pair.sign(&Sha256::digest(data)).as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    /// The header for these bytes, with its line end. `at` is in seconds since 1970.
    pub fn header(&self, mail: &[u8], at: i64) -> Option<String> {
        let (headers, body) = split(mail)?;
        let body_hash = STANDARD.encode(Sha256::digest(relaxed_body(body)));
        let fields = fields_of(headers);
        let (mut names, mut data) = (vec![], vec![]);
        for name in SIGNED {
            let found: Vec<&(String, String)> = fields.iter().filter(|(field, _)| field == name).collect();
            // A verifier takes the last of a name first (RFC 6376 §5.4.2).
            for (field, value) in found.iter().rev() {
                names.push(*name);
                data.extend_from_slice(format!("{field}:{value}\r\n").as_bytes());
            }
            if OVERSIGNED.contains(name) {
                names.push(*name);
            }
        }
        let unsigned = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={at};\r\n\th={};\r\n\tbh={body_hash};\r\n\tb=",
            self.algorithm(),
            self.domain,
            self.selector,
            names.join(":\r\n\t "),
        );
        let own = fields_of(&unsigned);
        let (field, value) = own.first()?;
        data.extend_from_slice(format!("{field}:{value}").as_bytes());
        let signature = STANDARD.encode(self.sign(&data)?);
        let folded: Vec<&str> = signature.as_bytes().chunks(72).filter_map(|part| std::str::from_utf8(part).ok()).collect();
        Some(format!("{unsigned}{}\r\n", folded.join("\r\n\t ")))
    }
}

/// Header and body, at the first empty line.
fn split(mail: &[u8]) -> Option<(&str, &[u8])> {
    let end = mail.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&mail[..end + 2]).ok()?, &mail[end + 4..]))
}

/// Names and values in the relaxed form (RFC 6376 §3.4.2).
fn fields_of(headers: &str) -> Vec<(String, String)> {
    let unfolded = headers.replace("\r\n\t", "\t").replace("\r\n ", " ");
    let one = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let words: Vec<&str> = value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        Some((name.trim_end_matches([' ', '\t']).to_ascii_lowercase(), words.join(" ")))
    };
    unfolded.split("\r\n").filter_map(one).collect()
}

/// The body in the relaxed form (RFC 6376 §3.4.4).
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(body.len());
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut space = false;
        for byte in line {
            match byte {
                b' ' | b'\t' => space = true,
                other => {
                    if space {
                        out.push(b' ');
                    }
                    space = false;
                    out.push(*other);
                }
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    while out.ends_with(b"\r\n\r\n") {
        out.truncate(out.len() - 2);
    }
    if out == b"\r\n" { vec![] } else { out }
}

fn name(field: &'static str, given: &str) -> Result<String, KeyError> {
    let text = given.trim().to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !label.starts_with('-')
    };
    if text.len() <= 200 && text.split('.').all(label) {
        return Ok(text);
    }
    Err(KeyError::Name(field, given.chars().filter(|c| !c.is_control()).take(64).collect()))
}

/// Label and content of the first PEM block.
fn unwrapped(pem: &str) -> Option<(String, Vec<u8>)> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let text: String = body.split_whitespace().collect();
    Some((label.to_owned(), STANDARD.decode(text).ok()?))
}

fn wrapped(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|part| std::str::from_utf8(part).ok()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// An RSA public key as DNS has it (RFC 5280 §4.1.2.7): the algorithm, then the key itself.
fn subject_public_key_info(key: &[u8]) -> Vec<u8> {
    const RSA_ENCRYPTION: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let tagged = |tag: u8, content: &[u8]| {
        let mut out = vec![tag];
        match content.len() {
            len @ 0..=127 => out.push(len as u8),
            len @ 128..=255 => out.extend([0x81, len as u8]),
            len => out.extend([0x82, (len >> 8) as u8, len as u8]),
        }
        out.extend_from_slice(content);
        out
    };
    let mut bits = vec![0];
    bits.extend_from_slice(key);
    let mut content = RSA_ENCRYPTION.to_vec();
    content.extend(tagged(0x03, &bits));
    tagged(0x30, &content)
}

type Kept = HashMap<String, (Instant, Arc<Vec<SigningKey>>)>;

/// The private keys of this installation: files in one directory, outside of the database, one for each domain and selector.
#[derive(Debug, Default)]
pub struct KeyRing {
    directory: Option<PathBuf>,
    kept: Mutex<Kept>,
}

impl KeyRing {
    /// Of this directory.
    pub fn new(directory: Option<PathBuf>) -> KeyRing {
        KeyRing { directory, kept: Mutex::default() }
    }

    /// Whether keys can be kept.
    pub fn is_configured(&self) -> bool {
        self.directory.is_some()
    }

    /// The keys of a domain, by selector.
    pub fn of(&self, domain: &str) -> Arc<Vec<SigningKey>> {
        let Some(directory) = &self.directory else { return Arc::default() };
        let domain = domain.to_ascii_lowercase();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, keys)) = kept.get(&domain)
            && read.elapsed() < Duration::from_secs(FRESH_SECONDS)
        {
            return keys.clone();
        }
        let keys = Arc::new(read(directory, &domain));
        kept.insert(domain, (Instant::now(), keys.clone()));
        keys
    }

    /// Makes an Ed25519 key.
    pub fn make(&self, domain: &str, selector: &str) -> Result<(), KeyError> {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Unreadable)?;
        self.import(domain, selector, &wrapped(der.as_ref()))
    }

    /// Takes a key in. An existing one is never written over.
    pub fn import(&self, domain: &str, selector: &str, pem: &str) -> Result<(), KeyError> {
        let directory = self.directory.as_ref().ok_or(KeyError::NoDirectory)?;
        let key = SigningKey::from_pem(domain, selector, pem)?;
        let (label, der) = unwrapped(pem).ok_or(KeyError::Unreadable)?;
        std::fs::create_dir_all(directory)?;
        let path = directory.join(format!("{}~{}.pem", key.domain, key.selector));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => KeyError::There,
            _ => KeyError::Directory(error),
        });
        let text = wrapped(&der).replace("PRIVATE KEY", &label);
        let mut file = file?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// The mail with a signature of each key of this domain before it; as it is where there is none.
    pub fn sign(&self, domain: &str, mail: Vec<u8>, at: i64) -> Vec<u8> {
        let keys = self.of(domain);
        let headers: Vec<String> = keys.iter().filter_map(|key| key.header(&mail, at)).collect();
        if headers.is_empty() {
            return mail;
        }
        let mut signed = headers.concat().into_bytes();
        signed.extend_from_slice(&mail);
        signed
    }
}

fn read(directory: &Path, domain: &str) -> Vec<SigningKey> {
    let mut keys = vec![];
    let Ok(entries) = std::fs::read_dir(directory) else { return keys };
    for path in entries.flatten().map(|entry| entry.path()) {
        let Some(file) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".pem")) else { continue };
        let Some((of, selector)) = file.split_once('~').filter(|(of, _)| *of == domain) else { continue };
        match std::fs::read_to_string(&path).map_err(KeyError::from).and_then(|pem| SigningKey::from_pem(of, selector, &pem)) {
            Ok(key) => keys.push(key),
            Err(error) => tracing::error!(%error, domain, selector, "a key cannot be used; mail leaves without its signature"),
        }
    }
    keys.sort_by(|one, other| one.selector.cmp(&other.selector));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: Desk <desk@example.com>\r\nTo: ann@example.org\r\nSubject:  Two  words \r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\
        Message-ID: <1@example.com>\r\nList-Unsubscribe: <https://desk.example.com/u/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
        MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello  there \r\n\r\nBye\t\r\n\r\n\r\n";

    fn ring() -> (tempfile::TempDir, KeyRing) {
        let folder = tempfile::tempdir().unwrap();
        let ring = KeyRing::new(Some(folder.path().join("dkim")));
        (folder, ring)
    }

    #[test]
    fn bodies_are_relaxed_as_the_standard_shows() {
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n", "RFC 6376 §3.4.5");
        assert_eq!(relaxed_body(b""), b"");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
        assert_eq!(fields_of("A: X\r\nB : Y\t\r\n\tZ  \r\n"), [("a".into(), "X".into()), ("b".into(), "Y Z".into())]);
    }

    #[test]
    fn the_signature_covers_what_must_not_be_changed_and_from_once_more() {
        let (_folder, ring) = ring();
        ring.make("Example.com", "s1").unwrap();
        let signed = String::from_utf8(ring.sign("example.com", MAIL.to_vec(), 1_790_000_000)).unwrap();
        let header = fields_of(signed.split("\r\n\r\n").next().unwrap()).remove(0);
        assert_eq!(header.0, "dkim-signature");
        let tag = |name: &str| header.1.split("; ").find_map(|tag| tag.strip_prefix(&format!("{name}="))).unwrap().replace(' ', "");
        let names = tag("h");
        let names: Vec<&str> = names.split(':').collect();
        for name in ["to", "subject", "date", "message-id", "reply-to", "list-unsubscribe", "list-unsubscribe-post"] {
            assert!(names.contains(&name), "{name}");
        }
        assert_eq!(names.iter().filter(|name| **name == "from").count(), 2);
        assert_eq!((tag("d").as_str(), tag("s").as_str(), tag("a").as_str()), ("example.com", "s1", "ed25519-sha256"));
        assert!(!header.1.contains("l="));
        assert!(signed.lines().all(|line| line.len() < 998));
    }

    #[test]
    fn keys_are_files_that_only_this_server_reads_and_none_is_written_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, ring) = ring();
        ring.make("example.com", "s1").unwrap();
        assert!(matches!(ring.make("example.com", "s1"), Err(KeyError::There)));
        let path = folder.path().join("dkim/example.com~s1.pem");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let key = ring.of("example.com");
        assert_eq!((key.len(), key[0].record_name().as_str()), (1, "s1._domainkey.example.com"));
        assert!(key[0].record().starts_with("v=DKIM1; k=ed25519; p="));
        assert!(ring.of("example.org").is_empty());
        assert!(matches!(KeyRing::default().make("example.com", "s1"), Err(KeyError::NoDirectory)));
        for wrong in ["../x", "a b", "", "-a", "a..b"] {
            assert!(matches!(ring.make("example.com", wrong), Err(KeyError::Name(..))), "{wrong}");
        }
        assert!(matches!(
            ring.import("example.com", "s2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
            Err(KeyError::Unreadable)
        ));
    }
}

//! The header: written, read and checked. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::{PublicKey, Signer};
use crate::clock::Time;

/// Its name.
pub const NAME: &str = "Countersign-Provenance";
/// The version that is written: it says how long each part is, so that what a list adds below is told from a change.
const VERSION: &str = "2";
/// The version before, without that. It is read.
const FIRST_VERSION: &str = "1";
/// The longest that is read, in bytes.
pub const LONGEST: usize = 4096;
/// Most tags that are read.
const MOST_TAGS: usize = 32;

/// What of a mail was hashed, each SHA-256 in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// From, To, Subject and Message-ID.
    pub headers: String,
    /// The words.
    pub body: String,
    /// What kind and how long each part is, as the tag `bl` has it; nothing in a header of the first version.
    pub lengths: Option<String>,
}

/// What a mail says of where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who wrote it: person, agent, playbook or model.
    pub origin: String,
    /// Whether a person changed it after a program wrote it.
    pub edited: bool,
    /// The oversight mode it was sent in.
    pub mode: String,
    /// What let it go: decision, composed_by_person, allow_list, monitored or autonomous.
    pub cleared: String,
    /// The decision that let it go.
    pub decision: Option<String>,
    /// Who decided: admin, manager, reviewer, or key.
    pub role: Option<String>,
    /// Who decided, without saying who.
    pub approver: Option<String>,
    /// The version of the checks.
    pub policy: i32,
}

impl Statement {
    /// Whether a person, and no program, let exactly this mail go.
    pub fn was_approved_by_a_person(&self) -> bool {
        self.cleared == "decision" && matches!(self.role.as_deref(), Some("admin" | "manager" | "reviewer"))
    }
}

/// A header whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub statement: Statement,
    /// The key that signed.
    pub key: String,
    /// When it was let go.
    pub at: Time,
    /// The installation that signed.
    pub base_url: String,
    /// What was hashed.
    pub digest: Digest,
}

/// Why nothing is proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is none.
    #[error(
        "There is no header Countersign-Provenance in it. Paste the mail as it came, with all its headers (\"show original\" or \"view source\")."
    )]
    Missing,
    /// There are several.
    #[error("There is more than one header Countersign-Provenance in it, so that nobody can tell which is right.")]
    Several,
    /// It is not one of ours.
    #[error("The header Countersign-Provenance is not complete. Paste all of it, also the lines that it goes on in.")]
    Unreadable,
    /// Another version.
    #[error("The header is of a version that is not known here.")]
    Version,
    /// Another key.
    #[error("It was signed with a key that is not one of this installation. Check it where it was sent from.")]
    ForeignKey,
    /// A key that was given up.
    #[error("It was signed with a key that was given up, because somebody else may have had it. It proves nothing.")]
    Withdrawn,
    /// Not what was signed.
    #[error("The signature does not fit: the header was changed, or was made up.")]
    Signature,
}

/// Without characters that would end a tag.
fn tame(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() && *c != ';').collect()
}

/// What stands in front of the signature, without a space.
fn unsigned(key: &str, statement: &Statement, digest: &Digest, base_url: &str, at: Time) -> Vec<(&'static str, String)> {
    let mut tags = vec![
        ("v", if digest.lengths.is_some() { VERSION } else { FIRST_VERSION }.to_owned()),
        ("k", tame(key)),
        ("t", at.seconds().to_string()),
        ("at", tame(base_url)),
        ("origin", tame(&statement.origin)),
    ];
    if statement.edited {
        tags.push(("edited", "person".to_owned()));
    }
    tags.push(("mode", tame(&statement.mode)));
    tags.push(("cleared", tame(&statement.cleared)));
    for (name, value) in [("decision", &statement.decision), ("role", &statement.role), ("approver", &statement.approver)] {
        if let Some(value) = value {
            tags.push((name, tame(value)));
        }
    }
    tags.push(("policy", statement.policy.to_string()));
    tags.push(("hh", digest.headers.clone()));
    tags.push(("bh", digest.body.clone()));
    tags.extend(digest.lengths.as_ref().map(|lengths| ("bl", tame(lengths))));
    tags
}

/// What is signed: the name and the value without white space, up to the signature.
fn signed_bytes(value_without_space: &str) -> Vec<u8> {
    format!("{}:{value_without_space}", NAME.to_ascii_lowercase()).into_bytes()
}

/// The header with its line end.
pub fn write(signer: &Signer, statement: &Statement, digest: &Digest, base_url: &str, at: Time) -> String {
    let tags = unsigned(signer.id(), statement, digest, base_url, at);
    let bare: String = tags.iter().map(|(name, value)| format!("{name}={value};")).collect();
    let signature = signer.sign(&signed_bytes(&format!("{bare}b=")));
    let mut text = format!("{NAME}:");
    let mut width = text.len();
    for part in tags.iter().map(|(name, value)| format!("{name}={value};")) {
        match width + part.len() > 75 {
            true => {
                text.push_str("\r\n\t");
                width = 1;
            }
            false => {
                text.push(' ');
                width += 1;
            }
        }
        width += part.len();
        text.push_str(&part);
    }
    let folded: Vec<&str> = signature.as_bytes().chunks(70).filter_map(|part| std::str::from_utf8(part).ok()).collect();
    format!("{text}\r\n\tb={}\r\n", folded.join("\r\n\t "))
}

/// Reads the value of a header and checks its signature. Relays may fold it anywhere.
pub fn verify(value: &str, keys: &[PublicKey]) -> Result<Verified, Problem> {
    if value.len() > LONGEST {
        return Err(Problem::Unreadable);
    }
    let bare: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    // No value before holds a semicolon, and the signature itself may hold "b=".
    let (before, signature) = bare.split_once(";b=").ok_or(Problem::Unreadable)?;
    let signature = signature.trim_end_matches(';');
    let mut tags: Vec<(&str, &str)> = vec![];
    for tag in before.split(';').filter(|tag| !tag.is_empty()) {
        let (name, value) = tag.split_once('=').ok_or(Problem::Unreadable)?;
        if tags.len() >= MOST_TAGS || tags.iter().any(|(other, _)| *other == name) {
            return Err(Problem::Unreadable);
        }
        tags.push((name, value));
    }
    let get = |name: &str| tags.iter().find(|(tag, _)| *tag == name).map(|(_, value)| (*value).to_owned());
    let need = |name: &str| get(name).ok_or(Problem::Unreadable);
    let lengths = match need("v")?.as_str() {
        VERSION => Some(need("bl")?),
        FIRST_VERSION => None,
        _ => return Err(Problem::Version),
    };
    let key = need("k")?;
    let public = keys.iter().find(|public| public.kid == key).ok_or(Problem::ForeignKey)?;
    let signature = STANDARD.decode(signature).map_err(|_| Problem::Unreadable)?;
    if !public.verifies(&signed_bytes(&format!("{before};b=")), &signature) {
        return Err(Problem::Signature);
    }
    if public.withdrawn_at.is_some() {
        return Err(Problem::Withdrawn);
    }
    let number = |name: &str| need(name)?.parse::<i64>().map_err(|_| Problem::Unreadable);
    Ok(Verified {
        at: Time::from_seconds(number("t")?),
        base_url: need("at")?,
        digest: Digest { headers: need("hh")?, body: need("bh")?, lengths },
        statement: Statement {
            origin: need("origin")?,
            edited: get("edited").is_some(),
            mode: need("mode")?,
            cleared: need("cleared")?,
            decision: get("decision"),
            role: get("role"),
            approver: get("approver"),
            policy: i32::try_from(number("policy")?).map_err(|_| Problem::Unreadable)?,
        },
        key,
    })
}

//! The header of a mail held against the mail: what of it was signed, and whether it still is what was signed. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Address, Message, MimeHeaders, PartType};
use sha2::{Digest as _, Sha256};

use crate::domain::provenance::header::{self, Digest, NAME, Problem, Verified};
use crate::domain::provenance::keys::PublicKey;
use crate::inbound::Unreadable;
use crate::inbound::mail;

/// The headers that are signed with what a mail says of itself.
const SIGNED: [&str; 4] = ["from", "to", "subject", "message-id"];

/// Whether a part is what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It is.
    Same,
    /// It is not.
    Changed,
    /// It was not given.
    NotGiven,
}

/// What can be said of a mail, or of its headers alone.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What the header says, where its signature holds.
    pub says: Result<Verified, Problem>,
    /// Sender, recipient, subject and id.
    pub headers: Compared,
    /// The words.
    pub body: Compared,
}

impl Verdict {
    fn nothing(problem: Problem) -> Verdict {
        Verdict { says: Err(problem), headers: Compared::NotGiven, body: Compared::NotGiven }
    }

    /// Whether the whole mail is what was signed.
    pub fn is_whole(&self) -> bool {
        self.says.is_ok() && self.headers == Compared::Same && self.body == Compared::Same
    }

    /// Whether something was changed.
    pub fn is_changed(&self) -> bool {
        self.headers == Compared::Changed || self.body == Compared::Changed
    }
}

/// What is hashed of a mail. The same of the bytes that leave and of those that arrive: what relays may change on the way
/// (folding, encodings, white space at the ends of lines) is left out.
pub fn digest(raw: &[u8]) -> Result<Digest, Unreadable> {
    mail::parsed(raw, |message| Digest { headers: headers_of(message), body: body_of(message) })
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn add(hash: &mut Sha256, text: &str) {
    hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(text.as_bytes());
}

fn headers_of(message: &Message) -> String {
    let people = |list: Option<&Address>| -> String {
        let one = |to: &mail_parser::Addr| format!("{} <{}>", words(to.name().unwrap_or_default()), to.address().unwrap_or_default().to_lowercase());
        list.into_iter().flat_map(Address::iter).map(one).collect::<Vec<_>>().join(", ")
    };
    let mut hash = Sha256::new();
    for (name, value) in SIGNED.into_iter().zip([
        people(message.from()),
        people(message.to()),
        words(message.subject().unwrap_or_default()),
        words(message.message_id().unwrap_or_default()),
    ]) {
        // A second header of the same name would be shown by some programs and not by others.
        let count = message.headers_raw().filter(|(header, _)| header.trim().eq_ignore_ascii_case(name)).count();
        add(&mut hash, &format!("{name}:{count}"));
        add(&mut hash, &value);
    }
    STANDARD.encode(hash.finalize())
}

/// Lines with single spaces, without spaces at their ends, without empty lines at the end.
fn canonical(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(words).collect();
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..last].join("\n")
}

fn body_of(message: &Message) -> String {
    let mut hash = Sha256::new();
    for part in &message.parts {
        match &part.body {
            PartType::Text(text) => {
                add(&mut hash, "text");
                add(&mut hash, &canonical(text));
            }
            PartType::Html(text) => {
                add(&mut hash, "html");
                add(&mut hash, &canonical(text));
            }
            PartType::Multipart(_) => {}
            PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) => {
                add(&mut hash, "file");
                hash.update(part.contents());
            }
        }
    }
    let outside = outside_of_parts(message);
    if !outside.is_empty() {
        add(&mut hash, "outside");
        add(&mut hash, &outside);
    }
    STANDARD.encode(hash.finalize())
}

/// What stands before the first part and after the last: most programs do not show it, some do.
fn outside_of_parts(message: &Message) -> String {
    let root = message.root_part();
    let Some(boundary) = root.content_type().and_then(|kind| kind.attribute("boundary")) else { return String::new() };
    let raw = message.raw_message();
    let body = String::from_utf8_lossy(raw.get(root.offset_body as usize..).unwrap_or_default());
    let before = body.split_once(&format!("--{boundary}")).map_or("", |(before, _)| before);
    let after = body.rsplit_once(&format!("--{boundary}--")).map_or("", |(_, after)| after);
    words(&format!("{before} {after}"))
}

/// Says what can be said of a mail, its headers, or the one header alone.
pub fn judge(pasted: &[u8], keys: &[PublicKey]) -> Verdict {
    let text = String::from_utf8_lossy(pasted);
    let text = text.trim_start_matches(['\u{FEFF}', '\r', '\n', ' ', '\t']);
    // Somebody may paste the value alone.
    if text.starts_with("v=1;") {
        return Verdict { says: header::verify(text, keys), headers: Compared::NotGiven, body: Compared::NotGiven };
    }
    let (head, body) = split(text);
    let found = values_of(head);
    let value = match found.as_slice() {
        [] => return Verdict::nothing(Problem::Missing),
        [one] => one,
        _ => return Verdict::nothing(Problem::Several),
    };
    let verified = match header::verify(value, keys) {
        Ok(verified) => verified,
        Err(problem) => return Verdict::nothing(problem),
    };
    let has_from = head.lines().any(|line| line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("from:")));
    let (mut headers, mut words) = (Compared::NotGiven, Compared::NotGiven);
    if has_from {
        let compare = |same: bool| if same { Compared::Same } else { Compared::Changed };
        match digest(text.as_bytes()) {
            Ok(found) => {
                headers = compare(found.headers == verified.digest.headers);
                if !body.trim().is_empty() {
                    words = compare(found.body == verified.digest.body);
                }
            }
            Err(_) => (headers, words) = (Compared::Changed, Compared::Changed),
        }
    }
    Verdict { says: Ok(verified), headers, body: words }
}

/// Headers and body, at the first empty line.
fn split(text: &str) -> (&str, &str) {
    let end = [text.find("\r\n\r\n").map(|at| (at, 4)), text.find("\n\n").map(|at| (at, 2))].into_iter().flatten().min();
    end.map_or((text, ""), |(at, gap)| (&text[..at], &text[at + gap..]))
}

/// The values of our header, unfolded.
fn values_of(head: &str) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    let mut inside = false;
    for line in head.lines() {
        if line.starts_with([' ', '\t']) {
            if let (true, Some(last)) = (inside, found.last_mut()) {
                last.push_str(line);
            }
            continue;
        }
        let value = line.split_once(':').filter(|(name, _)| name.trim_end().eq_ignore_ascii_case(NAME)).map(|(_, value)| value.to_owned());
        inside = value.is_some();
        found.extend(value);
    }
    found
}

/// What a verdict says, in sentences: first what was found, then who wrote it and who let it go.
pub fn in_words(verdict: &Verdict) -> Vec<String> {
    let verified = match &verdict.says {
        Ok(verified) => verified,
        Err(problem) => return vec![problem.to_string()],
    };
    let mut said = vec![match (verdict.headers, verdict.body) {
        (Compared::Changed, Compared::Changed) => {
            "This mail is not the one that was signed: its words and its sender, recipient or subject were changed.".to_owned()
        }
        (Compared::Changed, _) => "This mail is not the one that was signed: its sender, recipient, subject or id was changed.".to_owned(),
        (_, Compared::Changed) => "This mail is not the one that was signed: its words were changed, or something was added to it.".to_owned(),
        (Compared::Same, Compared::Same) => "This mail is genuine: it is word for word what was signed when it left.".to_owned(),
        (Compared::Same, Compared::NotGiven) => "The headers are genuine. The words were not looked at, because they were not pasted.".to_owned(),
        (Compared::NotGiven, _) => "The signature holds. The mail itself was not looked at, because only this header was pasted.".to_owned(),
    }];
    if verdict.is_changed() {
        return said;
    }
    let statement = &verified.statement;
    let wrote = match statement.origin.as_str() {
        "person" => "A person wrote it.",
        "agent" => "A program, an AI agent, wrote it.",
        "model" => "An AI model wrote it.",
        "playbook" => "It was put together from a template.",
        _ => "It does not say in words that are known here who wrote it.",
    };
    said.push(wrote.to_owned());
    if statement.edited {
        said.push("A person changed it after that.".to_owned());
    }
    let who = |role: &str| match role {
        "admin" => "an administrator",
        "manager" => "a manager",
        _ => "a reviewer",
    };
    said.push(match (statement.cleared.as_str(), statement.role.as_deref()) {
        ("decision", Some(role @ ("admin" | "manager" | "reviewer"))) => {
            format!("A person, {}, approved exactly this mail before it left.", who(role))
        }
        ("decision", _) => "A program with a key of its own approved it before it left. No person is on record.".to_owned(),
        ("composed_by_person", _) => "It was sent by the person who wrote it. Nobody else had to approve it.".to_owned(),
        ("monitored", _) => "No person approved it before it left; people watch what this sender's programs send.".to_owned(),
        ("autonomous", _) => "No person approved it before it left.".to_owned(),
        _ => "It does not say in words that are known here who let it go.".to_owned(),
    });
    said
}

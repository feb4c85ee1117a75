//! The header of a mail held against the mail: what of it was signed, and whether it still is what was signed. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Address, Message, MimeHeaders, PartType};
use sha2::{Digest as _, Sha256};

use crate::domain::provenance::header::{self, Digest, NAME, Problem, Verified};
use crate::domain::provenance::keys::PublicKey;
use crate::domain::text;
use crate::inbound::Unreadable;
use crate::inbound::mail;

/// The headers that are signed with what a mail says of itself.
const SIGNED: [&str; 4] = ["from", "to", "subject", "message-id"];

/// Whether a part is what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It is.
    Same,
    /// It is, and below it stands something that was not signed, as mailing lists add it.
    Added,
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
    /// What stands below them and was not signed.
    pub added: String,
}

impl Verdict {
    fn nothing(problem: Problem) -> Verdict {
        Verdict { says: Err(problem), headers: Compared::NotGiven, body: Compared::NotGiven, added: String::new() }
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
    mail::parsed(raw, |message| {
        let pieces = pieces_of(message);
        let lengths: Vec<String> = pieces.iter().map(|piece| format!("{}{}", piece.kind.letter(), piece.signed().len())).collect();
        let body = body_of(pieces.iter().map(|piece| (piece.kind, piece.signed())), &outside_of(message));
        Digest { headers: headers_of(message), body, lengths: Some(lengths.join(",")) }
    })
}

fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    add_words(&mut out, text);
    out
}

/// Adds the words with single spaces between them.
fn add_words(out: &mut String, text: &str) {
    for (position, word) in text.split_whitespace().enumerate() {
        out.push_str(if position > 0 { " " } else { "" });
        out.push_str(word);
    }
}

fn add(hash: &mut Sha256, text: &str) {
    add_bytes(hash, text.as_bytes());
}

fn add_bytes(hash: &mut Sha256, text: &[u8]) {
    hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(text);
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
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        add_words(&mut out, line);
        out.push('\n');
    }
    out.truncate(out.trim_end_matches('\n').len());
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Html,
    File,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Html => "html",
            Kind::File => "file",
        }
    }

    fn letter(self) -> char {
        match self {
            Kind::Text => 't',
            Kind::Html => 'h',
            Kind::File => 'f',
        }
    }
}

/// A part of a mail that holds something.
struct Piece {
    /// Which part it is.
    at: usize,
    kind: Kind,
    /// Text in its canonical form, a file as it is.
    content: Vec<u8>,
}

impl Piece {
    /// What of it is signed: HTML without what closes the page, so that a list may add something in front of that.
    fn signed(&self) -> &[u8] {
        if self.kind != Kind::Html {
            return &self.content;
        }
        let mut page = self.content.as_slice();
        loop {
            page = page.trim_ascii_end();
            let ends = |tag: &&&[u8]| page.len() >= tag.len() && page[page.len() - tag.len()..].eq_ignore_ascii_case(tag);
            match [b"</html>".as_slice(), b"</body>".as_slice()].iter().find(ends) {
                Some(tag) => page = &page[..page.len() - tag.len()],
                None => return page,
            }
        }
    }
}

fn pieces_of(message: &Message) -> Vec<Piece> {
    let piece = |(at, part): (usize, &mail_parser::MessagePart)| {
        let (kind, content) = match &part.body {
            PartType::Text(text) => (Kind::Text, canonical(text).into_bytes()),
            PartType::Html(text) => (Kind::Html, canonical(text).into_bytes()),
            PartType::Multipart(_) => return None,
            PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) => (Kind::File, part.contents().to_vec()),
        };
        Some(Piece { at, kind, content })
    };
    message.parts.iter().enumerate().filter_map(piece).collect()
}

fn body_of<'p>(pieces: impl Iterator<Item = (Kind, &'p [u8])>, outside: &(String, String)) -> String {
    let mut hash = Sha256::new();
    for (kind, content) in pieces {
        add(&mut hash, kind.name());
        match kind {
            Kind::File => hash.update(content),
            Kind::Text | Kind::Html => add_bytes(&mut hash, content),
        }
    }
    let outside = words(&format!("{} {}", outside.0, outside.1));
    if !outside.is_empty() {
        add(&mut hash, "outside");
        add(&mut hash, &outside);
    }
    STANDARD.encode(hash.finalize())
}

/// What stands before the first part and after the last: most programs do not show it, some do.
fn outside_of(message: &Message) -> (String, String) {
    let root = message.root_part();
    let Some(boundary) = root.content_type().and_then(|kind| kind.attribute("boundary")) else { return (String::new(), String::new()) };
    let raw = message.raw_message();
    let body = String::from_utf8_lossy(raw.get(root.offset_body as usize..).unwrap_or_default());
    let before = body.split_once(&format!("--{boundary}")).map_or("", |(before, _)| before);
    let after = body.rsplit_once(&format!("--{boundary}--")).map_or("", |(_, after)| after);
    (words(before), words(after))
}

/// The words of a mail held against what was signed, and what stands below them.
fn held_against(message: &Message, signed: &Digest) -> (Compared, String) {
    let (pieces, outside) = (pieces_of(message), outside_of(message));
    let Some(lengths) = &signed.lengths else {
        let body = body_of(pieces.iter().map(|piece| (piece.kind, piece.content.as_slice())), &outside);
        return (if body == signed.body { Compared::Same } else { Compared::Changed }, String::new());
    };
    if body_of(pieces.iter().map(|piece| (piece.kind, piece.signed())), &outside) == signed.body {
        return (Compared::Same, String::new());
    }
    match added_to(message, &pieces, lengths) {
        Some((cut, mut added)) if outside.0.is_empty() && body_of(cut.iter().copied(), &Default::default()) == signed.body => {
            added.push_str(&outside.1);
            (Compared::Added, without_tags(&added))
        }
        _ => (Compared::Changed, String::new()),
    }
}

/// Parts, each as long as it was signed.
type Cut<'p> = Vec<(Kind, &'p [u8])>;

/// Each part cut to the length that was signed, and what is left over; nothing where that is more than a footer.
fn added_to<'p>(message: &Message, pieces: &'p [Piece], lengths: &str) -> Option<(Cut<'p>, String)> {
    let lengths: Vec<&str> = lengths.split(',').collect();
    let (mut cut, mut added) = (vec![], String::new());
    for (place, piece) in pieces.iter().enumerate() {
        let Some(wanted) = lengths.get(place) else {
            // Where one part is shown instead of another, one more would be read instead of what was signed.
            let is_below = piece.kind == Kind::Text && is_mixed(message) && children_of_root(message).any(|child| child == piece.at);
            added.push_str(is_below.then(|| std::str::from_utf8(&piece.content).ok())??);
            added.push('\n');
            continue;
        };
        let length: usize = wanted.strip_prefix(piece.kind.letter())?.parse().ok()?;
        // A page that stays as it was keeps what closes it.
        let content = if piece.signed().len() == length { piece.signed() } else { &piece.content };
        let (signed, rest) = (content.get(..length)?, std::str::from_utf8(content.get(length..)?).ok());
        if content.len() > length {
            added.push_str(rest.filter(|rest| is_footer(piece.kind, signed, rest))?);
            added.push('\n');
        }
        cut.push((piece.kind, signed));
    }
    (cut.len() == lengths.len()).then_some((cut, added))
}

/// Whether this may stand below a signed part: on a line of its own, and in HTML nothing that could cover what is above.
fn is_footer(kind: Kind, signed: &[u8], rest: &str) -> bool {
    match kind {
        Kind::File => false,
        Kind::Text => !signed.is_empty() && rest.starts_with('\n'),
        Kind::Html => signed.ends_with(b">") && rest.starts_with(['\n', '<']) && has_plain_tags(rest),
    }
}

/// Tags that set words apart and do nothing else. A link may have its address.
const PLAIN: [&str; 25] = [
    "a",
    "b",
    "blockquote",
    "body",
    "br",
    "center",
    "div",
    "em",
    "font",
    "hr",
    "html",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "small",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "tr",
    "u",
    "ul",
];

fn has_plain_tags(html: &str) -> bool {
    html.split('<').skip(1).all(|tag| {
        let Some((inside, _)) = tag.split_once('>') else { return false };
        let inside = inside.strip_prefix('/').unwrap_or(inside).trim_end_matches('/').trim();
        let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        let address = attributes.trim().strip_prefix("href=\"").and_then(|address| address.strip_suffix('"'));
        PLAIN.contains(&name.to_ascii_lowercase().as_str()) && (attributes.is_empty() || address.is_some_and(|address| !address.contains('"')))
    })
}

fn without_tags(text: &str) -> String {
    let kept = |part: &str| part.split_once('>').map_or_else(|| part.to_owned(), |(_, text)| text.to_owned());
    let mut parts = text.split('<');
    let first = parts.next().unwrap_or_default().to_owned();
    words(&parts.fold(first, |text, part| format!("{text} {}", kept(part))))
}

fn is_mixed(message: &Message) -> bool {
    let kind = message.root_part().content_type();
    kind.is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("multipart") && kind.subtype().is_some_and(|sub| sub.eq_ignore_ascii_case("mixed")))
}

fn children_of_root<'m>(message: &'m Message) -> impl Iterator<Item = usize> + 'm {
    let children = match &message.root_part().body {
        PartType::Multipart(children) => children.as_slice(),
        _ => &[],
    };
    children.iter().map(|child| *child as usize)
}

/// Says what can be said of a mail, its headers, or the one header alone.
pub fn judge(pasted: &[u8], keys: &[PublicKey]) -> Verdict {
    let text = String::from_utf8_lossy(pasted);
    let text = text.trim_start_matches(['\u{FEFF}', '\r', '\n', ' ', '\t']);
    // Somebody may paste the value alone.
    if ["v=1;", "v=2;"].iter().any(|start| text.starts_with(start)) {
        return Verdict { says: header::verify(text, keys), headers: Compared::NotGiven, body: Compared::NotGiven, added: String::new() };
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
    let mut verdict = Verdict { says: Err(Problem::Missing), headers: Compared::NotGiven, body: Compared::NotGiven, added: String::new() };
    if has_from {
        let signed = &verified.digest;
        let compared = mail::parsed(text.as_bytes(), |message| {
            let headers = if headers_of(message) == signed.headers { Compared::Same } else { Compared::Changed };
            (headers, (!body.trim().is_empty()).then(|| held_against(message, signed)))
        });
        match compared {
            Ok((headers, words)) => {
                verdict.headers = headers;
                (verdict.body, verdict.added) = words.unwrap_or((Compared::NotGiven, String::new()));
            }
            Err(_) => (verdict.headers, verdict.body) = (Compared::Changed, Compared::Changed),
        }
    }
    verdict.says = Ok(verified);
    verdict
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
        (Compared::Same, Compared::Added) => format!(
            "This mail is genuine: its words are those that were signed when it left. Below them stands something that nobody signed, as mailing \
             lists add it on the way: “{}”.",
            text::excerpt(&verdict.added)
        ),
        (Compared::Same, Compared::NotGiven) => "The headers are genuine. The words were not looked at, because they were not pasted.".to_owned(),
        (Compared::NotGiven | Compared::Added, _) => {
            "The signature holds. The mail itself was not looked at, because only this header was pasted.".to_owned()
        }
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
        ("allow_list", _) => "No person approved it before it left: its sender does not have mail to this recipient approved.".to_owned(),
        ("monitored", _) => "No person approved it before it left; people watch what this sender's programs send.".to_owned(),
        ("autonomous", _) => "No person approved it before it left.".to_owned(),
        _ => "It does not say in words that are known here who let it go.".to_owned(),
    });
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::domain::provenance::header::Statement;
    use crate::domain::provenance::keys::Signer;

    const HEAD: &str = "From: Ann <ann@example.com>\r\nTo: ben@example.com\r\nSubject: News\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n";
    const TEXT: &str = "Content-Type: text/plain; charset=utf-8\r\n\r\nYou owe us 10\r\n\r\n-- \r\nAnn, Main Street 1\r\n";
    const PAGE: &str = "<html><body><p>You owe us 10</p>\r\n<p>Ann</p></body></html>\r\n";

    fn statement() -> Statement {
        let (mode, cleared) = ("monitored".to_owned(), "monitored".to_owned());
        Statement { origin: "agent".into(), edited: false, mode, cleared, decision: None, role: None, approver: None, policy: 1 }
    }

    fn both(text: &str, page: &str) -> String {
        let part = |kind: &str, words: &str| format!("--x\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{words}\r\n");
        format!("Content-Type: multipart/alternative; boundary=x\r\n\r\n{}{}--x--\r\n", part("plain", text), part("html", page))
    }

    /// The mail as a list sends it on that puts its words into a part of their own.
    fn wrapped(kind: &str, inner: &str, footer: &str) -> String {
        format!("Content-Type: multipart/{kind}; boundary=y\r\n\r\n--y\r\n{inner}\r\n--y\r\nContent-Type: {footer}\r\n--y--\r\n")
    }

    #[test]
    fn what_a_list_adds_below_is_no_change_and_what_could_be_read_instead_is_one() {
        let (signer, public) = Signer::for_tests(Time::from_seconds(1));
        let keys = [public];
        let footer = "<p>_____<br>\r\nTo leave: <a href=\"https://list.example\">here</a></p>";
        let (plain, page) = ("You owe us 10\r\n\r\nAnn", PAGE);
        for sent in [TEXT.to_owned(), both(plain, page)] {
            let signed = digest(format!("{HEAD}{sent}").as_bytes()).unwrap();
            let header = header::write(&signer, &statement(), &signed, "https://desk.example", Time::from_seconds(2));
            let look = |body: &str| judge(format!("{header}{HEAD}{body}").as_bytes(), &keys);
            assert!(look(&sent).is_whole());
            let mut cases = vec![
                (wrapped("mixed", &sent, "text/plain\r\n\r\n_____\r\nTo leave: here"), Compared::Added),
                (wrapped("alternative", &sent, "text/plain\r\n\r\nYou owe us 100"), Compared::Changed),
                (wrapped("mixed", &sent, "text/html\r\n\r\n<p>You owe us 100</p>"), Compared::Changed),
                (wrapped("mixed", &sent, "image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"), Compared::Changed),
                (sent.replace("owe us 10", "owe us 100"), Compared::Changed),
            ];
            if sent == TEXT {
                cases.extend([
                    (format!("{TEXT}_____\r\nTo leave: here\r\n"), Compared::Added),
                    (TEXT.replace("Street 1\r\n", "Street 1 and 2\r\n"), Compared::Changed),
                    (TEXT.replace("\r\n\r\nYou", "\r\n\r\nFrom the list\r\nYou"), Compared::Changed),
                ]);
            } else {
                cases.extend([
                    (both(plain, &page.replace("</body>", &format!("{footer}</body>"))), Compared::Added),
                    (both(&format!("{plain}\r\n_____\r\nTo leave: here"), &format!("{page}{footer}")), Compared::Added),
                    (format!("{sent}_____\r\nTo leave: here\r\n"), Compared::Added),
                    (both(plain, &page.replace("</body>", "<style>p{display:none}</style></body>")), Compared::Changed),
                    (both(plain, &page.replace("</body>", "<p style=\"position:fixed\">You owe us 100</p></body>")), Compared::Changed),
                    (both(plain, &page.replace("</body>", "<img src=x></body>")), Compared::Changed),
                    (both(plain, &page.replace("<p>You", "<p>Look</p><p>You")), Compared::Changed),
                    (both(plain, &page.replace("</body>", "<!-- </body>")), Compared::Changed),
                ]);
            }
            for (body, expected) in cases {
                let verdict = look(&body);
                assert_eq!((verdict.headers, verdict.body), (Compared::Same, expected), "{body}");
                let said = in_words(&verdict);
                let is_told = said[0].contains("Below them stands something that nobody signed") && said[0].contains("To leave: here");
                assert_eq!((is_told, verdict.is_whole()), (expected == Compared::Added, false), "{said:?}");
            }
        }
    }

    #[test]
    fn a_header_of_the_first_version_still_proves_what_it_did() {
        let (signer, public) = Signer::for_tests(Time::from_seconds(1));
        let keys = [public];
        // As it was hashed then: the whole of each part, and no lengths.
        let body = both("You owe us 10", PAGE);
        let mail = format!("{HEAD}{body}");
        let signed = mail::parsed(mail.as_bytes(), |message| {
            let pieces = pieces_of(message);
            let body = body_of(pieces.iter().map(|piece| (piece.kind, piece.content.as_slice())), &outside_of(message));
            Digest { headers: headers_of(message), body, lengths: None }
        });
        let header = header::write(&signer, &statement(), &signed.unwrap(), "https://desk.example", Time::from_seconds(2));
        assert!(header.starts_with("Countersign-Provenance: v=1;") && !header.contains("bl="), "{header}");
        let look = |mail: &str| judge(format!("{header}{mail}").as_bytes(), &keys);
        assert!(look(&mail).is_whole());
        assert_eq!(look(&format!("{mail}To leave: here\r\n")).body, Compared::Changed);
        // Neither version passes for the other.
        let lengths = header.replacen("v=1;", "v=2;", 1);
        assert_eq!(judge(format!("{lengths}{mail}").as_bytes(), &keys).says, Err(Problem::Unreadable));
        let added = header.replacen("v=1;", "v=1; bl=t1;", 1);
        assert_eq!(judge(format!("{added}{mail}").as_bytes(), &keys).says, Err(Problem::Signature));
    }
}

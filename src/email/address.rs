//! Addresses this server can send to: kept as given, compared in one form, and put on the
//! wire in a form that lettre accepts by construction.

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use lettre::Address;

/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
pub const LOCAL_MAX: usize = 64;
/// Longest domain in octets: 255 in RFC 5321 §4.5.3.1.2, 253 of which DNS can carry as text.
pub const DOMAIN_MAX: usize = 253;
/// Longest address in octets: a path of 256 with its angle brackets (RFC 5321 §4.5.3.1.3).
pub const ADDRESS_MAX: usize = 254;
/// Longest display name in characters.
pub const NAME_MAX: usize = 200;

/// An address that was checked. Equality and hashing go by the normalised form, so that no
/// spelling of a suppressed address counts as another person.
#[derive(Debug, Clone)]
pub struct EmailAddress {
    given: String,
    key: String,
    wire: Address,
}

impl EmailAddress {
    /// Checks one address without a display name.
    ///
    /// Quoted local parts, comments and address literals are refused by policy: no mail
    /// program of today needs them, and they are how filters are fooled. A leading "-" is
    /// refused because programs called with an address take it for an option
    /// (RUSTSEC-2020-0069).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        // Spaces only: a line break at either end is an injection attempt, not sloppy typing.
        let given = text.trim_matches(' ');
        let refuse = |reason: String| Err(AddressError::address(given, &reason));
        if let Some(c) = given.chars().find(|c| c.is_control()) {
            return refuse(format!("it holds the control character U+{:04X}", u32::from(c)));
        }
        let Some((local, domain)) = given.rsplit_once('@') else {
            return refuse("there is no @ in it".into());
        };
        if let Some(reason) = local_problem(local) {
            return refuse(reason);
        }
        if let Some(reason) = domain_problem(domain) {
            return refuse(reason);
        }
        let ascii = to_ascii(domain).map_err(|reason| match domain_is_plain(domain) {
            true => AddressError::address(given, reason),
            false => AddressError::domain(domain, reason),
        })?;
        if ascii.len() > DOMAIN_MAX {
            return refuse(format!("the domain is longer than {DOMAIN_MAX} octets"));
        }
        if ascii.rsplit('.').next().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit())) {
            return refuse("the domain is a number, not a name".into());
        }
        // RFC 6532 §3.1 asks for NFC; two spellings of "é" are one mailbox.
        let local = ComposingNormalizerBorrowed::new_nfc().normalize(local);
        if local.len() + 1 + ascii.len() > ADDRESS_MAX || given.len() > ADDRESS_MAX {
            return refuse(format!("it is longer than {ADDRESS_MAX} octets"));
        }
        let (Ok(wire), Ok(_)) = (Address::new(&local, &ascii), given.parse::<Address>()) else {
            return refuse("it has a character that mail programs do not accept".into());
        };
        let folded = local.to_lowercase();
        let folded = ComposingNormalizerBorrowed::new_nfc().normalize(&folded);
        let key = format!("{folded}@{ascii}");
        Ok(EmailAddress { given: given.to_owned(), key, wire })
    }

    /// The address as it was given, without surrounding spaces.
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// The form for comparing and storing: NFC, lower case, the domain as A-labels.
    pub fn normalised(&self) -> &str {
        &self.key
    }

    /// The form in envelope and headers: the local part as given (NFC), the domain as A-labels.
    pub fn on_the_wire(&self) -> &str {
        self.wire.as_ref()
    }

    /// The domain as lower-case A-labels.
    pub fn domain(&self) -> &str {
        self.wire.domain()
    }

    /// The part before the @, as on the wire.
    pub fn local(&self) -> &str {
        self.wire.user()
    }

    /// Whether a relay must offer SMTPUTF8 (RFC 6531) to take it: an international domain
    /// travels as A-labels, a local part cannot.
    pub fn needs_smtputf8(&self) -> bool {
        !self.wire.user().is_ascii()
    }

    /// lettre's type, for builders inside this module.
    pub(in crate::email) fn to_lettre(&self) -> Address {
        self.wire.clone()
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl std::hash::Hash for EmailAddress {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

/// Reads a list separated by commas, semicolons or line breaks; empty entries are skipped
/// and repeated addresses kept once, in order. The first bad entry refuses the list.
pub fn parse_list(text: &str) -> Result<Vec<EmailAddress>, AddressError> {
    let mut seen = std::collections::HashSet::new();
    let mut addresses = Vec::new();
    for entry in text.split([',', ';', '\n']) {
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let address = EmailAddress::parse(entry)?;
        if seen.insert(address.key.clone()) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Trims a display name and refuses what could add a header or change how it reads: line
/// breaks, control characters, direction overrides, and text that claims to be an encoded
/// word (RFC 2047), which mail programs would show as something nobody reviewed.
pub fn clean_display_name(text: &str) -> Result<String, AddressError> {
    let name = text.trim_matches(' ');
    let refuse = |reason: String| {
        let detail = format!("\"{}\" cannot be used as a name: {reason}.", excerpt(name));
        Err(AddressError { code: "address_invalid", detail })
    };
    if let Some(c) = name.chars().find(|c| c.is_control() || is_invisible(*c)) {
        return refuse(format!("it holds the invisible character U+{:04X}", u32::from(c)));
    }
    if name.contains("=?") {
        return refuse("it holds \"=?\", which mail programs read as encoded text".into());
    }
    if name.chars().count() > NAME_MAX {
        return refuse(format!("it is longer than {NAME_MAX} characters"));
    }
    Ok(name.to_owned())
}

/// Why an address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct AddressError {
    code: &'static str,
    detail: String,
}

impl AddressError {
    /// The stable code: `address_invalid` or `domain_invalid`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The full sentence for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    fn address(given: &str, reason: &str) -> Self {
        let detail = format!("\"{}\" is not an address this server can send to: {reason}.", excerpt(given));
        AddressError { code: "address_invalid", detail }
    }

    fn domain(domain: &str, reason: &str) -> Self {
        let detail = format!("\"{}\" is not a valid international domain name: {reason}.", excerpt(domain));
        AddressError { code: "domain_invalid", detail }
    }
}

fn local_problem(local: &str) -> Option<String> {
    if local.is_empty() {
        return Some("the part before @ is empty".into());
    }
    if local.starts_with('-') {
        return Some("the part before @ starts with \"-\"".into());
    }
    if local.starts_with('"') {
        return Some("the part before @ is quoted".into());
    }
    if local.contains('@') {
        return Some("there is more than one @ in it".into());
    }
    if local.len() > LOCAL_MAX {
        return Some(format!("the part before @ is longer than {LOCAL_MAX} octets"));
    }
    if local.starts_with('.') {
        return Some("the part before @ starts with a dot".into());
    }
    if local.ends_with('.') {
        return Some("the part before @ ends with a dot".into());
    }
    if local.contains("..") {
        return Some("the part before @ has two dots in a row".into());
    }
    local.chars().find(|c| !local_char(*c)).map(|c| {
        let shown = match c.is_whitespace() || is_invisible(c) {
            true => format!("U+{:04X}", u32::from(c)),
            false => format!("\"{}\"", c.escape_debug()),
        };
        format!("the part before @ holds {shown}")
    })
}

fn local_char(c: char) -> bool {
    // RFC 5322 §3.2.3 atext, and RFC 6532 §3.2 for the rest.
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c),
        false => !c.is_whitespace() && !is_invisible(c),
    }
}

fn domain_problem(domain: &str) -> Option<String> {
    let says = |reason: &str| Some(reason.to_owned());
    if domain.is_empty() {
        return says("there is nothing after the @");
    }
    if domain.starts_with('[') || domain.parse::<std::net::IpAddr>().is_ok() {
        return says("the domain is a network address, not a name");
    }
    // IDNA maps three more characters to the dot (UTS 46 §2.3); all count as one here.
    let dots = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];
    if domain.ends_with(dots) {
        return says("the domain ends with a dot");
    }
    if !domain.contains(dots) {
        return says("the domain has no dot");
    }
    if domain.split(dots).any(str::is_empty) {
        return says("the domain has an empty part");
    }
    domain
        .chars()
        .find(|c| c.is_whitespace() || (c.is_ascii() && !c.is_ascii_alphanumeric() && !"-.".contains(*c)))
        .map(|c| format!("the domain holds \"{}\"", c.escape_debug()))
}

/// ASCII without an encoded label, where talk of international names would only confuse.
fn domain_is_plain(domain: &str) -> bool {
    domain.is_ascii() && !domain.to_ascii_lowercase().split('.').any(|l| l.starts_with("xn--"))
}

fn to_ascii(domain: &str) -> Result<String, &'static str> {
    let labels = || domain.split('.');
    if labels().any(|label| label.starts_with('-') || label.ends_with('-')) {
        return Err("a part of the domain starts or ends with \"-\"");
    }
    if domain.is_ascii() && labels().any(|label| label.len() > 63) {
        return Err("a part of the domain is longer than 63 octets");
    }
    // Hyphens in third and fourth place are in use by real hosts, so only the ends are checked.
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Ignore)
        .map_err(|_| "it has a character or an encoding that IDNA does not allow")?;
    if ascii.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err("a part of it is empty or longer than 63 octets once encoded");
    }
    Ok(ascii.into_owned())
}

/// Characters that show nothing or turn the reading direction.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most 64 escaped characters of untrusted text.
fn excerpt(text: &str) -> String {
    let escaped = |c: char| match c.is_control() || is_invisible(c) {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    let mut out = String::new();
    let mut left = 64_usize;
    for c in text.chars() {
        let piece = escaped(c);
        match left.checked_sub(piece.chars().count()) {
            Some(rest) => left = rest,
            None => {
                out.push('…');
                break;
            }
        }
        out.push_str(&piece);
    }
    out
}

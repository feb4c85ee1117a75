//! Hosts of links: where they lead, and whether they pass for another.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;
use url::{Host, Url};

/// Mail providers whose names are imitated most.
const WELL_KNOWN: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "rocketmail.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "proton.me",
    "protonmail.com",
    "gmx.de",
    "gmx.net",
    "gmx.com",
    "web.de",
    "mail.com",
    "email.com",
    "fastmail.com",
    "zoho.com",
    "yandex.ru",
    "yandex.com",
    "mail.ru",
    "qq.com",
    "163.com",
    "naver.com",
    "posteo.de",
    "mailbox.org",
    "tutanota.com",
];

/// Hosts that lead to wherever whoever made the link wants.
const SHORTENERS: &[&str] = &[
    "bit.ly",
    "t.co",
    "goo.gl",
    "tinyurl.com",
    "ow.ly",
    "is.gd",
    "v.gd",
    "buff.ly",
    "rebrand.ly",
    "lnkd.in",
    "cutt.ly",
    "rb.gy",
    "t.ly",
    "tiny.cc",
    "shorturl.at",
    "adf.ly",
    "bl.ink",
    "dub.sh",
    "s.id",
    "soo.gd",
    "short.io",
    "tr.ee",
    "u.to",
    "urlz.fr",
    "clck.ru",
    "qr.ae",
    "trib.al",
    "x.gd",
];

/// A name shorter than this is near too many others.
const SHORTEST_NEAR: usize = 4;
/// The same for a provider's name, which every recipient's host is held against.
const SHORTEST_WELL_KNOWN: usize = 5;

/// Hosts, prepared for comparing.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts {
    all: HashSet<String>,
    by_skeleton: HashMap<String, String>,
    by_length: HashMap<usize, Vec<String>>,
}

static PROVIDERS: LazyLock<Hosts> = LazyLock::new(|| Hosts::of(WELL_KNOWN.iter().copied(), SHORTEST_WELL_KNOWN));

impl Hosts {
    pub(super) fn new<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Hosts {
        Hosts::of(hosts, SHORTEST_NEAR)
    }

    fn of<'a>(hosts: impl IntoIterator<Item = &'a str>, shortest: usize) -> Hosts {
        let mut prepared = Hosts::default();
        for host in hosts {
            let host = bare(host);
            if host.contains('.') && prepared.all.insert(host.clone()) {
                prepared.by_skeleton.entry(folded(&host)).or_insert_with(|| host.clone());
                if name_of(&host).chars().count() >= shortest {
                    prepared.by_length.entry(host.chars().count()).or_default().push(host);
                }
            }
        }
        prepared
    }

    /// One of them that one change of a letter makes of this.
    fn nearly(&self, host: &str) -> Option<&str> {
        let long = host.chars().count();
        let near = (long.saturating_sub(1)..=long + 1).filter_map(|long| self.by_length.get(&long)).flatten();
        near.map(String::as_str).find(|known| name_of(host).chars().count() + 1 >= SHORTEST_NEAR && within_one(host, known))
    }

    /// One of them whose whole name stands in front of another: `bank.example.evil.test`.
    fn in_front(&self, host: &str) -> Option<&str> {
        let ends = host.match_indices('.').map(|(end, _)| end).skip(1);
        ends.into_iter().find_map(|end| self.all.get(&host[..end])).map(String::as_str)
    }
}

/// The hosts a recipient trusts: those on record, which many messages share, those of the message, and the providers.
#[derive(Debug)]
pub(super) struct Trusted<'a>([&'a Hosts; 3]);

impl<'a> Trusted<'a> {
    pub(super) fn new(on_record: &'a Hosts, of_message: &'a Hosts) -> Trusted<'a> {
        Trusted([on_record, of_message, &PROVIDERS])
    }

    /// Whether it is one of them or below one of them.
    fn has(&self, host: &str) -> bool {
        tails(host).any(|tail| self.0.iter().any(|hosts| hosts.all.contains(tail)))
    }

    /// The host that this one passes for.
    pub(super) fn imitated(&self, host: &str) -> Option<&str> {
        let host = bare(host);
        if self.has(&host) {
            return None;
        }
        tails(&host).find_map(|tail| {
            let skeleton = folded(tail);
            let same = self.0.iter().find_map(|hosts| hosts.by_skeleton.get(&skeleton)).map(String::as_str);
            let nearly = || self.0.iter().find_map(|hosts| hosts.nearly(tail));
            let in_front = || self.0.iter().find_map(|hosts| hosts.in_front(tail));
            same.or_else(nearly).or_else(in_front)
        })
    }
}

fn name_of(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

/// The host and what remains without each of its labels in front, down to two labels.
fn tails(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |tail| tail.split_once('.').map(|(_, rest)| rest)).filter(|tail| tail.contains('.'))
}

/// A host for comparing: lower case, decoded, without `www.` and a dot at the end.
pub(super) fn bare(host: &str) -> String {
    let (decoded, _) = idna::domain_to_unicode(host.trim().trim_end_matches('.'));
    let decoded = decoded.to_lowercase();
    decoded.strip_prefix("www.").map_or(decoded.clone(), str::to_owned)
}

/// What all hosts that look alike have in common (UTS 39, "skeleton"), digits for letters included.
fn folded(host: &str) -> String {
    let digits = |c: char| match c {
        '0' => 'o',
        '1' => 'l',
        '3' => 'e',
        '5' => 's',
        '8' => 'b',
        c => c,
    };
    let plain: String = host.chars().map(digits).collect();
    skeleton(&plain).flat_map(char::to_lowercase).collect::<String>().replace('i', "l")
}

/// Whether one letter added, left out, changed or swapped with its neighbour makes one of the other.
fn within_one(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let front = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[front..], &b[front..]);
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&a[..a.len() - back], &b[..b.len() - back]) {
        ([_], [_] | []) | ([], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// Whether a label of this host mixes scripts that are not written together (UTS 39, 5.1).
pub(super) fn mixes_scripts(host: &str) -> bool {
    bare(host).split('.').any(|label| !label.is_single_script())
}

/// Whether it hides where it leads.
pub(super) fn is_shortener(host: &str) -> bool {
    SHORTENERS.contains(&bare(host).as_str())
}

/// The link as a browser reads it, where it leads to a web page.
pub(super) fn web(target: &str) -> Option<Url> {
    Url::parse(target.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// The host in words, where the link names one.
pub(super) fn named(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain(host) => Some(bare(host)),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// The addresses a `mailto:` writes to, lower case.
pub(super) fn mailed(target: &str) -> Vec<String> {
    let Ok(url) = Url::parse(target.trim()) else { return vec![] };
    if url.scheme() != "mailto" {
        return vec![];
    }
    let more =
        url.query_pairs().filter(|(name, _)| matches!(name.to_ascii_lowercase().as_str(), "to" | "cc" | "bcc")).map(|(_, value)| value.into_owned());
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
    let all: Vec<String> = std::iter::once(path).chain(more).collect();
    all.iter().flat_map(|list| list.split([',', ';'])).map(|one| one.trim().to_lowercase()).filter(|one| one.contains('@')).collect()
}

/// Characters that take no room and would cut an address or a word in two.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{FE0E}' | '\u{FE0F}')
}

/// What a reader takes for an address in the words of a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A host.
    Host(String),
    /// A mail address.
    Mail(String),
}

/// Endings of files that would pass for those of hosts.
const FILES: &[&str] = &[
    "js", "ts", "py", "md", "rs", "cs", "gz", "vb", "ps", "pl", "sh", "pdf", "zip", "csv", "txt", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "png",
    "jpg", "jpeg", "gif", "svg", "html", "htm", "json", "xml", "yaml", "yml", "toml", "php", "java", "exe", "dmg", "iso", "tar", "mp3", "mp4", "mov",
    "ics", "eml", "log", "sql", "css",
];

/// The addresses that words name: with a scheme, as `bank.example`, or as `a@bank.example`.
pub(super) fn named_in(words: &str) -> Vec<Named> {
    let visible: String = words.chars().filter(|c| !is_unseen(*c)).collect();
    visible.split(|c: char| c.is_whitespace() || "<>\"\u{201C}\u{201D}\u{201E}()[]{},;|\u{00AB}\u{00BB}".contains(c)).filter_map(one_named).collect()
}

fn one_named(word: &str) -> Option<Named> {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
    if let Some(url) = web(word) {
        return named(&url).map(Named::Host);
    }
    let (before, host) = match word.split_once('@') {
        Some((local, host)) => (Some(local), host),
        None => (None, word.split(['/', '?', '#', ':']).next().unwrap_or_default()),
    };
    let labels: Vec<&str> = host.split('.').collect();
    let top = labels.last()?.to_lowercase();
    let fits = labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
        && (2..=24).contains(&top.chars().count())
        && top.chars().all(char::is_alphabetic);
    if !fits {
        return None;
    }
    if let Some(local) = before {
        return (!local.is_empty()).then(|| Named::Mail(format!("{}@{}", local.to_lowercase(), bare(host))));
    }
    let is_www = labels.first().is_some_and(|first| first.eq_ignore_ascii_case("www"));
    // "Node.js", "ASP.NET", "Prices.Today", "z.B": words, not hosts.
    let last = labels.last()?;
    let capitalised = last.chars().next().is_some_and(char::is_uppercase) && last.chars().skip(1).any(char::is_lowercase);
    let is_file = FILES.contains(&top.as_str()) || ["asp.net", "vb.net"].iter().any(|name| host.eq_ignore_ascii_case(name));
    let abbreviation = labels.iter().all(|label| label.chars().count() <= 2);
    (is_www || !(capitalised || is_file || abbreviation && labels.len() == 2 && host.chars().any(char::is_uppercase)))
        .then(|| Named::Host(bare(host)))
}

/// Whether both belong together: the same, or one below the other.
pub(super) fn agree(named: &str, target: &str) -> bool {
    let below = |one: &str, other: &str| one.strip_suffix(other).is_some_and(|front| front.ends_with('.')) && other.contains('.');
    named == target || below(target, named) || below(named, target)
}

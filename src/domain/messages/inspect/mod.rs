//! What a reviewer would not see by reading: hidden text, links that lead elsewhere, imitated
//! hosts, letters that pass for others, parts that differ. Pure, in linear time.

mod hosts;
mod letters;
mod look;
mod parts;
mod reading;

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::Content;
use crate::domain::ids::sha256_hex;
use crate::text_enum;

use hosts::{Hosts, Named, Trusted};
use reading::Reading;

/// Most findings of one kind that are listed one by one; more are one finding.
const MOST_OF_A_KIND: usize = 40;
/// Text below so many empty lines is out of sight.
const FAR_BELOW: usize = 30;

text_enum!(
    /// What a finding is about.
    pub enum Kind {
        /// Text that the recipient's program has and the reader does not see.
        HiddenText => "hidden_text",
        /// Characters that no screen shows, or that turn the direction of reading.
        InvisibleCharacters => "invisible_characters",
        /// A link whose words name another address than it leads to.
        LinkText => "link_text",
        /// A host that passes for one the recipient trusts.
        LookAlikeHost => "look_alike_host",
        /// Letters of one script among those of another.
        MixedScripts => "mixed_scripts",
        /// Text and HTML say different things.
        PartsDiffer => "parts_differ",
        /// A link to a bare IP address.
        RawAddress => "raw_address",
        /// A link that hides where it leads.
        Shortener => "shortener",
        /// A link without encryption.
        PlainHttp => "plain_http",
        /// Pictures that are fetched when the message is opened.
        RemoteImages => "remote_images",
    }
);

impl Kind {
    /// The words on a page.
    pub fn label(self) -> &'static str {
        match self {
            Kind::HiddenText => "Hidden text",
            Kind::InvisibleCharacters => "Invisible characters",
            Kind::LinkText => "Link that leads elsewhere",
            Kind::LookAlikeHost => "Look-alike address",
            Kind::MixedScripts => "Mixed alphabets",
            Kind::PartsDiffer => "Text and HTML differ",
            Kind::RawAddress => "Link to a bare IP address",
            Kind::Shortener => "Shortened link",
            Kind::PlainHttp => "Link without encryption",
            Kind::RemoteImages => "Remote images",
        }
    }
}

text_enum!(
    /// Where a finding stands.
    pub enum Place {
        /// The name of the sender or the recipient, or the recipient's address.
        Header => "header",
        /// The subject.
        Subject => "subject",
        /// The plain text.
        Text => "text",
        /// The HTML.
        Html => "html",
    }
);

impl Place {
    /// The words on a page.
    pub fn label(self) -> &'static str {
        match self {
            Place::Header => "header",
            Place::Subject => "subject",
            Place::Text => "text",
            Place::Html => "HTML",
        }
    }
}

/// Something in a message that reading it does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The same for the same kind and words in any version: what is ticked.
    pub key: String,
    /// What it is about.
    pub kind: Kind,
    /// Where it stands.
    pub places: Vec<Place>,
    /// The words it is about, at most 200 characters.
    pub words: String,
    /// Why it is told, in a sentence.
    pub why: String,
}

impl Finding {
    /// Whether somebody must tick it before the message can be approved. The others are told only.
    pub fn needs_tick(&self) -> bool {
        !matches!(self.kind, Kind::PlainHttp | Kind::RemoteImages)
    }

    /// Where it stands, in words.
    pub fn places_label(&self) -> String {
        self.places.iter().map(|place| place.label()).collect::<Vec<_>>().join(", ")
    }
}

/// The remote pictures of an HTML part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RemoteImages {
    /// How many.
    pub count: usize,
    /// From which hosts, each once, in order.
    pub hosts: Vec<String>,
}

/// The pictures that would be fetched from elsewhere.
pub fn remote_images(html: &str) -> RemoteImages {
    images_of(&reading::read(html))
}

fn images_of(html: &Reading) -> RemoteImages {
    let mut images = RemoteImages::default();
    for url in html.pictures.iter().filter_map(|picture| hosts::web(picture)) {
        images.count += 1;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !images.hosts.contains(&host) && images.hosts.len() < 100 {
            images.hosts.push(host);
        }
    }
    images
}

/// What the texts standing for pictures say, for whoever compares messages.
pub(super) fn asides(html: &str) -> Vec<String> {
    reading::read(html).asides
}

/// The hosts that recipients know, prepared once for many messages.
#[derive(Debug, Clone)]
pub struct Known(Hosts);

impl Known {
    /// Of the allowed links and the company.
    pub fn new(hosts: &[String]) -> Known {
        Known(Hosts::new(hosts.iter().map(String::as_str)))
    }
}

/// Looks through a message.
pub fn inspect(content: &Content, known: &Known) -> Vec<Finding> {
    let sender = host_of(&content.from_address);
    let recipient = host_of(&content.to_address);
    let (of_sender, of_both) = (Hosts::new([sender]), Hosts::new([sender, recipient]));
    let mut found = Found::default();
    for name in std::iter::once(&content.from_name).chain(&content.to_name) {
        found.letters(Place::Header, name);
    }
    found.host(Place::Header, recipient, &content.to_address, &Trusted::new(&known.0, &of_sender));
    found.letters(Place::Subject, &content.subject);
    let known = Trusted::new(&known.0, &of_both);
    found.letters(Place::Text, &content.text_body);
    found.far_below(Place::Text, &content.text_body);
    found.addresses_in(Place::Text, &content.text_body, &known);
    if let Some(html) = &content.html_body {
        let html = reading::read(html);
        found.html(&html, &known);
        if let Some((text, html)) = parts::difference(&content.text_body, &html) {
            found.parts(&text, &html);
        }
    }
    found.finish()
}

fn host_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, host)| host)
}

#[derive(Default)]
struct Found {
    /// By kind and words, in the order in which they were found.
    all: BTreeMap<(Kind, String), (usize, Vec<Place>, String)>,
    /// Hosts that were looked at in this place.
    seen: HashSet<(Place, String)>,
}

impl Found {
    fn add(&mut self, kind: Kind, place: Place, words: &str, why: impl Into<String>) {
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let next = self.all.len();
        let (_, places, _) = self.all.entry((kind, words)).or_insert_with(|| (next, vec![], why.into()));
        if !places.contains(&place) {
            places.push(place);
        }
    }

    fn letters(&mut self, place: Place, text: &str) {
        for found in letters::invisible(text) {
            self.add(Kind::InvisibleCharacters, place, &found.words, found.why);
        }
        for word in letters::mixed(text) {
            self.add(Kind::MixedScripts, place, word, "It has letters of one alphabet that pass for those of another.");
        }
    }

    fn far_below(&mut self, place: Place, text: &str) {
        let mut empty = 0;
        let mut above = false;
        for line in text.lines() {
            if !line.chars().any(char::is_alphanumeric) {
                empty += 1;
                continue;
            }
            if above && empty >= FAR_BELOW {
                self.add(Kind::HiddenText, place, line, format!("It stands below {empty} empty lines, out of sight."));
            }
            (empty, above) = (0, true);
        }
    }

    /// A host, whether it passes for another and how its labels are written.
    fn host(&mut self, place: Place, host: &str, words: &str, known: &Trusted<'_>) {
        if host.is_empty() || !self.seen.insert((place, hosts::bare(host))) {
            return;
        }
        let shown = hosts::bare(host);
        if let Some(imitated) = known.imitated(host) {
            self.add(Kind::LookAlikeHost, place, words, format!("{shown} passes for {imitated} and is another."));
        } else if hosts::mixes_scripts(host) {
            self.add(Kind::MixedScripts, place, &shown, "The name of the host mixes alphabets that are not written together.");
        }
    }

    /// A link to a web page.
    fn web_link(&mut self, place: Place, target: &str, known: &Trusted<'_>) {
        let Some(url) = hosts::web(target) else { return };
        let host = url.host_str().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() {
            self.add(Kind::LinkText, place, target, format!("What stands before the @ is not where it leads: it leads to {host}."));
        }
        match hosts::named(&url) {
            None => self.add(Kind::RawAddress, place, target, format!("It leads to the computer with the number {host}, which names nobody.")),
            Some(_) if hosts::is_shortener(host) => self.add(Kind::Shortener, place, target, format!("{host} hides where it leads.")),
            Some(_) => self.host(place, host, target, known),
        }
        if url.scheme() == "http" {
            self.add(Kind::PlainHttp, place, target, "It is opened without encryption; https is not.");
        }
    }

    fn addresses_in(&mut self, place: Place, text: &str, known: &Trusted<'_>) {
        for word in text.split(|c: char| c.is_whitespace() || "<>\"()[]|".contains(c)) {
            let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'']);
            if word.contains("://") {
                self.web_link(place, &word[word.find("http").unwrap_or(0)..], known);
            } else if word.contains('@') || word.starts_with("www.") {
                for named in hosts::named_in(word) {
                    match named {
                        Named::Host(host) => self.host(place, &host, word, known),
                        Named::Mail(mail) => self.host(place, host_of(&mail), word, known),
                    }
                }
            }
        }
    }

    fn html(&mut self, html: &Reading, known: &Trusted<'_>) {
        let whole = html.whole();
        self.letters(Place::Html, &whole);
        self.far_below(Place::Html, &whole);
        for aside in &html.asides {
            self.letters(Place::Html, aside);
        }
        for stretch in &html.stretches {
            if let Some(why) = stretch.unseen.as_ref().filter(|_| stretch.text.chars().any(char::is_alphanumeric)) {
                self.add(Kind::HiddenText, Place::Html, &stretch.text, why.clone());
            }
        }
        for link in &html.links {
            self.link_words(&link.shown, &link.target);
            self.web_link(Place::Html, &link.target, known);
            for mail in hosts::mailed(&link.target) {
                self.host(Place::Html, host_of(&mail), &link.target, known);
            }
        }
        let images = images_of(html);
        if images.count > 0 {
            let many = if images.count == 1 { "1 image is".to_owned() } else { format!("{} images are", images.count) };
            let why = format!("{many} fetched when the message is opened, which tells the sender so.");
            self.add(Kind::RemoteImages, Place::Html, &images.hosts.join(", "), why);
        }
        for picture in html.pictures.iter().filter(|picture| picture.starts_with("http")) {
            if let Some(host) = hosts::web(picture).and_then(|url| hosts::named(&url)) {
                self.host(Place::Html, &host, picture, known);
            }
        }
    }

    /// Whether the words of a link name another address than it leads to.
    fn link_words(&mut self, shown: &str, target: &str) {
        let mails = hosts::mailed(target);
        let host = hosts::web(target).map(|url| hosts::named(&url).unwrap_or_else(|| url.host_str().unwrap_or_default().to_owned()));
        if mails.is_empty() && host.is_none() {
            return;
        }
        let leads_to = host.clone().unwrap_or_else(|| mails.join(", "));
        for named in hosts::named_in(shown) {
            let (fits, said) = match &named {
                Named::Host(said) => {
                    (host.iter().map(String::as_str).chain(mails.iter().map(|mail| host_of(mail))).any(|there| hosts::agree(said, there)), said)
                }
                Named::Mail(said) => (
                    mails.iter().all(|mail| mail == said) && !mails.is_empty()
                        || host.as_deref().is_some_and(|there| hosts::agree(host_of(said), there)),
                    said,
                ),
            };
            if !fits {
                self.add(
                    Kind::LinkText,
                    Place::Html,
                    &format!("{said} \u{2192} {leads_to}"),
                    format!("The link says {said} and leads to {leads_to}."),
                );
            }
        }
    }

    fn parts(&mut self, text: &[String], html: &[String]) {
        let list = |words: &[String]| if words.is_empty() { "nothing more".to_owned() } else { format!("\u{201C}{}\u{201D}", words.join(" ")) };
        let words = format!("text: {}; HTML: {}", list(text), list(html));
        self.add(Kind::PartsDiffer, Place::Text, &words, "Who reads the plain text reads something else than who sees the HTML.");
        self.add(Kind::PartsDiffer, Place::Html, &words, "");
    }

    fn finish(self) -> Vec<Finding> {
        let mut all: Vec<_> = self.all.into_iter().collect();
        all.sort_by_key(|((kind, _), (order, _, _))| (*kind, *order));
        let mut findings: Vec<Finding> = vec![];
        let mut rest: BTreeMap<Kind, (usize, String, Vec<Place>)> = BTreeMap::new();
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for ((kind, words), (_, places, why)) in all {
            let count = counts.entry(kind).or_default();
            *count += 1;
            if *count > MOST_OF_A_KIND {
                let (more, joined, there) = rest.entry(kind).or_default();
                *more += 1;
                joined.push_str(&words);
                joined.push('\n');
                there.extend(places);
                continue;
            }
            let key = key(kind, &words);
            findings.push(Finding { key, kind, places, words: shortened(&words), why });
        }
        for (kind, (more, joined, mut places)) in rest {
            places.sort();
            places.dedup();
            let why = format!("There are {more} more of this kind: nobody can look at all of them here.");
            findings.push(Finding { key: key(kind, &joined), kind, places, words: shortened(&joined), why });
        }
        // Those that need a tick first, the rest below.
        findings.sort_by_key(|finding| !finding.needs_tick());
        findings
    }
}

fn key(kind: Kind, words: &str) -> String {
    sha256_hex(format!("{kind}\n{words}").as_bytes()).chars().take(16).collect()
}

fn shortened(words: &str) -> String {
    let mut short: String = words.chars().take(200).collect();
    if short.len() < words.len() {
        short.push('\u{2026}');
    }
    short
}

//! HTML as a recipient would see it: stretches of text with the look they have, links, pictures.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::look::Look;

/// Deepest nesting followed; what is nested deeper has the look of its surroundings.
const DEEPEST: usize = 1000;

/// Text with the same look.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    /// The text, as written.
    pub(super) text: String,
    /// Why nobody would see it.
    pub(super) unseen: Option<String>,
}

/// A link and what it shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Link {
    /// Where it leads.
    pub(super) target: String,
    /// What it shows, texts of pictures included.
    pub(super) shown: String,
}

/// What an HTML part holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// The text in order; a block ends with a line break.
    pub(super) stretches: Vec<Stretch>,
    /// The links.
    pub(super) links: Vec<Link>,
    /// Addresses of pictures.
    pub(super) pictures: Vec<String>,
    /// Texts that stand for pictures, and hints that show under the pointer.
    pub(super) asides: Vec<String>,
}

impl Reading {
    /// The text that can be seen.
    pub(super) fn seen(&self) -> String {
        self.stretches.iter().filter(|stretch| stretch.unseen.is_none()).map(|stretch| stretch.text.as_str()).collect()
    }

    /// All text.
    pub(super) fn whole(&self) -> String {
        self.stretches.iter().map(|stretch| stretch.text.as_str()).collect()
    }
}

/// Reads an HTML part. It was cleaned, so its tags are balanced; text that never was is read as well as it can be.
pub(super) fn read(html: &str) -> Reading {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.0.into_inner().reading
}

#[derive(Default)]
struct Reader(RefCell<Progress>);

#[derive(Default)]
struct Progress {
    reading: Reading,
    open: Vec<(String, Look)>,
    /// The link that is open, by its place.
    link: Option<usize>,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut progress = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => progress.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => progress.start(&tag),
            Token::TagToken(tag) => progress.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

const VOID: &[&str] = &["area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark", "q", "rp", "rt", "rtc",
    "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "img",
];

impl Progress {
    fn look(&self) -> Look {
        self.open.last().map(|(_, look)| look.clone()).unwrap_or_default()
    }

    fn text(&mut self, text: &str) {
        let unseen = self.open.last().and_then(|(_, look)| look.unseen());
        if let Some(link) = self.link.and_then(|at| self.reading.links.get_mut(at)) {
            link.shown.push_str(text);
        }
        // Line breaks of the source are spaces; those that are seen come from blocks.
        self.push(&text.replace(['\n', '\r', '\t'], " "), unseen);
    }

    fn push(&mut self, text: &str, unseen: Option<String>) {
        match self.reading.stretches.last_mut() {
            Some(last) if last.unseen == unseen || text.trim().is_empty() => last.text.push_str(text),
            _ => self.reading.stretches.push(Stretch { text: text.to_owned(), unseen }),
        }
    }

    fn block(&mut self, name: &str) {
        let ended = self.reading.stretches.last().is_none_or(|last| last.text.trim_end_matches(' ').ends_with('\n'));
        if !INLINE.contains(&name) && (name == "br" || !ended) {
            self.push("\n", None);
        }
    }

    fn start(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        self.block(name);
        let get = |wanted: &str| tag.attrs.iter().find(|attribute| &*attribute.name.local == wanted).map(|attribute| attribute.value.trim());
        if let Some(title) = get("title") {
            self.reading.asides.push(title.to_owned());
        }
        if name == "img" {
            self.reading.pictures.extend(get("src").map(str::to_owned));
            if let Some(alt) = get("alt") {
                self.reading.asides.push(alt.to_owned());
                if let Some(link) = self.link.and_then(|at| self.reading.links.get_mut(at)) {
                    link.shown.push(' ');
                    link.shown.push_str(alt);
                    link.shown.push(' ');
                }
            }
        }
        if name == "a"
            && let Some(target) = get("href")
        {
            self.reading.links.push(Link { target: target.to_owned(), shown: String::new() });
            self.link = Some(self.reading.links.len() - 1);
        }
        if !VOID.contains(&name) && self.open.len() < DEEPEST {
            let mut look = self.look();
            look.enter(name, &get);
            self.open.push((name.to_owned(), look));
        }
    }

    fn end(&mut self, name: &str) {
        self.block(name);
        if name == "a" {
            self.link = None;
        }
        // Only the nearest elements are searched, so that ends without a start cost nothing.
        if let Some(back) = self.open.iter().rev().take(32).position(|(open, _)| open == name) {
            self.open.truncate(self.open.len() - back - 1);
        }
    }
}

//! Words, languages and stems.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use super::words::{EVERYDAY, STOP};

/// More words than this say nothing further, and a pasted log must not cost seconds.
const MAX_TOKENS: usize = 2000;
/// Longer runs of letters are codes and addresses, not words.
const MAX_WORD: usize = 40;

/// The languages with a stemmer, in the order of the word lists.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Also whatever is too short to tell.
    #[default]
    English,
    /// With compounds.
    German,
    /// With elisions, which the word split takes off.
    French,
    /// Accents optional.
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    fn stemmer(self) -> Stemmer {
        Stemmer::create(match self {
            Self::English => Algorithm::English,
            Self::German => Algorithm::German,
            Self::French => Algorithm::French,
            Self::Spanish => Algorithm::Spanish,
        })
    }
}

/// What a word can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing by itself: "the", "500".
    Stop,
    /// Little: "month", "customer".
    Everyday,
    /// What it means.
    Plain,
}

/// A word of a text.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its stem in the language of the text.
    pub stem: String,
    /// What it can say.
    pub kind: Kind,
    /// Where it stands in the text.
    pub span: Range<usize>,
    /// The number of its sentence.
    pub sentence: usize,
}

impl Token {
    /// Whether it says anything.
    pub fn is_content(&self) -> bool {
        self.kind != Kind::Stop
    }
}

static STOPS: LazyLock<[HashSet<&'static str>; 4]> = LazyLock::new(|| STOP.map(|list| list.split_whitespace().collect()));

/// The everyday stems under each stemmer: of all four lists, as people mix languages.
static EVERYDAYS: LazyLock<[HashSet<String>; 4]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        let stemmer = language.stemmer();
        EVERYDAY.iter().flat_map(|list| list.split_whitespace()).map(|word| stem(&stemmer, language, word)).collect()
    })
});

/// The language whose stop words the text uses most, if one leads.
pub fn detect(text: &str) -> Option<Language> {
    let mut counts = [0_usize; 4];
    for (span, _) in spans(text) {
        let word = text[span].to_lowercase();
        for (count, stops) in counts.iter_mut().zip(STOPS.iter()) {
            *count += usize::from(stops.contains(word.as_str()));
        }
    }
    let best = counts.into_iter().max().filter(|best| *best > 0)?;
    let mut leading = Language::ALL.into_iter().zip(counts).filter(|(_, count)| *count == best);
    leading.next().filter(|_| leading.next().is_none()).map(|(language, _)| language)
}

/// Reads texts in one language, remembering the words it met.
pub struct Reader {
    language: Language,
    stemmer: Stemmer,
    known: HashMap<String, (String, Kind)>,
}

impl Reader {
    /// A reader of that language.
    pub fn new(language: Language) -> Self {
        Self { language, stemmer: language.stemmer(), known: HashMap::new() }
    }

    /// The words of a text with their stems.
    pub fn tokens(&mut self, text: &str) -> Vec<Token> {
        let read = |(span, sentence): (Range<usize>, usize)| {
            let word = text[span.clone()].to_lowercase();
            let (stem, kind) = match self.known.get(&word) {
                Some(known) => known.clone(),
                None => {
                    let new = self.read(&word);
                    self.known.insert(word, new.clone());
                    new
                }
            };
            Token { stem, kind, span, sentence }
        };
        spans(text).map(read).collect()
    }

    fn read(&self, word: &str) -> (String, Kind) {
        // Stop words of all four languages, as customers quote labels in another one.
        let small = word.chars().nth(1).is_none() || word.bytes().all(|byte| byte.is_ascii_digit());
        if small || STOPS.iter().any(|stops| stops.contains(word)) {
            return (word.to_owned(), Kind::Stop);
        }
        let stem = stem(&self.stemmer, self.language, word);
        let kind = if EVERYDAYS[self.language as usize].contains(&stem) { Kind::Everyday } else { Kind::Plain };
        (stem, kind)
    }
}

/// The words of a text with their stems.
pub fn tokens(text: &str, language: Language) -> Vec<Token> {
    Reader::new(language).tokens(text)
}

/// Replaces long German words by the known words in them: "Rechnungsexport" says invoice and export.
pub fn split_compounds(text: &str, tokens: Vec<Token>, known: impl Fn(&str) -> bool) -> Vec<Token> {
    let stemmer = Language::German.stemmer();
    let split = |token: &Token| -> Option<Vec<Token>> {
        let word = text[token.span.clone()].to_lowercase();
        if token.kind != Kind::Plain || word.chars().count() < 9 || known(&token.stem) {
            return None;
        }
        let part = |letters: &str| Some(stem(&stemmer, Language::German, letters)).filter(|stem| known(stem));
        let as_token = |stem: String| {
            let kind = if EVERYDAYS[Language::German as usize].contains(&stem) { Kind::Everyday } else { Kind::Plain };
            Token { stem, kind, ..token.clone() }
        };
        let cuts: Vec<(&str, &str)> =
            word.char_indices().skip(4).map(|(at, _)| word.split_at(at)).filter(|(_, tail)| tail.chars().count() >= 4).collect();
        if let Some(both) = cuts.iter().find_map(|(head, tail)| Some(vec![as_token(part(head)?), as_token(part(tail)?)])) {
            return Some(both);
        }
        // One known half must be long, or chance finds it. The last word of a compound names the thing, so it goes first.
        let long = |letters: &str| letters.chars().count() >= 5;
        let tail = cuts.iter().filter(|(_, tail)| long(tail)).find_map(|(_, tail)| part(tail));
        let one = tail.or_else(|| cuts.iter().rev().filter(|(head, _)| long(head)).find_map(|(head, _)| part(head)))?;
        Some(vec![as_token(one)])
    };
    tokens.into_iter().flat_map(|token| split(&token).unwrap_or_else(|| vec![token])).collect()
}

/// The words of a text: where each stands, and in which sentence.
fn spans(text: &str) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
    let mut chars = text.char_indices().peekable();
    let mut sentence = 0;
    std::iter::from_fn(move || {
        while let Some((start, c)) = chars.next() {
            if c.is_alphanumeric() {
                let mut end = start + c.len_utf8();
                while let Some((at, c)) = chars.next_if(|(_, c)| c.is_alphanumeric()) {
                    end = at + c.len_utf8();
                }
                return Some((start..end, sentence));
            }
            // "make.com" and "1.5" go on; a stop before a space ends the sentence.
            let ends = matches!(c, '.' | '!' | '?' | ';' | ':') && chars.peek().is_none_or(|(_, next)| !next.is_alphanumeric());
            sentence += usize::from(ends);
        }
        None
    })
    .filter(|(span, _)| span.len() <= MAX_WORD)
    .take(MAX_TOKENS)
}

fn stem(stemmer: &Stemmer, language: Language, word: &str) -> String {
    let stem: String = stemmer.stem(word).chars().map(fold).collect();
    // German writes ü as ue where a keyboard lacks it.
    if language == Language::German && stem.contains('e') { stem.replace("ae", "a").replace("oe", "o").replace("ue", "u") } else { stem }
}

/// The letter without its accent, as many customers type it.
fn fold(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        _ => c,
    }
}

/// Whether a phrase holds more than stop words.
pub fn says_something(phrase: &str) -> bool {
    tokens(phrase, Language::English).iter().any(Token::is_content)
}

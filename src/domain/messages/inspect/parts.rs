//! Whether the text part and the HTML part say the same.

use std::collections::{HashMap, HashSet};

use icu_normalizer::ComposingNormalizerBorrowed;

use super::hosts;
use super::reading::Reading;

/// How many words of a difference are shown.
const SHOWN: usize = 8;

/// The first words that only one part has, where the parts say different things.
pub(super) fn difference(text: &str, html: &Reading) -> Option<(Vec<String>, Vec<String>)> {
    let targets: HashSet<String> = html.links.iter().map(|link| without_scheme(&link.target)).collect();
    let pictures: HashSet<String> = html.asides.iter().flat_map(|aside| words(aside, &targets)).collect();
    let (mut a, mut b) = (words(&without_fences(text), &targets), words(&html.seen(), &targets));
    let said = run(&a);
    // Hidden text is told apart; a text part that has it differs no further.
    if said == run(&b) || said == run(&words(&html.whole(), &targets)) {
        return None;
    }
    // Words that stand for a picture may stand in the text.
    if !pictures.is_empty() {
        let there: HashSet<&String> = b.iter().collect();
        let kept: Vec<String> = a.iter().filter(|word| !pictures.contains(*word) || there.contains(word)).cloned().collect();
        if run(&kept) == run(&b) {
            return None;
        }
        a = kept;
    }
    let front = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    a.drain(..front);
    b.drain(..front);
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    a.truncate(a.len() - back);
    b.truncate(b.len() - back);
    let (only_a, only_b) = (missing(&a, &b), missing(&b, &a));
    // The same words in another order say something else too.
    if only_a.is_empty() && only_b.is_empty() {
        return Some((a.into_iter().take(SHOWN).collect(), b.into_iter().take(SHOWN).collect()));
    }
    Some((only_a, only_b))
}

/// The text without the lines around code: the HTML shows the code and not which language it is in.
fn without_fences(text: &str) -> String {
    let is_fence = |line: &&str| {
        let language = line.trim().strip_prefix("```");
        language.is_some_and(|word| word.len() <= 20 && word.chars().all(|c| c.is_ascii_alphanumeric()))
    };
    text.lines().filter(|line| !is_fence(line)).collect::<Vec<_>>().join("\n")
}

/// The words of one that the other lacks.
fn missing(of: &[String], other: &[String]) -> Vec<String> {
    let mut left: HashMap<&String, usize> = HashMap::new();
    for word in other {
        *left.entry(word).or_default() += 1;
    }
    let lacks = |word: &&String| match left.get_mut(*word) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    of.iter().filter(lacks).take(SHOWN).cloned().collect()
}

/// The words without the spaces between them, which some scripts do not write; numbers stay apart.
fn run(words: &[String]) -> String {
    let mut run = String::new();
    for word in words {
        if run.ends_with(|c: char| c.is_numeric()) && word.starts_with(|c: char| c.is_numeric()) {
            run.push(' ');
        }
        run.push_str(word);
    }
    run
}

fn without_scheme(target: &str) -> String {
    let bare = target.trim().trim_start_matches("mailto:");
    bare.split_once("://").map_or(bare, |(_, rest)| rest).trim_start_matches("www.").trim_end_matches('/').to_lowercase()
}

/// The words for comparing: lower case, without links, marks and the numbers of list items.
fn words(text: &str, targets: &HashSet<String>) -> Vec<String> {
    let text = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    // Most words have no sign of an address, and nearly all targets have one.
    let signs = [':', '.', '/', '@'];
    let any_word = targets.iter().any(|target| !target.contains(signs));
    let mut words = vec![];
    for line in text.lines() {
        for (place, word) in line.split_whitespace().enumerate() {
            let numbers_item = place == 0 && word.ends_with(['.', ')']) && word.trim_end_matches(['.', ')']).chars().all(|c| c.is_ascii_digit());
            if numbers_item {
                continue;
            }
            let (before, after) = around_link(word);
            for piece in [before, after] {
                let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
                let may_be_one = !targets.is_empty() && (any_word || bare.contains(signs));
                if !may_be_one || !targets.contains(&without_scheme(bare)) {
                    push_words(piece, &mut words);
                }
            }
        }
    }
    words
}

/// What stands before and behind a web address inside a word.
fn around_link(word: &str) -> (&str, &str) {
    if !word.contains([':', '.']) {
        return (word, "");
    }
    let lower = word.to_ascii_lowercase();
    let Some(start) = ["https://", "http://", "mailto:", "www."].iter().filter_map(|scheme| lower.find(scheme)).min() else { return (word, "") };
    let end = word[start..].find([')', ']', '>', '"', '|']).map_or(word.len(), |end| start + end);
    (&word[..start], &word[end..])
}

fn push_words(piece: &str, words: &mut Vec<String>) {
    let chars: Vec<char> = piece.chars().filter(|c| !hosts::is_unseen(*c)).flat_map(char::to_lowercase).collect();
    let mut word = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_numeric());
        let between = digit(at.checked_sub(1)) && digit(Some(at + 1));
        let kept = c.is_alphanumeric()
            || "%\u{20AC}$\u{A3}\u{A5}".contains(c)
            || ".,:".contains(c) && between
            || "-+\u{2212}".contains(c) && word.is_empty() && digit(Some(at + 1));
        if kept {
            word.push(c);
        } else if !"'\u{2019}\u{2018}`*_".contains(c) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
}

//! Differences by word, for people.

use similar::{ChangeTag, TextDiff};

/// A stretch of text that stayed, came or went.
#[derive(Debug, PartialEq, Eq)]
pub struct Stretch {
    /// "same", "added" or "removed".
    pub kind: &'static str,
    /// The words.
    pub text: String,
}

/// The difference of two texts, neighbouring stretches of one kind joined.
pub fn words(before: &str, after: &str) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = vec![];
    let diff = TextDiff::from_words(before, after);
    for change in diff.iter_all_changes() {
        let kind = match change.tag() {
            ChangeTag::Equal => "same",
            ChangeTag::Insert => "added",
            ChangeTag::Delete => "removed",
        };
        match stretches.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(change.value()),
            _ => stretches.push(Stretch { kind, text: change.value().to_owned() }),
        }
    }
    stretches
}

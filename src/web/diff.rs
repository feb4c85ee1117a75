//! Differences by word, for people.

use similar::{ChangeTag, TextDiff};

use crate::domain::messages::{VersionRow, markup};

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

/// What changed since an earlier version, by word.
pub struct Changes {
    /// Since which.
    pub title: String,
    /// Of the subject.
    pub subject: Vec<Stretch>,
    /// Of the text.
    pub text: Vec<Stretch>,
    /// Of the HTML, where it changed and the text did not.
    pub html: Vec<Stretch>,
}

impl Changes {
    /// The difference of two versions.
    pub fn since(title: impl Into<String>, before: &VersionRow, now: &VersionRow) -> Self {
        let read = |version: &VersionRow| version.html_body.as_deref().map(markup::to_text).unwrap_or_default();
        let html_alone = before.text_body == now.text_body && before.html_body != now.html_body;
        Changes {
            title: title.into(),
            subject: words(&before.subject, &now.subject),
            text: words(&before.text_body, &now.text_body),
            html: if html_alone { words(&read(before), &read(now)) } else { vec![] },
        }
    }
}

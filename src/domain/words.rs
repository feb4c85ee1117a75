//! What somebody searches for: from their text to words that both databases understand alike.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::error::{Error, Result};

/// Longest search, in characters.
const LONGEST: usize = 200;

/// Most words of a search.
const MOST: usize = 10;

/// The search index of either database takes these for parts of a word. SQLite's tables are those of Unicode 6.1:
/// what became a letter later parts words there, and must part them here, for its index knows no words side by side.
#[expect(clippy::expect_used, reason = "the pattern is part of the code")]
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[[[\p{L}\p{Nd}]&&\p{Age=6.1}]--[\x{19B0}-\x{19C9}\x{1CF2}\x{1CF3}]]+").expect("the pattern is right"));

/// The words in lower case, each once. Everything but letters and digits parts them.
pub(super) fn of(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut words: Vec<String> = vec![];
    for word in WORD.find_iter(&lower).map(|word| word.as_str()) {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// The same of a search that has an end.
pub(super) fn split(text: &str) -> Result<Vec<String>> {
    let length = text.chars().count();
    if length > LONGEST {
        return Err(Error::invalid("search_too_long", "q", format!("Search for at most {LONGEST} characters; got {length}. Leave some out.")));
    }
    let words = of(text);
    if words.len() > MOST {
        return Err(Error::invalid("search_too_long", "q", format!("Search for at most {MOST} words; got {}. Leave some out.", words.len())));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_letters_and_digits_parts_words() {
        assert_eq!(split("Ana@Example.com").unwrap(), ["ana", "example", "com"]);
        assert_eq!(split("\"NEAR(a* b)\" -c:d Ärger 48,210").unwrap(), ["near", "a", "b", "c", "d", "ärger", "48", "210"]);
        assert_eq!(split("again Again AGAIN").unwrap(), ["again"]);
        assert!(split(" \"* ' & | ! ( ) : ").unwrap().is_empty());
    }

    #[test]
    fn a_search_has_an_end() {
        assert!(split(&"ä".repeat(200)).is_ok());
        assert_eq!(split(&"ä".repeat(201)).unwrap_err().code, "search_too_long");
        assert!(split("1 2 3 4 5 6 7 8 9 10").is_ok());
        assert_eq!(split("1 2 3 4 5 6 7 8 9 10 11").unwrap_err().code, "search_too_long");
    }
}

//! Which product updates answer what a customer asked for.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;

/// An update as the ranking reads it.
#[derive(Debug, Clone)]
pub struct UpdateText {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// The features.
    pub features: Vec<String>,
    /// Words that customers use for it.
    pub keywords: Vec<String>,
    /// The day it shipped.
    pub shipped_on: Date,
}

/// An update that answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The update.
    pub id: String,
    /// How well, 1 to 100.
    pub score: i32,
    /// The words it matched, as the customer wrote them.
    pub words: Vec<String>,
}

/// Weight of a named feature or keyword of several words against a lone word.
const PHRASE: f64 = 3.0;

/// Ranks the updates that shipped after `left_on` and not later than `today`
/// by the words they share with what the customer wrote; earlier texts weigh more.
pub fn rank(needs: &[&str], left_on: Option<Date>, today: Date, updates: &[UpdateText]) -> Vec<Match> {
    let eligible: Vec<&UpdateText> = updates.iter().filter(|u| u.shipped_on <= today && left_on.is_none_or(|left| u.shipped_on > left)).collect();
    // How many updates speak of a stem: a rare one says more.
    let mut spread: HashMap<String, usize> = HashMap::new();
    let bags: Vec<BTreeSet<String>> = eligible.iter().map(|u| bag(u)).collect();
    for stem in bags.iter().flatten() {
        *spread.entry(stem.clone()).or_default() += 1;
    }
    let mut matches: Vec<Match> = eligible
        .iter()
        .zip(&bags)
        .filter_map(|(update, bag)| {
            let mut score = 0.0;
            let mut words: Vec<String> = vec![];
            let mut counted: BTreeSet<String> = BTreeSet::new();
            for (place, need) in needs.iter().enumerate() {
                let trust = 1.0 / (1.0 + 0.25 * place as f64);
                for phrase in update.features.iter().chain(&update.keywords) {
                    if let Some(found) = find_phrase(need, phrase)
                        && counted.insert(format!("phrase {}", phrase.to_lowercase()))
                    {
                        score += trust * PHRASE;
                        words.push(found);
                    }
                }
                for word in words_of(need) {
                    let stem = stem(word);
                    if bag.contains(&stem) && counted.insert(stem.clone()) {
                        let rare = (1.0 + eligible.len() as f64) / (1.0 + spread.get(&stem).copied().unwrap_or(1) as f64);
                        score += trust * rare.ln().max(0.1) * 0.6;
                        words.push(word.to_owned());
                    }
                }
            }
            let mut seen = BTreeSet::new();
            words.retain(|word| seen.insert(word.to_lowercase()));
            // One shared everyday word is chance, not an answer.
            (score >= 1.5).then(|| Match { id: update.id.clone(), score: (100.0 * score / (score + 3.0)).round() as i32, words })
        })
        .collect();
    matches.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    matches
}

fn bag(update: &UpdateText) -> BTreeSet<String> {
    let texts = [update.title.as_str(), update.summary.as_str()];
    let lists = update.features.iter().chain(&update.keywords).map(String::as_str);
    texts.into_iter().chain(lists).flat_map(words_of).map(stem).collect()
}

/// The phrase as the customer wrote it, if its words follow one another in the text.
fn find_phrase(text: &str, phrase: &str) -> Option<String> {
    let wanted: Vec<String> = words_of(phrase).map(stem).collect();
    if wanted.is_empty() {
        return None;
    }
    let words: Vec<&str> = words_of(text).collect();
    let start = words.windows(wanted.len()).position(|window| window.iter().zip(&wanted).all(|(word, stem_)| stem(word) == *stem_))?;
    Some(words[start..start + wanted.len()].join(" "))
}

const STOP: &[&str] = &[
    "the",
    "and",
    "for",
    "with",
    "that",
    "this",
    "you",
    "your",
    "our",
    "was",
    "were",
    "are",
    "not",
    "but",
    "have",
    "has",
    "had",
    "can",
    "could",
    "would",
    "will",
    "from",
    "they",
    "them",
    "their",
    "there",
    "what",
    "when",
    "which",
    "who",
    "why",
    "how",
    "all",
    "any",
    "out",
    "into",
    "just",
    "more",
    "than",
    "then",
    "its",
    "it's",
    "too",
    "very",
    "now",
    "one",
    "get",
    "got",
    "also",
    "about",
    "after",
    "before",
    "again",
    "need",
    "needed",
    "want",
    "use",
    "used",
    "using",
    "please",
    "thanks",
    "hello",
    "team",
    "new",
    "only",
    "every",
    "each",
    "still",
    "because",
    "harbourline",
];

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .filter(|word| word.chars().count() >= 3 && !STOP.contains(&word.to_lowercase().as_str()))
}

fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    for ending in ["ations", "ation", "ings", "ing", "ies", "ed", "es", "s"] {
        if let Some(root) = word.strip_suffix(ending).filter(|root| root.chars().count() >= 3) {
            return root.trim_end_matches('e').to_owned();
        }
    }
    word.trim_end_matches(['e', 'y']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(id: &str, title: &str, keywords: &[&str], day: &str) -> UpdateText {
        UpdateText {
            id: id.into(),
            title: title.into(),
            summary: String::new(),
            features: vec![title.into()],
            keywords: keywords.iter().map(|k| (*k).to_owned()).collect(),
            shipped_on: day.parse().unwrap(),
        }
    }

    #[test]
    fn what_was_asked_for_and_shipped_since_comes_first() {
        let updates = [
            update("a", "Bulk export", &["export everything", "csv"], "2026-06-01"),
            update("b", "Dark mode", &["night"], "2026-06-02"),
            update("c", "Bulk export preview", &[], "2026-01-01"),
            update("d", "Bulk export scheduling", &[], "2027-01-01"),
        ];
        let (left, today) = ("2026-03-01".parse().unwrap(), "2026-11-01".parse().unwrap());
        let found = rank(&["We needed bulk exports to CSV"], Some(left), today, &updates);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].id, "a");
        assert!(found[0].words.contains(&"bulk exports".to_owned()), "{found:?}");
        assert!(rank(&["Nothing of the kind"], Some(left), today, &updates).is_empty());
        assert!(rank(&[""], None, today, &updates).is_empty());
    }
}

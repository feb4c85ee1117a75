//! Numbers as people write them, in thousandths.

/// Digits with any common grouping and an optional fraction.
pub(super) const NUMBER: &str = r"\d{1,3}(?:[,.'’\u{a0}\u{202f} ]\d{3})+(?:[.,]\d{1,2})?\b|\d+(?:[.,]\d+)?";

/// Numbers in words, in English and the small ones in German, French and Spanish.
pub(super) const NUMBER_WORD: &str = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)[- ](?:one|two|three|four|five|six|seven|eight|nine)\b|(?:one|two|three|four|five|six|seven|eight|nine)\s+hundred\b|a hundred\b|a thousand\b|zero\b|one\b|two\b|three\b|four\b|five\b|six\b|seven\b|eight\b|nine\b|ten\b|eleven\b|twelve\b|thirteen\b|fourteen\b|fifteen\b|sixteen\b|seventeen\b|eighteen\b|nineteen\b|twenty\b|thirty\b|forty\b|fifty\b|sixty\b|seventy\b|eighty\b|ninety\b|hundred\b|thousand\b|dozen\b|zwei\b|drei\b|vier\b|fünf\b|sechs\b|sieben\b|acht\b|neun\b|zehn\b|zwölf\b|deux\b|trois\b|quatre\b|cinq\b|sept\b|huit\b|neuf\b|dix\b|dos\b|tres\b|cuatro\b|cinco\b|seis\b|siete\b|ocho\b|nueve\b|diez\b";

/// A number in words, in thousandths.
pub(super) fn word_number(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    for word in text.to_lowercase().split(|c: char| c == '-' || c.is_whitespace()).filter(|word| !word.is_empty()) {
        total = match word {
            "a" | "an" => continue,
            "hundred" => total.max(1) * 100,
            "thousand" => total.max(1) * 1000,
            "dozen" => total.max(1) * 12,
            word => total + small(word)?,
        };
    }
    (total > 0 || text.eq_ignore_ascii_case("zero")).then_some(total * 1000)
}

fn small(word: &str) -> Option<i64> {
    const WORDS: &[(&str, i64)] = &[
        ("zero", 0),
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("eleven", 11),
        ("twelve", 12),
        ("thirteen", 13),
        ("fourteen", 14),
        ("fifteen", 15),
        ("sixteen", 16),
        ("seventeen", 17),
        ("eighteen", 18),
        ("nineteen", 19),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
        ("fifty", 50),
        ("sixty", 60),
        ("seventy", 70),
        ("eighty", 80),
        ("ninety", 90),
        ("zwei", 2),
        ("drei", 3),
        ("vier", 4),
        ("fünf", 5),
        ("sechs", 6),
        ("sieben", 7),
        ("acht", 8),
        ("neun", 9),
        ("zehn", 10),
        ("zwölf", 12),
        ("deux", 2),
        ("trois", 3),
        ("quatre", 4),
        ("cinq", 5),
        ("sept", 7),
        ("huit", 8),
        ("neuf", 9),
        ("dix", 10),
        ("dos", 2),
        ("tres", 3),
        ("cuatro", 4),
        ("cinco", 5),
        ("seis", 6),
        ("siete", 7),
        ("ocho", 8),
        ("nueve", 9),
        ("diez", 10),
    ];
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

/// A number in digits, in thousandths. A lone point before three digits groups
/// thousands where `grouping` says so ("1.234 orders") and is a fraction otherwise.
pub(super) fn number(text: &str, grouping: bool) -> Option<i64> {
    let text = text.trim();
    let marks: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_ascii_digit()).collect();
    let whole_digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (whole, fraction) = match marks.last() {
        None => (text.to_owned(), ""),
        Some((at, mark)) => {
            let after = &text[at + mark.len_utf8()..];
            let repeated = marks.iter().filter(|(_, other)| other == mark).count() > 1;
            let groups = after.len() == 3 && (repeated || *mark != '.' || grouping && marks.len() == 1 && !text.starts_with('0'));
            if groups || !matches!(mark, '.' | ',') { (whole_digits(text), "") } else { (whole_digits(&text[..*at]), after) }
        }
    };
    let whole: i64 = whole.parse().ok()?;
    let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_the_same_in_every_common_notation() {
        for text in ["48,210", "48.210", "48 210", "48'210", "48210", "48\u{a0}210", "48,210.00", "48.210,00"] {
            assert_eq!(number(text, true), Some(48_210_000), "{text}");
        }
        assert_eq!(number("1,234,567", true), Some(1_234_567_000));
        assert_eq!(number("49.50", true), Some(49_500));
        assert_eq!(number("49,5", true), Some(49_500));
        assert_eq!(number("3.125", false), Some(3_125));
        assert_eq!(number("0.125", true), Some(125));
    }

    #[test]
    fn words_read_as_numbers() {
        for (text, value) in [("forty-eight", 48), ("twelve", 12), ("two hundred", 200), ("a dozen", 12), ("Three", 3), ("thirty", 30), ("zehn", 10)]
        {
            assert_eq!(word_number(text), Some(value * 1000), "{text}");
        }
        assert_eq!(word_number("forties"), None);
    }
}

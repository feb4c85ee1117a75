//! What the reader of JSON and of queries says of a value it cannot take, in words for whoever sent it.

use serde_json::Value;

use crate::domain::text::excerpt;

/// What the value at fault must be.
pub(super) fn expected(said: &str) -> String {
    if said.starts_with("failed to parse") && said.contains("date") {
        return "a date such as 2026-04-30".to_owned();
    }
    let said = said.split_once("; got ").map_or(said, |(said, _)| said);
    let named = said.rsplit_once("expected ").map_or(said, |(_, named)| named).replace('`', "");
    let words = match named.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "string or map" => "an object",
        "a borrowed string" => "a string",
        _ if named.starts_with("struct ") || named.contains(" enum ") => "an object",
        _ if named.starts_with("tuple ") || named.starts_with("an array of ") => "a list",
        // Of queries, where everything is text.
        _ if named.contains("true or false") => "true or false",
        _ if named.contains("digit found") || named.contains("parse integer") || named.contains("to fit in target type") => "a whole number in range",
        _ if named.contains("float literal") => "a number",
        _ => named.as_str(),
    };
    words.to_owned()
}

/// What was given, quoted as far as it is short.
pub(super) fn given(value: Option<&Value>) -> String {
    match value {
        None => "something else".to_owned(),
        Some(Value::String(text)) => quoted(text),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(other) => excerpt(&other.to_string()),
    }
}

/// Text in quotation marks.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", excerpt(text))
}

/// Names that come close to one that is unknown, or else the known ones where they are few.
pub(super) fn suggestion(unknown: &str, known: &[&str]) -> String {
    let likeness = |name: &&&str| strsim::jaro_winkler(unknown, name);
    let nearest = known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match nearest {
        Some(near) if likeness(&near) >= LIKE => format!(" Did you mean \"{near}\"?"),
        Some(_) if known.len() <= FEW => format!(" Its fields are {}.", known.join(", ")),
        _ => String::new(),
    }
}

/// From here on one name may be a slip for another.
const LIKE: f64 = 0.7;
/// So many names are told at once.
const FEW: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_program_is_left() {
        for (said, words) in [
            ("invalid type: integer `7`, expected a string", "a string"),
            ("invalid value: integer `-7`, expected u16", "a whole number from 0"),
            ("invalid type: string \"x\", expected struct Money", "an object"),
            ("invalid type: string \"expected u8\", expected a boolean", "true or false"),
            ("unknown variant `no`, expected one of `yes`, `maybe`", "one of yes, maybe"),
            ("unknown variant `no`, expected `yes` or `maybe`", "yes or maybe"),
            ("one of a, b; got \"c\"", "one of a, b"),
            ("invalid digit found in string", "a whole number in range"),
            ("provided string was not `true` or `false`", "true or false"),
        ] {
            assert_eq!(expected(said), words, "{said}");
        }
        assert_eq!(given(Some(&serde_json::json!("a\"b"))), "\"a\\\"b\"");
    }

    #[test]
    fn only_a_name_that_comes_close_is_suggested() {
        assert_eq!(suggestion("subjct", &["to", "subject"]), " Did you mean \"subject\"?");
        assert_eq!(suggestion("zzz", &["to", "subject"]), " Its fields are to, subject.");
    }
}

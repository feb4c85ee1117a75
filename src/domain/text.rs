//! Checks of text that comes from outside: control characters and lengths.

use crate::domain::error::{Error, Result};

/// One line of text: no control characters and no line breaks.
pub fn line(field: &str, text: &str, longest: usize) -> Result<String> {
    if let Some(position) = text.chars().position(|c| c == '\r' || c == '\n') {
        return Err(Error::invalid(
            "header_line_break",
            field,
            format!("{field} must be one line. A line break at position {position} could add a hidden header."),
        ));
    }
    checked(field, text, longest, |c| c.is_control())?;
    Ok(text.trim().to_owned())
}

/// A line that must not be empty.
pub fn required_line(field: &str, text: &str, longest: usize) -> Result<String> {
    let text = line(field, text, longest)?;
    if text.is_empty() {
        return Err(Error::invalid("field_invalid", field, format!("{field} must be filled in; got nothing.")));
    }
    Ok(text)
}

/// Text of several lines: line breaks and tabs pass, other control characters do not.
/// Line breaks come out as `\n`.
pub fn body(field: &str, text: &str, longest: usize) -> Result<String> {
    checked(field, text, longest, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))?;
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// An optional line; an empty one counts as none.
pub fn optional_line(field: &str, text: Option<&str>, longest: usize) -> Result<Option<String>> {
    let text = text.map(|text| line(field, text, longest)).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// An optional text of several lines; an empty one counts as none.
pub fn optional_body(field: &str, text: Option<&str>, longest: usize) -> Result<Option<String>> {
    let text = text.map(|text| body(field, text, longest)).transpose()?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// A tag: a short line without commas, not starting with the minus that excludes.
pub fn tag(text: &str) -> Result<String> {
    tag_of("tags", text)
}

/// A tag in a field of another name.
pub fn tag_of(field: &str, text: &str) -> Result<String> {
    let tag = required_line(field, text, 100)?;
    if tag.contains(',') || tag.starts_with('-') {
        let detail = format!("{field} must be words without a comma and without a minus in front; got \"{}\".", excerpt(&tag));
        return Err(Error::invalid("field_invalid", field, detail));
    }
    Ok(tag)
}

/// Refuses the one character that no text of a database can hold.
pub fn storable(field: &str, text: &str) -> Result<()> {
    checked(field, text, usize::MAX, |c| c == '\0')
}

/// At most 64 characters of input, escaped, for an error text.
pub fn excerpt(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// A cell as a spreadsheet shows it and does not run it: an apostrophe makes a formula text (OWASP, CSV injection).
pub fn neutral_cell(cell: &str) -> String {
    if is_formula(cell) { format!("'{cell}") } else { cell.to_owned() }
}

/// Whether a spreadsheet may take a field for a formula: also behind blanks and quotes, and in full-width letters. An amount
/// below zero is none, and with an apostrophe it would be a text that no sum counts.
fn is_formula(field: &str) -> bool {
    if is_negative(field) {
        return false;
    }
    if field.starts_with(['\t', '\r']) {
        return true;
    }
    let first = field.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{FEFF}')).chars().next();
    first.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'))
}

/// Whether a field is a number below zero and nothing else: a minus, digits, and at most one point between digits.
fn is_negative(field: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |rest: &str| rest.split_once('.').map_or_else(|| digits(rest), |(whole, part)| digits(whole) && digits(part));
    field.strip_prefix('-').is_some_and(number)
}

fn checked(field: &str, text: &str, longest: usize, refuse: impl Fn(char) -> bool) -> Result<()> {
    let length = text.chars().count();
    if length > longest {
        return Err(Error::invalid("field_invalid", field, format!("{field} must be at most {longest} characters; got {length}.")));
    }
    if let Some((position, c)) = text.chars().enumerate().find(|(_, c)| refuse(*c)) {
        return Err(Error::invalid(
            "text_control_char",
            field,
            format!("{field} holds the control character U+{:04X} at position {position}.", u32::from(c)),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe_and_a_number_none() {
        for bad in [
            "=1+1",
            "+1",
            "@SUM(A1)",
            "\t=1",
            "\rx",
            "  =1",
            "\"=1",
            "'=1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "\u{FEFF}=1",
            "-",
            "-.5",
            "-5.",
            "-1.2.3",
            "-2+3",
            "-2-3",
            "--2",
            "- 2",
            " -2",
            "-2 ",
            "-2\n=1",
            "-1e5",
            "-1,5",
            "-٢",
            "-x",
            "-2%",
        ] {
            assert!(is_formula(bad), "{bad:?}");
        }
        for good in ["", "a=1", "1-2", "Jane", "a@b.example", "2026-11-21", "-2", "-1250", "-0.5", "-12.50"] {
            assert!(!is_formula(good), "{good:?}");
        }
    }
}

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

/// Spreadsheets run cells that start like this; an apostrophe makes them text (OWASP, CSV injection).
pub fn neutral_cell(cell: &str) -> String {
    if cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) { format!("'{cell}") } else { cell.to_owned() }
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

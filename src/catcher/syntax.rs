//! The syntax of arguments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest path without its brackets (RFC 5321 §4.5.3.1.3).
const PATH_MAX: usize = 254;

/// `FROM:<path> parameters`; the space some clients put before `<` is refused (RFC 5321 §3.3).
pub(super) fn path_of<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let head = argument.get(..keyword.len())?;
    let rest = argument.get(keyword.len()..)?.strip_prefix('<')?;
    let (path, parameters) = rest.split_once('>')?;
    let separated = parameters.is_empty() || parameters.starts_with(' ');
    let clean = path.len() <= PATH_MAX && !path.contains(|c: char| c.is_control() || c == ' ' || c == '<') && (path.is_empty() || path.contains('@'));
    (head.eq_ignore_ascii_case(keyword) && separated && clean).then_some((path, parameters.trim()))
}

/// The text of a base64 word, as AUTH sends it.
pub(super) fn decoded(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

//! The words of an HTML part, each with its place in the source.

use std::ops::Range;

/// Text of an HTML part as a reader sees it, and where each byte of it came from.
#[derive(Debug, Default)]
pub struct Visible {
    /// The text; blocks end with a line break.
    pub text: String,
    /// For each byte of `text`, the bytes of the source it stands for.
    places: Vec<Range<usize>>,
    /// Where links and pictures lead to, with the place of the address in the source.
    pub links: Vec<(Range<usize>, String)>,
}

impl Visible {
    /// The place in the source of a stretch of the text.
    pub fn place(&self, at: &Range<usize>) -> Range<usize> {
        let start = self.places.get(at.start).map_or(0, |place| place.start);
        start..at.end.checked_sub(1).and_then(|last| self.places.get(last)).map_or(start, |place| place.end)
    }

    /// Adds text that stands at `from`, as written or as an entity that is so long.
    fn push(&mut self, text: &str, from: usize, entity: Option<usize>) {
        for (offset, c) in text.char_indices() {
            let place = entity.map_or(from + offset..from + offset + c.len_utf8(), |long| from..from + long);
            // White space of the source is one space; line breaks come from blocks.
            let c = if c.is_whitespace() { ' ' } else { c };
            if c == ' ' && self.text.ends_with([' ', '\n']) {
                continue;
            }
            self.text.push(c);
            self.places.extend(std::iter::repeat_n(place, c.len_utf8()));
        }
    }

    fn line_break(&mut self, at: usize) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
            self.places.push(at..at);
        }
    }
}

const BLOCKS: &[&str] = &[
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "tr",
    "table",
    "br",
    "hr",
    "blockquote",
    "section",
    "article",
    "header",
    "footer",
    "td",
    "th",
    "pre",
    "dd",
    "dt",
    "center",
    "title",
];

/// Reads an HTML part. It was cleaned before it was stored; text that never was is read
/// just the same, because nothing is executed here.
pub fn visible(html: &str) -> Visible {
    let mut seen = Visible::default();
    let mut at = 0;
    while at < html.len() {
        let rest = &html[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            at += 4 + comment.find("-->").map_or(comment.len(), |end| end + 3);
        } else if rest.starts_with('<') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
            at += tag(rest, at, &mut seen);
        } else if rest.starts_with('&') {
            at += entity(rest, at, &mut seen);
        } else {
            let next = rest.char_indices().skip(1).find(|(_, c)| matches!(c, '<' | '&')).map_or(rest.len(), |(end, _)| end);
            seen.push(&rest[..next], at, None);
            at += next;
        }
    }
    seen
}

/// Reads one tag and says how long it is; the insides of scripts and styles are part of it.
fn tag(rest: &str, at: usize, seen: &mut Visible) -> usize {
    let mut quote = None;
    let end = rest
        .char_indices()
        .find(|(_, c)| match (quote, c) {
            (None, '"' | '\'') => {
                quote = Some(*c);
                false
            }
            (Some(open), c) if open == *c => {
                quote = None;
                false
            }
            (None, '>') => true,
            _ => false,
        })
        .map_or(rest.len(), |(end, _)| end + 1);
    let inside = rest[1..end].strip_suffix('>').unwrap_or(&rest[1..end]);
    let name: String = inside.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if BLOCKS.contains(&name.as_str()) {
        seen.line_break(at);
        if matches!(name.as_str(), "p" | "ul" | "ol" | "table" | "blockquote") {
            seen.line_break(at);
        }
    }
    if inside.starts_with('/') {
        return end;
    }
    for attribute in ["href", "src"] {
        if let Some(value) = attribute_of(inside, attribute) {
            let link = html_escape::decode_html_entities(&inside[value.clone()]).trim().to_owned();
            if link.starts_with("http") || link.starts_with("www.") || link.starts_with("mailto:") {
                seen.links.push((at + 1 + value.start..at + 1 + value.end, link));
            }
        }
    }
    if matches!(name.as_str(), "script" | "style") && !inside.ends_with('/') {
        let close = format!("</{name}");
        let lower = rest[end..].to_ascii_lowercase();
        return end + lower.find(&close).unwrap_or(lower.len());
    }
    end
}

/// Where the value of an attribute stands inside a tag.
fn attribute_of(inside: &str, name: &str) -> Option<Range<usize>> {
    let lower = inside.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find(name) {
        let start = from + found;
        let after = start + name.len();
        let stands_alone = inside[..start].ends_with(|c: char| c.is_whitespace() || c == '"' || c == '\'' || c == '/');
        let equals = inside[after..].trim_start();
        if stands_alone && let Some(value) = equals.strip_prefix('=') {
            let value = value.trim_start();
            let begin = inside.len() - value.len();
            return Some(match value.chars().next() {
                Some(quote @ ('"' | '\'')) => begin + 1..begin + 1 + value[1..].find(quote).unwrap_or(value.len() - 1),
                _ => begin..begin + value.find(char::is_whitespace).unwrap_or(value.len()),
            });
        }
        from = after;
    }
    None
}

fn entity(rest: &str, at: usize, seen: &mut Visible) -> usize {
    let end = rest.char_indices().take(32).find(|(_, c)| *c == ';').map(|(end, _)| end + 1);
    let decoded = end.map(|end| (html_escape::decode_html_entities(&rest[..end]).into_owned(), end)).filter(|(text, end)| *text != rest[..*end]);
    match decoded {
        Some((text, end)) => {
            seen.push(&text, at, Some(end));
            end
        }
        None => {
            seen.push("&", at, None);
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_place_in_the_source() {
        let html =
            "<p>Tom &amp; Ann: <b>30&#37;</b> off</p><style>p{}</style><p>Zo\u{eb} <a class=x href=\"https://a.test/?a=1&amp;b=2\">here</a></p>";
        let seen = visible(html);
        assert_eq!(seen.text.trim_end(), "Tom & Ann: 30% off\n\nZo\u{eb} here");
        let at = seen.text.find("30%").unwrap();
        assert_eq!(&html[seen.place(&(at..at + 3))], "30&#37;");
        let at = seen.text.find("here").unwrap();
        assert_eq!(&html[seen.place(&(at..at + 4))], "here");
        assert_eq!(seen.links[0].1, "https://a.test/?a=1&b=2");
        assert_eq!(&html[seen.links[0].0.clone()], "https://a.test/?a=1&amp;b=2");
    }

    #[test]
    fn broken_html_ends() {
        for html in ["<", "<a href=\"x", "&", "&amp", "<!-- open", "<script>x", "a < b & c > d", "<p", "<a href=", "<\u{e9}>"] {
            let seen = visible(html);
            assert!(seen.text.len() <= html.len() + 4);
        }
    }
}

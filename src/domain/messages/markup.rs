//! Between plain text and HTML, and from anybody's HTML to harmless HTML.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use crate::domain::error::{Error, Result};

/// Deepest nesting of elements taken.
pub const DEEPEST: usize = 100;

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::default();
    cleaner
        .add_generic_attributes(["style", "align", "dir", "lang"])
        .add_tag_attributes("table", ["width", "cellpadding", "cellspacing", "border", "role"])
        .add_tag_attributes("td", ["width", "valign", "bgcolor"])
        .filter_style_properties(HashSet::from([
            "color",
            "background-color",
            "font-weight",
            "font-style",
            "font-size",
            "font-family",
            "text-align",
            "text-decoration",
            "line-height",
            "padding",
            "padding-left",
            "padding-right",
            "padding-top",
            "padding-bottom",
            "margin",
            "margin-left",
            "margin-right",
            "margin-top",
            "margin-bottom",
            "border",
            "border-left",
            "border-radius",
            "border-collapse",
            "width",
            "max-width",
            "white-space",
        ]))
        .url_schemes(HashSet::from(["https", "http", "mailto"]))
        .link_rel(Some("noopener noreferrer"));
    cleaner
});

/// Removes everything that could act: scripts, forms, event handlers, foreign schemes.
pub fn clean(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

/// Refuses HTML nested deeper than any mail needs; counting tags is enough for a bound.
pub fn refuse_deep(html: &str) -> Result<()> {
    let mut depth = 0_usize;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
            let void = ["br", "img", "hr", "p", "li", "td", "tr", "input", "meta", "link"];
            if !void.contains(&name.to_ascii_lowercase().as_str()) {
                depth += 1;
            }
        }
        if depth > DEEPEST {
            return Err(Error::invalid("html_too_deep", "html_body", format!("html_body must nest at most {DEEPEST} elements. Send simpler HTML.")));
        }
    }
    Ok(())
}

/// Plain text from HTML. What is preformatted stays as it is, indented by four spaces.
pub fn to_text(html: &str) -> String {
    let plain = |html: &str| mail_parser::decoders::html::html_to_text(html).replace('\r', "");
    let (mut text, mut rest) = (String::new(), html);
    while let Some((before, code, behind)) = preformatted(rest) {
        text.push_str(plain(before).trim_end());
        text.push_str("\n\n");
        let code = html_escape::decode_html_entities(&without_tags(code)).replace('\r', "");
        text.extend(code.trim_matches('\n').lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }));
        text.push('\n');
        rest = behind;
    }
    if text.is_empty() {
        return plain(html);
    }
    text.push_str(plain(rest).trim_start());
    text.trim_start_matches('\n').to_owned()
}

/// What stands before the first preformatted block, in it, and behind it.
fn preformatted(html: &str) -> Option<(&str, &str, &str)> {
    let at = html.find("<pre>").or_else(|| html.find("<pre "))?;
    let inside = &html[at + html[at..].find('>')? + 1..];
    let end = inside.find("</pre>")?;
    Some((&html[..at], &inside[..end], &inside[end + "</pre>".len()..]))
}

fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    for piece in html.split('<') {
        text.push_str(if text.is_empty() && !html.starts_with('<') { piece } else { piece.split_once('>').map_or("", |(_, behind)| behind) });
    }
    text
}

/// How code is shown: as it was typed, and broken only where a line is too long for the screen.
const CODE: &str = "<pre style=\"white-space:pre-wrap;font-family:ui-monospace,Consolas,monospace;font-size:14px;border-left:3px solid #999;padding-left:12px\"><code>";

/// HTML from plain text: paragraphs, lists of lines that start with "- ", links, and code, which is fenced by three
/// backticks or indented by four spaces or a tab.
pub fn from_text(text: &str) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    let mut lines = text.lines().peekable();
    let mut block: Vec<&str> = vec![];
    while let Some(line) = lines.next() {
        let fenced = line.trim_start().starts_with("```");
        let is_code = |line: &str| line.starts_with("    ") || line.starts_with('\t');
        let indented = block.is_empty() && is_code(line) && !line.trim().is_empty();
        if !fenced && !indented {
            if line.trim().is_empty() {
                prose(&mut html, &mut block)
            } else {
                block.push(line)
            }
            continue;
        }
        prose(&mut html, &mut block);
        let mut code = vec![];
        if fenced {
            code.extend(lines.by_ref().take_while(|line| line.trim() != "```"));
        } else {
            code.push(line);
            while let Some(next) = lines.next_if(|next| is_code(next) || next.trim().is_empty()) {
                code.push(next);
            }
            while code.last().is_some_and(|line| line.trim().is_empty()) {
                code.pop();
            }
        }
        html.push_str(CODE);
        let bare = |line: &&str| {
            if fenced { *line } else { line.strip_prefix("    ").or_else(|| line.strip_prefix('\t')).unwrap_or(line.trim()) }.to_owned()
        };
        html.push_str(&escape(&code.iter().map(bare).collect::<Vec<String>>().join("\n")));
        html.push_str("</code></pre>\n");
    }
    prose(&mut html, &mut block);
    html
}

/// A paragraph or a list of these lines, which it takes.
fn prose(html: &mut String, block: &mut Vec<&str>) {
    let lines = std::mem::take(block);
    if lines.is_empty() {
        return;
    }
    if lines.iter().all(|line| line.trim_start().starts_with("- ")) {
        html.push_str("<ul>");
        for line in lines {
            html.push_str("<li>");
            html.push_str(&linked(line.trim_start().trim_start_matches("- ")));
            html.push_str("</li>");
        }
        html.push_str("</ul>\n");
    } else {
        html.push_str("<p>");
        html.push_str(&lines.into_iter().map(|line| linked(line.trim_end())).collect::<Vec<_>>().join("<br>"));
        html.push_str("</p>\n");
    }
}

/// Escapes a line and makes its web addresses links.
fn linked(line: &str) -> String {
    line.split_inclusive(' ')
        .map(|word| {
            let bare = word.trim_end();
            let address = bare.trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
            if (address.starts_with("https://") || address.starts_with("http://")) && url::Url::parse(address).is_ok() {
                let safe = escape(address);
                Cow::Owned(format!("<a href=\"{safe}\">{safe}</a>{}", escape(&word[address.len()..])))
            } else {
                escape(word)
            }
        })
        .collect()
}

/// Makes text inert inside HTML.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '>', '&', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_act_is_removed_and_words_stay() {
        let html = clean("<p onclick=x style=\"color:red;position:fixed\">Hi<script>alert(1)</script> <a href=\"javascript:x\">y</a></p>");
        assert!(!html.contains("script") && !html.contains("onclick") && !html.contains("position"), "{html}");
        assert!(html.contains("Hi") && html.contains("color:red"), "{html}");
    }

    #[test]
    fn text_becomes_paragraphs_lists_and_links() {
        let html = from_text("Hi <Ana>,\n\n- one\n- two\n\nSee https://example.com/a?b=1&c=2.");
        assert_eq!(
            html,
            "<p>Hi &lt;Ana&gt;,</p>\n<ul><li>one</li><li>two</li></ul>\n<p>See <a href=\"https://example.com/a?b=1&amp;c=2\">https://example.com/a?b=1&amp;c=2</a>.</p>\n"
        );
    }

    #[test]
    fn code_stays_as_it_was_typed() {
        let curl = "curl -X POST https://api.example.com/v2/orders \\\n  -H \"Authorization: Bearer $KEY\" \\\n\n  -d '{\"a\": [1, <2>]}'";
        let escaped = escape(curl).into_owned();
        let fenced = from_text(&format!("Run this:\n```sh\n{curl}\n```\nDone."));
        assert_eq!(fenced, format!("<p>Run this:</p>\n{CODE}{escaped}</code></pre>\n<p>Done.</p>\n"));
        let indented: String = curl.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect();
        let html = from_text(&format!("Run this:\n\n{indented}\nDone."));
        assert_eq!(html, fenced);
        assert_eq!(clean(&html).matches(&escaped.replace("&#39;", "'").replace("&quot;", "\"")).count(), 1, "{}", clean(&html));
        assert!(to_text(&clean(&html)).contains(&indented), "{}", to_text(&html));
        assert!(from_text("```\nnever closed").contains("<code>never closed</code>"));
        assert!(!from_text("Hello\n    and on").contains("<pre"), "a line that goes on is no code");
    }

    #[test]
    fn bombs_of_nesting_are_refused() {
        assert!(refuse_deep(&"<div>".repeat(101)).is_err());
        assert!(refuse_deep(&"<div></div>".repeat(1000)).is_ok());
    }
}

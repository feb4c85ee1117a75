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

/// Plain text from HTML.
pub fn to_text(html: &str) -> String {
    mail_parser::decoders::html::html_to_text(html).replace('\r', "")
}

/// HTML from plain text: paragraphs, lists of lines that start with "- ", and links.
pub fn from_text(text: &str) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    for block in text.split("\n\n").map(str::trim_end).filter(|block| !block.trim().is_empty()) {
        let lines: Vec<&str> = block.lines().collect();
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
            html.push_str(&lines.into_iter().map(linked).collect::<Vec<_>>().join("<br>"));
            html.push_str("</p>\n");
        }
    }
    html
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
    fn bombs_of_nesting_are_refused() {
        assert!(refuse_deep(&"<div>".repeat(101)).is_err());
        assert!(refuse_deep(&"<div></div>".repeat(1000)).is_ok());
    }
}

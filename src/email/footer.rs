//! What is appended to every commercial message, and the HTML document around a body.

use std::fmt::Write as _;

/// Why the reader got this, who sent it, and how to make it stop (CAN-SPAM 16 CFR 316).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footer {
    /// One sentence: why this person gets this message.
    pub why: String,
    /// The sender's name.
    pub company: Option<String>,
    /// The postal address, one or more lines.
    pub postal_address: String,
    /// Opens a page with one button; the page asks before it changes anything.
    pub unsubscribe_url: String,
    /// Opens the preference centre.
    pub preferences_url: Option<String>,
    /// The topic, by the name that the preference centre shows.
    pub topic: Option<String>,
    /// One sentence: where the reader's data is from.
    pub source: Option<String>,
    /// One sentence: that a machine wrote this.
    pub disclosure: Option<String>,
}

impl Footer {
    /// What stands before the sender: why, under which topic, written by what.
    fn sentences(&self) -> Vec<String> {
        let topic = self.topic.as_ref().map(|topic| format!("Topic: {}.", flat(topic).trim_end_matches('.')));
        let why = Some(flat(&self.why)).filter(|why| !why.is_empty());
        let source = self.source.as_ref().map(|text| flat(text));
        let first: Vec<String> = why.into_iter().chain(source).chain(topic).collect();
        let first = Some(first.join(" ")).filter(|first| !first.is_empty());
        first.into_iter().chain(self.disclosure.as_ref().map(|text| flat(text))).collect()
    }
}

/// The footer of the plain text part.
pub fn footer_text(footer: &Footer) -> String {
    let mut out = String::from("---\n");
    for sentence in footer.sentences() {
        let _ = writeln!(out, "{sentence}");
    }
    let mut sender: Vec<String> = footer.company.iter().map(|name| flat(name)).collect();
    sender.extend(address_lines(footer));
    let _ = writeln!(out, "{}", sender.join(", "));
    let _ = writeln!(out, "Unsubscribe: {}", flat(&footer.unsubscribe_url));
    if let Some(url) = &footer.preferences_url {
        let _ = writeln!(out, "Choose what you get: {}", flat(url));
    }
    out
}

/// The footer of the HTML part.
pub fn footer_html(footer: &Footer) -> String {
    let mut out = String::from(
        "<div style=\"margin-top:32px;padding-top:16px;border-top:1px solid #8884;\
         font-size:13px;line-height:1.5;opacity:.8\">\n",
    );
    for sentence in footer.sentences() {
        let _ = writeln!(out, "<p style=\"margin:0 0 8px\">{}</p>", escape(&sentence));
    }
    let mut sender: Vec<String> = footer.company.iter().map(|name| escape(&flat(name))).collect();
    sender.extend(address_lines(footer).iter().map(|line| escape(line)));
    let _ = writeln!(out, "<p style=\"margin:0 0 8px\">{}</p>", sender.join("<br>"));
    let mut links = vec![link("Unsubscribe", &footer.unsubscribe_url)];
    links.extend(footer.preferences_url.iter().map(|url| link("Choose what you get", url)));
    let _ = writeln!(out, "<p style=\"margin:0\">{}</p>\n</div>", links.join(" &middot; "));
    out
}

/// Only a web address becomes a link; anything else stays visible text.
fn link(words: &str, url: &str) -> String {
    let url = url.trim();
    match url.starts_with("https://") || url.starts_with("http://") {
        true => format!("<a href=\"{}\" style=\"color:inherit\">{words}</a>", escape(url)),
        false => format!("{words}: {}", escape(url)),
    }
}

/// The plain text part: body, an empty line, footer.
pub fn compose_text(body: &str, footer: &Footer) -> String {
    format!("{}\n\n{}", body.trim_end(), footer_text(footer))
}

/// A whole HTML document around a body that was cleaned before. `subject` is its title.
pub fn compose_html(body_html: &str, footer: &Footer, subject: &str) -> String {
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\" dir=\"auto\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\n\
         <title>{}</title>\n\
         </head>\n\
         <body style=\"margin:0;padding:0\">\n\
         <div style=\"max-width:600px;margin:0 auto;padding:24px 16px;\
         font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;\
         font-size:16px;line-height:1.6;overflow-wrap:break-word\">\n\
         {}\n{}</div>\n</body>\n</html>\n",
        escape(subject),
        body_html.trim(),
        footer_html(footer),
    )
}

fn address_lines(footer: &Footer) -> Vec<String> {
    footer.postal_address.lines().map(flat).filter(|line| !line.is_empty()).collect()
}

/// One line: a name with a line break must not look like a line of its own.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

//! What is appended to every commercial message, and the HTML document around a body.

use std::fmt::Write as _;

/// Why the reader got this, who sent it, and how to make it stop (CAN-SPAM 16 CFR 316).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// One sentence: why this person gets this message.
    pub why: String,
    /// The sender's name.
    pub company: Option<String>,
    /// The postal address, one or more lines.
    pub postal_address: String,
    /// Opens the preference page; the page asks before it changes anything.
    pub unsubscribe_url: String,
}

/// The footer of the plain text part.
pub fn footer_text(footer: &Footer) -> String {
    let mut out = String::from("---\n");
    if !footer.why.trim().is_empty() {
        let _ = writeln!(out, "{}", flat(&footer.why));
    }
    let mut sender: Vec<String> = footer.company.iter().map(|name| flat(name)).collect();
    sender.extend(address_lines(footer));
    let _ = writeln!(out, "{}", sender.join(", "));
    let _ = writeln!(out, "Unsubscribe: {}", flat(&footer.unsubscribe_url));
    out
}

/// The footer of the HTML part.
pub fn footer_html(footer: &Footer) -> String {
    let mut out = String::from(
        "<div style=\"margin-top:32px;padding-top:16px;border-top:1px solid #8884;\
         font-size:13px;line-height:1.5;opacity:.8\">\n",
    );
    if !footer.why.trim().is_empty() {
        let _ = writeln!(out, "<p style=\"margin:0 0 8px\">{}</p>", escape(&flat(&footer.why)));
    }
    let mut sender: Vec<String> = footer.company.iter().map(|name| escape(&flat(name))).collect();
    sender.extend(address_lines(footer).iter().map(|line| escape(line)));
    let _ = writeln!(out, "<p style=\"margin:0 0 8px\">{}</p>", sender.join("<br>"));
    let url = footer.unsubscribe_url.trim();
    // Only a web address becomes a link; anything else stays visible text.
    let link = match url.starts_with("https://") || url.starts_with("http://") {
        true => format!("<a href=\"{}\" style=\"color:inherit\">Unsubscribe</a>", escape(url)),
        false => format!("Unsubscribe: {}", escape(url)),
    };
    let _ = writeln!(out, "<p style=\"margin:0\">{link}</p>\n</div>");
    out
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

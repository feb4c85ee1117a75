//! HTML that somebody answered with, as plain text: what they quote has a `>` before each line, as in a mail without HTML.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// Deepest nesting followed; what is nested deeper is quoted where its surroundings are.
const DEEPEST: usize = 1000;
/// Classes of what only quotes or announces a quotation: Thunderbird, Gmail, Yahoo, Proton, Tuta.
const QUOTING: &[&str] = &["moz-cite-prefix", "gmail_attr", "yahoo_quoted", "protonmail_quote", "tutanota_quote"];
/// Outlook marks where the mail that is answered begins; it goes to the end.
const REST_FOLLOWS: &[&str] = &["appendonsend", "divrplyfwdmsg", "mail-editor-reference-message-container", "olk_src_body_section"];
const VOID: &[&str] = &["area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "img", "ins", "kbd", "label", "mark", "q", "s", "samp",
    "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];
const UNSEEN: &[&str] = &["head", "style", "script", "title", "template"];

/// An HTML part as text.
pub fn text(html: &str) -> String {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    written_out(&tokenizer.sink.0.into_inner().lines)
}

fn written_out(lines: &[Line]) -> String {
    let mut all = String::new();
    let mut empty = true;
    for line in lines {
        let words = line.text.trim_end();
        if words.is_empty() && empty {
            continue;
        }
        empty = words.is_empty();
        if line.quoted {
            all.push_str(if empty { ">" } else { "> " });
        }
        all.push_str(words);
        all.push('\n');
    }
    all.trim().to_owned()
}

#[derive(Debug, Default)]
struct Line {
    quoted: bool,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Role {
    Plain,
    Quotes,
    /// Gmail puts the announcement, the quotation and answers below it into one.
    Gmail,
    /// Outlook's line above the header of what is answered; from which line of the text on.
    Ruled(usize),
}

impl Role {
    fn quotes(&self) -> bool {
        matches!(self, Role::Quotes | Role::Gmail)
    }
}

struct Element {
    name: String,
    role: Role,
}

#[derive(Default)]
struct Reader(RefCell<Progress>);

#[derive(Default)]
struct Progress {
    lines: Vec<Line>,
    open: Vec<Element>,
    /// How many of the open elements quote.
    quoting: usize,
    /// How many of them are not seen.
    unseen: usize,
    /// How many of them keep their lines.
    kept: usize,
    /// Whether everything from here on is quoted.
    rest: bool,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut progress = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => progress.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                progress.start(&tag);
                if matches!(&*tag.name, "style" | "script") {
                    return TokenSinkResult::RawData(RawKind::Rawtext);
                }
            }
            Token::TagToken(tag) => progress.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Progress {
    fn is_quoted(&self) -> bool {
        self.rest || self.quoting > 0
    }

    fn text(&mut self, text: &str) {
        if self.unseen > 0 {
            return;
        }
        if self.kept > 0 {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.line_break();
                }
                self.line().push_str(line);
            }
            return;
        }
        let line = self.line();
        for c in text.chars() {
            if !c.is_whitespace() {
                line.push(c);
            } else if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        }
    }

    /// The line that is being written; words of another kind begin a new one.
    fn line(&mut self) -> &mut String {
        let quoted = self.is_quoted();
        match self.lines.last() {
            Some(last) if last.quoted == quoted => {}
            Some(last) if last.text.trim().is_empty() => drop(self.lines.pop()),
            _ => {}
        }
        if self.lines.last().is_none_or(|last| last.quoted != quoted) {
            self.lines.push(Line { quoted, text: String::new() });
        }
        let last = self.lines.len() - 1;
        &mut self.lines[last].text
    }

    fn line_break(&mut self) {
        let quoted = self.is_quoted();
        self.lines.push(Line { quoted, text: String::new() });
    }

    fn block(&mut self, name: &str) {
        if !INLINE.contains(&name) && self.lines.last().is_some_and(|last| !last.text.trim().is_empty()) {
            self.line_break();
        }
    }

    fn start(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        if name == "br" {
            return self.line_break();
        }
        self.block(name);
        let get = |wanted: &str| tag.attrs.iter().find(|attribute| &*attribute.name.local == wanted).map(|one| one.value.to_ascii_lowercase());
        self.rest |= get("id").is_some_and(|id| REST_FOLLOWS.contains(&id.as_str()));
        if VOID.contains(&name) || tag.self_closing || self.open.len() >= DEEPEST {
            return;
        }
        let class = get("class").unwrap_or_default();
        let has = |wanted: &str| class.split_ascii_whitespace().any(|one| one == wanted);
        let style: String = get("style").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        // Editors indent what is written with the same element, without a line beside it.
        let is_indented = name == "blockquote" && style.contains("border:none") && get("type").is_none() && !has("gmail_quote");
        let role = match name {
            "blockquote" if !is_indented => Role::Quotes,
            _ if QUOTING.iter().any(|class| has(class)) => Role::Quotes,
            "div" if has("gmail_quote") || has("gmail_quote_container") => Role::Gmail,
            "div" if style.contains("border-top:solid") => Role::Ruled(self.lines.len().saturating_sub(1)),
            _ => Role::Plain,
        };
        self.quoting += usize::from(role.quotes());
        self.unseen += usize::from(UNSEEN.contains(&name));
        self.kept += usize::from(name == "pre");
        self.open.push(Element { name: name.to_owned(), role });
    }

    fn end(&mut self, name: &str) {
        self.block(name);
        if name == "p" {
            self.line_break();
        }
        let Some(at) = self.open.iter().rposition(|element| element.name == name) else { return };
        for element in self.open.split_off(at) {
            self.quoting -= usize::from(element.role.quotes());
            self.unseen -= usize::from(UNSEEN.contains(&element.name.as_str()));
            self.kept -= usize::from(element.name == "pre");
            match element.role {
                Role::Ruled(from) => self.look_at_header(from),
                Role::Quotes if element.name == "blockquote" => {
                    if let Some(gmail) = self.open.iter_mut().rfind(|element| element.role == Role::Gmail) {
                        gmail.role = Role::Plain;
                        self.quoting -= 1;
                    }
                }
                _ => {}
            }
        }
    }

    /// Below a line stands a signature, or the header of the mail that is answered, in whatever language: a name and a colon in
    /// each of four lines or more.
    fn look_at_header(&mut self, from: usize) {
        let is_field = |line: &Line| {
            line.text.split_once(':').is_some_and(|(name, value)| (1..=20).contains(&name.trim().chars().count()) && !value.trim().is_empty())
        };
        let Some(lines) = self.lines.get_mut(from..) else { return };
        let written: Vec<&Line> = lines.iter().filter(|line| !line.text.trim().is_empty()).collect();
        if written.len() >= 4 && written.iter().take(4).all(|line| is_field(line)) && written.iter().any(|line| line.text.contains('@')) {
            lines.iter_mut().filter(|line| !line.text.trim().is_empty()).for_each(|line| line.quoted = true);
            self.rest = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::quoted::{stretches, written};
    use super::*;

    fn outlook(fields: &str) -> String {
        format!(
            "<html><head><style>p {{ margin: 0 }}</style></head><body lang=EN><div class=WordSection1><p class=MsoNormal>Own words.<o:p></o:p></p>\
             <p class=MsoNormal><o:p>&nbsp;</o:p></p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>\
             <p class=MsoNormal>{fields}</p></div></div><p class=MsoNormal>Their words.</p></div></body></html>"
        )
    }

    #[test]
    fn what_html_quotes_is_quoted_as_text() {
        let header = |from: &str, sent: &str, to: &str, subject: &str| {
            format!("<b>{from}</b> Desk &lt;d@example.com&gt;<br><b>{sent}</b> 3 March 2026 10:00<br><b>{to}</b> Ana<br><b>{subject}</b> Demo")
        };
        for (name, html) in [
            ("a quotation", "<p>Own words.</p><blockquote type=\"cite\"><p>Their words.</p></blockquote>".to_owned()),
            (
                "Gmail in a language that nobody listed",
                "<div dir=\"ltr\">Own words.</div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" class=\"gmail_attr\">ti 3.3.2026 klo 10.00 Desk \
                 kirjoitti:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204)\">Their words.</blockquote></div>"
                    .to_owned(),
            ),
            (
                "Gmail as it was",
                "<div>Own words.<div class=\"gmail_extra\"><br><div class=\"gmail_quote\">2026-03-03 10:00 GMT Desk:<br><blockquote class=\"gmail_quote\">Their words.</blockquote></div></div></div>"
                    .to_owned(),
            ),
            ("Thunderbird", "<p>Own words.</p><div class=\"moz-cite-prefix\">Em 03/03/26, Desk:<br></div><blockquote type=\"cite\" cite=\"mid:a@b\"><p>Their words.</p></blockquote>".to_owned()),
            ("Outlook in English", outlook(&header("From:", "Sent:", "To:", "Subject:"))),
            ("Outlook in German", outlook(&header("Von:", "Gesendet:", "An:", "Betreff:"))),
            ("Outlook in French", outlook(&header("De&nbsp;:", "Envoyé&nbsp;:", "À&nbsp;:", "Objet&nbsp;:"))),
            ("Outlook in Spanish", outlook(&header("De:", "Enviado el:", "Para:", "Asunto:"))),
            ("Outlook in a language that nobody listed", outlook(&header("Lähettäjä:", "Lähetetty:", "Vastaanottaja:", "Aihe:"))),
            (
                "Outlook in a browser",
                "<div>Own words.</div><div id=\"appendonsend\"></div><hr style=\"display:inline-block;width:98%\"><div id=\"divRplyFwdMsg\" dir=\"ltr\"><b>Od:</b> Desk<br></div><div>Their words.</div>"
                    .to_owned(),
            ),
            (
                "a header without a line above it",
                "<div>Own words.</div><div><b>De :</b>&nbsp;Desk &lt;d@example.com&gt;</div><div><b>Envoyé :</b> mardi</div><div><b>À :</b> Ana</div><div>Their words.</div>".to_owned(),
            ),
        ] {
            let text = text(&html);
            assert_eq!(written(&text), "Own words.", "{name}: {text}");
            assert!(text.contains("Their words."), "{name}: nothing is left out: {text}");
            assert!(!text.contains("margin"), "{name}: {text}");
        }
    }

    #[test]
    fn answers_between_quotations_are_written() {
        let html = "<div class=\"gmail_quote\"><div class=\"gmail_attr\">Am Mo schrieb Desk:</div><blockquote class=\"gmail_quote\">Would you?</blockquote><div>I would.</div>\
                    <blockquote class=\"gmail_quote\">And now?</blockquote><div>Now too.</div></div>";
        assert_eq!(written(&text(html)), "I would.\nNow too.");
        let order: Vec<bool> = stretches(&text(html)).iter().map(|one| one.quoted).collect();
        assert_eq!(order, [true, false, true, false]);
    }

    #[test]
    fn what_only_looks_like_a_quotation_is_written() {
        for html in [
            "<div>Look:</div><blockquote style=\"margin: 0 0 0 40px; border: none; padding: 0px\"><div>indented</div></blockquote>",
            "<p>Regards</p><div style=\"border-top:solid 1pt\"><p>Tel: 12345</p><p>Mail: ana@example.com</p><p>Web: example.com</p></div>",
            "<p>From: the heart</p><p>we thank you.</p>",
        ] {
            let text = text(html);
            assert!(stretches(&text).iter().all(|one| !one.quoted), "{text}");
        }
    }

    #[test]
    fn blocks_and_code_keep_their_lines() {
        let html = "<div>One</div><div>two &amp; <b>three</b></div><pre>a\n  b</pre><p>Four</p><br><br><ul><li>five<li>six</ul><script>no()</script>";
        assert_eq!(text(html), "One\ntwo & three\na\n  b\nFour\n\nfive\nsix");
        assert_eq!(text(&"<div><blockquote>".repeat(5000)), "");
    }
}

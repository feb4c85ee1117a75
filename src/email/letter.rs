//! From the content a warrant is for to the bytes that leave.

use super::{EmailAddress, Footer, Mail, RenderError, footer, render};
use crate::clock::Time;
use crate::domain::messages::Content;
use crate::domain::messages::content::{AI_GENERATED, IN_REPLY_TO, LIST_HELP, REFERENCES};

fn footer_of(content: &Content) -> Footer {
    Footer {
        why: content.footer.why.clone(),
        company: Some(content.footer.sender.clone()),
        postal_address: content.footer.postal_address.clone(),
        unsubscribe_url: content.footer.unsubscribe_url.clone(),
        preferences_url: content.footer.preferences_url.clone(),
        topic: content.footer.topic.clone(),
        source: content.footer.source.clone(),
        disclosure: content.footer.disclosure.clone(),
    }
}

/// The HTML document with its footer.
pub fn page(content: &Content) -> String {
    footer::compose_html(content.html_body.as_deref().unwrap_or_default(), &footer_of(content), &content.subject)
}

/// The mail that a content becomes.
pub fn mail_of(content: &Content, message_id: &str, made_at: Time) -> Result<Mail, RenderError> {
    let text = footer::compose_text(&content.text_body, &footer_of(content));
    let from = EmailAddress::parse(&content.from_address).map_err(RenderError::from)?;
    let to = EmailAddress::parse(&content.to_address).map_err(RenderError::from)?;
    let mut mail = Mail::new(format!("<{message_id}>"), made_at.seconds(), from, to, content.subject.clone(), text);
    mail.from_name = content.from_name.clone();
    mail.to_name = content.to_name.clone();
    mail.html = content.html_body.is_some().then(|| page(content));
    mail.list_unsubscribe_url = Some(content.footer.unsubscribe_url.clone());
    mail.list_unsubscribe_mailto = content.footer.unsubscribe_mailto.clone();
    let mut headers = content.headers.clone();
    if content.footer.preferences_url.is_some() {
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case(LIST_HELP));
        mail.list_help_url = content.footer.preferences_url.clone();
    }
    if content.footer.disclosure.is_some() {
        headers.push((AI_GENERATED.to_owned(), "yes".to_owned()));
    }
    for (name, value) in &headers {
        match name.as_str() {
            IN_REPLY_TO => mail.in_reply_to = Some(value.clone()),
            REFERENCES => mail.references = value.split_whitespace().map(str::to_owned).collect(),
            _ => mail.headers.push((name.clone(), value.clone())),
        }
    }
    Ok(mail)
}

/// The headers as they will leave, for the review page.
pub fn source(content: &Content, message_id: &str, made_at: Time) -> String {
    match mail_of(content, message_id, made_at).and_then(|mail| render(&mail)) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n", "\n")
        }
        Err(error) => format!("This message cannot be written: {error}"),
    }
}

mod address;
mod broken;
mod relay;
mod render;
mod send;
mod tls;

use super::{EmailAddress, Mail};

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn mail(subject: &str, text: &str) -> Mail {
    let (from, to) = (address("desk@example.com"), address("bo@example.org"));
    Mail::new("<m1@example.com>", 1_795_000_000, from, to, subject, text)
}

/// The values of a header in rendered bytes, unfolded.
fn header(bytes: &[u8], name: &str) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ");
    let prefix = format!("{}:", name.to_lowercase());
    let found = unfolded.split("\r\n").filter(|line| line.to_lowercase().starts_with(&prefix));
    found.map(|line| line[prefix.len()..].trim().to_owned()).collect()
}

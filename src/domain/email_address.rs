//! Email addresses: kept as given, compared in one canonical form.

use crate::domain::error::{Error, Result};
use crate::domain::text::excerpt;

/// An address this server can send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress {
    given: String,
    key: String,
}

impl EmailAddress {
    /// Checks an address. Quoted local parts, comments and address literals are
    /// refused by policy: no mail program of today needs them, and they are how
    /// filters are fooled. Lengths: RFC 5321 §4.5.3.1.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let given = text.trim();
        let refuse = |reason: &str| {
            Err(Error::invalid(
                "address_invalid",
                field,
                format!("\"{}\" is not an address this server can send to: {reason}.", excerpt(given)),
            ))
        };
        if given.chars().any(char::is_control) {
            return refuse("it holds a control character");
        }
        let Some((local, domain)) = given.rsplit_once('@') else { return refuse("there is no @ in it") };
        if local.is_empty() {
            return refuse("the part before @ is empty");
        }
        if local.contains('@') {
            return refuse("there is more than one @ in it");
        }
        if local.starts_with('-') {
            return refuse("the part before @ starts with \"-\"");
        }
        if local.len() > 64 {
            return refuse("the part before @ is longer than 64 bytes");
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return refuse("the part before @ starts, ends or continues with a dot where a letter is needed");
        }
        let allowed = |c: char| c.is_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        if let Some(c) = local.chars().find(|c| !allowed(*c) || c.is_whitespace()) {
            return refuse(&format!("the part before @ holds \"{}\"", c.escape_debug()));
        }
        if domain.ends_with('.') {
            return refuse("the domain ends with a dot");
        }
        if !domain.contains('.') {
            return refuse("the domain has no dot");
        }
        let ascii = match idna::domain_to_ascii_strict(domain) {
            Ok(ascii) if !ascii.is_empty() && ascii.len() <= 253 => ascii,
            Ok(_) => return refuse("the domain is longer than 253 bytes"),
            Err(_) if domain.is_ascii() => return refuse("the domain is not a valid domain name"),
            Err(_) => {
                return Err(Error::invalid(
                    "domain_invalid",
                    field,
                    format!("\"{}\" is not a valid international domain name: it has characters or labels that IDNA forbids.", excerpt(domain)),
                ));
            }
        };
        if ascii.split('.').next_back().is_some_and(|top| top.chars().all(|c| c.is_ascii_digit())) {
            return refuse("the domain is a number");
        }
        let given = format!("{local}@{}", domain.to_lowercase());
        if given.len() > 254 {
            return refuse("it is longer than 254 bytes");
        }
        let key = format!("{}@{ascii}", local.to_lowercase());
        Ok(EmailAddress { given, key })
    }

    /// The address as given, the domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// The form in which addresses are compared: lower case, the domain as A-label.
    pub fn key(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        EmailAddress::parse("to", text).unwrap_err().detail
    }

    #[test]
    fn forms_of_one_address_share_a_key() {
        let key = |text: &str| EmailAddress::parse("to", text).unwrap().key().to_owned();
        assert_eq!(key(" Ana@Bücher.example "), key("ana@xn--bcher-kva.example"));
        assert_eq!(key("ANA@EXAMPLE.COM"), "ana@example.com");
    }

    #[test]
    fn addresses_that_cannot_be_sent_to_are_refused_with_the_reason() {
        assert!(refused("-oQ/tmp@example.com").contains("starts with \"-\""));
        assert!(refused("a@example.com.").contains("ends with a dot"));
        assert!(refused("a@b").contains("no dot"));
        assert!(refused("a b@example.com").contains("holds"));
        assert!(refused("\"a\"@example.com").contains("holds"));
        assert!(refused("a@127.0.0.1").contains("number"));
        assert!(refused("a@example.com\r\nBcc: b@example.com").contains("control"));
        assert!(refused(&format!("{}@example.com", "a".repeat(65))).contains("64"));
        assert!(refused("a@@example.com").contains("more than one"));
        assert_eq!(EmailAddress::parse("to", "a@exa\u{0}mple.com").unwrap_err().code, "address_invalid");
    }
}

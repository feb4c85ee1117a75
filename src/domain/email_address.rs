//! Email addresses: kept as given, compared in one canonical form.

use crate::domain::error::{Error, Result};
use crate::email::address;

/// An address this server can send to. The rules are those of the envelope, so that
/// what is suppressed and what is sent to can never be two forms of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress {
    given: String,
    key: String,
}

impl EmailAddress {
    /// Checks an address.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let parsed = address::EmailAddress::parse(text.trim_matches(' ')).map_err(|error| Error::invalid(error.code(), field, error.detail()))?;
        Ok(EmailAddress { given: parsed.as_given().to_owned(), key: parsed.normalised().to_owned() })
    }

    /// The address as given.
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
    fn addresses_that_cannot_be_sent_to_are_refused() {
        for text in [
            "-oQ/tmp@example.com",
            "a@example.com.",
            "a@b",
            "a b@example.com",
            "\"a\"@example.com",
            "a@127.0.0.1",
            "a@@example.com",
            "a@example.com\r\nBcc: b@example.com",
        ] {
            assert!(refused(text).contains("is not an address this server can send to"), "{text}: {}", refused(text));
        }
        assert_eq!(EmailAddress::parse("to", "a@exa\u{0}mple.com").unwrap_err().code, "address_invalid");
    }
}

//! Addresses to which reports of one message go: the bounce address with the message in it, and a proof that it was made here.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::db::Conn;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MessageId, secret};
use crate::domain::settings;

/// Characters of the proof: 64 bits that nobody can try out.
const PROOF: usize = 16;
/// Characters of an id without hyphens.
const ID: usize = 32;
/// Longest local part of a bounce address, so that the whole stays within the 64 characters of RFC 5321.
pub const LONGEST_LOCAL: usize = 64 - 1 - ID - 1 - PROOF;

/// The address as given, or none for an empty one.
pub(super) fn parse(given: Option<&str>) -> Result<Option<String>> {
    let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else { return Ok(None) };
    let address = EmailAddress::parse("bounce_address", given)?.as_str().to_owned();
    let local = address.split('@').next().unwrap_or_default();
    if !address.is_ascii() || local.len() > LONGEST_LOCAL || local.contains('+') {
        let detail = format!("bounce_address must have at most {LONGEST_LOCAL} ASCII characters before the @, and no +; got {given}.");
        return Err(Error::invalid("field_invalid", "bounce_address", detail));
    }
    Ok(Some(address))
}

/// Makes the key of the proofs, if there is none.
pub(super) fn ensure_key(conn: &mut Conn) -> Result<()> {
    match key(conn)? {
        Some(_) => Ok(()),
        None => settings::set(conn, settings::REPORT_KEY, &secret()),
    }
}

/// The key of the proofs; none while no mailbox ever had a bounce address.
pub(in crate::domain) fn key(conn: &mut Conn) -> Result<Option<String>> {
    settings::get(conn, settings::REPORT_KEY)
}

/// The address to which reports of this message go, such as `bounces+…@example.com`.
pub(in crate::domain) fn address(key: &str, bounces: &str, message: &MessageId) -> Option<String> {
    let (local, domain) = bounces.rsplit_once('@')?;
    let id: String = message.as_str().chars().filter(|c| *c != '-').collect();
    (local.len() <= LONGEST_LOCAL && id.len() == ID).then(|| format!("{local}+{id}-{}@{domain}", proof(key, &id)))
}

/// The message that an address names, if it was made here.
pub(in crate::domain) fn message(key: &str, address: &str) -> Option<MessageId> {
    let local = address.trim().trim_matches(['<', '>']).rsplit_once('@')?.0;
    // Relays may change the case.
    let token = local.rsplit_once('+')?.1.to_ascii_lowercase();
    let (id, given) = token.split_once('-')?;
    let ours = id.len() == ID && id.bytes().all(|b| b.is_ascii_hexdigit()) && bool::from(given.as_bytes().ct_eq(proof(key, id).as_bytes()));
    ours.then(|| MessageId::from(format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]).as_str()))
}

fn proof(key: &str, id: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(b"reports of ");
    mac.update(id.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(PROOF).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_message_and_nobody_else_can_make_one() {
        let id = MessageId::from("0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80");
        let made = address("key", "bounces@example.com", &id).unwrap();
        assert!(made.starts_with("bounces+0198f3a27c1e7d409b8a3f2c5d6e7f80-") && made.ends_with("@example.com"), "{made}");
        assert!(address("key", "fourteen-chars@example.com", &id).unwrap().split('@').next().unwrap().len() == 64);
        assert_eq!(message("key", &made).as_ref(), Some(&id));
        assert_eq!(message("key", &made.to_uppercase()).as_ref(), Some(&id), "relays may change the case");
        let cut = made.split('-').next().unwrap().to_owned() + "-@example.com";
        for wrong in
            [made.replace("+0", "+1"), made.replace('-', "-0"), made.replace('-', ""), cut, "bounces@example.com".to_owned(), "+é-@x".to_owned()]
        {
            assert_eq!(message("key", &wrong), None, "{wrong}");
        }
        assert_eq!(message("another key", &made), None);
        assert_eq!(address("key", "much-too-long-a-name@example.com", &id), None);
    }

    #[test]
    fn a_bounce_address_leaves_room_for_the_message() {
        assert_eq!(parse(Some("  ")).unwrap(), None);
        assert_eq!(parse(Some(" bounces@example.com ")).unwrap().as_deref(), Some("bounces@example.com"));
        for wrong in ["bounces", "a+b@example.com", "much-too-long-a-name@example.com", "zurück@example.com", "b@example.com\r\nBcc: c@example.com"]
        {
            assert!(parse(Some(wrong)).is_err(), "{wrong}");
        }
    }
}

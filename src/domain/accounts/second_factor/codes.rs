//! Codes: those of an authenticator app (RFC 6238 with SHA-1, six digits, steps of 30 seconds) and those for a lost phone.

use subtle::ConstantTimeEq;
use totp_rs::{Builder, Secret, Totp};

use crate::clock::Time;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{random, sha256_hex};

/// Length of a step in seconds.
const STEP: u64 = 30;
/// Who issues the codes, as an authenticator app shows it.
const ISSUER: &str = "Countersign";

/// A secret of 160 random bits, as authenticator apps take it by hand.
pub(super) fn new_secret() -> String {
    Secret::from(random::<20>()).to_base32()
}

/// A recovery code of 80 random bits: "abcd-efgh-ijkl-mnop".
pub(super) fn new_recovery_code() -> String {
    let code = Secret::from(random::<10>()).to_base32().to_lowercase();
    let groups: Vec<String> = code.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join("-")
}

/// A recovery code as it is stored, however it was typed.
pub(super) fn hash_of_recovery_code(typed: &str) -> String {
    let plain: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    sha256_hex(plain.to_lowercase().as_bytes())
}

/// What an authenticator app reads from the picture.
pub(super) fn address(secret: &str, account: &str) -> Result<String> {
    generator(secret, account)?.to_url().map_err(Error::internal)
}

/// The step this code is for, if it is the present one or a neighbour, and later than `used`.
pub(super) fn fitting_step(secret: &str, typed: &str, used: i64, now: Time) -> Result<Option<i64>> {
    let generator = generator(secret, "")?;
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let present = u64::try_from(now.seconds()).unwrap_or_default() / STEP;
    let mut found = None;
    for step in present.saturating_sub(1)..=present + 1 {
        let fits = bool::from(generator.generate(step * STEP).to_string().as_bytes().ct_eq(typed.as_bytes()));
        let step = i64::try_from(step).map_err(Error::internal)?;
        if fits && step > used && found.is_none() {
            found = Some(step);
        }
    }
    Ok(found)
}

fn generator(secret: &str, account: &str) -> Result<Totp> {
    let secret = Secret::try_from_base32(secret).map_err(Error::internal)?;
    // A colon would end the account's name in the address.
    let account = account.replace(':', " ");
    Builder::new().with_secret(secret).with_account_name(account).with_issuer(Some(ISSUER)).build().map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let cases = [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"), (2_000_000_000, "279037")];
        for (seconds, code) in cases {
            let now = Time::from_seconds(seconds);
            assert_eq!(fitting_step(SECRET, code, 0, now).unwrap(), Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_code_fits_one_step_before_and_after_and_no_further() {
        let at = |seconds| fitting_step(SECRET, "050471", 0, Time::from_seconds(seconds)).unwrap();
        let step = 1_111_111_111 / 30;
        assert_eq!(at(1_111_111_111 - 30), Some(step));
        assert_eq!(at(1_111_111_111 + 30), Some(step));
        assert_eq!(at(1_111_111_111 - 60), None);
        assert_eq!(at(1_111_111_111 + 60), None);
    }

    #[test]
    fn a_code_is_read_with_spaces_and_not_with_anything_else() {
        let reads = |typed| fitting_step(SECRET, typed, 0, Time::from_seconds(1_111_111_109)).unwrap().is_some();
        assert!(reads("081804") && reads(" 081 804 "));
        assert!(!reads("81804") && !reads("+81804") && !reads("0818040") && !reads(""));
    }

    #[test]
    fn a_step_that_was_used_is_used_up() {
        let step = 1_111_111_111 / 30;
        assert_eq!(fitting_step(SECRET, "050471", step, Time::from_seconds(1_111_111_111)).unwrap(), None);
        assert_eq!(fitting_step(SECRET, "050471", step - 1, Time::from_seconds(1_111_111_111)).unwrap(), Some(step));
    }

    #[test]
    fn a_recovery_code_is_read_however_it_is_typed() {
        let code = new_recovery_code();
        assert_eq!(code.len(), 19, "{code}");
        assert_eq!(hash_of_recovery_code(&code), hash_of_recovery_code(&code.to_uppercase().replace('-', " ")));
        assert_ne!(hash_of_recovery_code(&code), hash_of_recovery_code(&new_recovery_code()));
    }

    #[test]
    fn the_address_says_what_an_app_needs() {
        let address = address(SECRET, "ada@desk.example").unwrap();
        assert!(address.starts_with("otpauth://totp/Countersign:ada%40desk.example?"), "{address}");
        assert!(address.contains(&format!("secret={SECRET}")) && address.contains("issuer=Countersign"), "{address}");
    }
}

//! Password rules and hashes (argon2id with the library's recommended cost).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use crate::domain::error::{Error, Result};

/// Shortest password taken, in characters (NIST SP 800-63B §3.1.1.2 asks for at least 8, 15 where it stands alone).
pub const SHORTEST: usize = 10;
/// Longest password taken, in bytes, so that hashing costs stay bounded.
pub const LONGEST: usize = 256;

/// Hashes a new password. Slow on purpose: call it off the async threads.
pub fn hash(password: &str) -> Result<String> {
    if password.chars().count() < SHORTEST {
        return Err(Error::invalid(
            "password_too_short",
            "password",
            format!("The password must have at least {SHORTEST} characters. Choose a longer one."),
        ));
    }
    if password.len() > LONGEST {
        return Err(Error::invalid("password_too_long", "password", format!("The password must have at most {LONGEST} bytes.")));
    }
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Whether the password fits. Without a hash it takes as long and says no, so
/// that the time taken does not tell whether an account exists.
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$Y291bnRlcnNpZ24tbm9ib2R5$kMJP1n1b6Sk5qk9xS8b7m1l8mB2p8V7bq6tY6fQ0w1E";
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(NOBODY)) else { return false };
    let fits = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
    fits && stored.is_some() && password.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let stored = hash("correct horse battery").unwrap();
        assert!(verify("correct horse battery", Some(&stored)));
        assert!(!verify("correct horse batterz", Some(&stored)));
        assert!(!verify("correct horse battery", None));
    }

    #[test]
    fn a_short_password_is_refused() {
        assert_eq!(hash("short").unwrap_err().code, "password_too_short");
    }

    #[test]
    fn the_stand_in_hash_for_unknown_accounts_parses() {
        // If it did not parse, verify() would return at once and tell who exists.
        let stored = hash("correct horse battery").unwrap();
        let params = |text: &str| text.split('$').nth(3).map(str::to_owned);
        let nobody = "$argon2id$v=19$m=19456,t=2,p=1$Y291bnRlcnNpZ24tbm9ib2R5$kMJP1n1b6Sk5qk9xS8b7m1l8mB2p8V7bq6tY6fQ0w1E";
        assert!(PasswordHash::new(nobody).is_ok());
        assert_eq!(params(&stored), params(nobody));
    }
}

//! Passkeys: what the browser is asked, and what its answer proves (WebAuthn). Whose they are is `domain::accounts::passkeys`.
//!
//! A passkey is only taken with user verification, so it stands for two factors: the device, and what unlocks it.

use serde::{Deserialize, Serialize};
use url::Url;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PasskeyAuthentication, PasskeyRegistration, Uuid, Webauthn, WebauthnBuilder};
use webauthn_rs_proto::{CreationChallengeResponse, Mediation, RequestChallengeResponse, ResidentKeyRequirement};

use crate::domain::accounts::passkeys::{Made, Used};
use crate::domain::error::{Error, Result};
use crate::domain::ids::UserId;

/// What a browser was asked when a passkey is to be made. It stays in the session: whoever could change it could answer anything.
#[derive(Debug, Serialize, Deserialize)]
pub struct Making(PasskeyRegistration);

/// What a browser was asked when somebody is to show theirs. It stays in the session.
#[derive(Debug, Serialize, Deserialize)]
pub enum Showing {
    /// One of this person's.
    OneOf(PasskeyAuthentication),
    /// Anybody's: the passkey says whose it is.
    Anybodys(DiscoverableAuthentication),
}

/// Passkeys for the address at which people reach this installation.
pub struct Passkeys(Webauthn);

impl Passkeys {
    /// None where browsers make no passkeys: without TLS, and at a bare IP address.
    pub fn at(base_url: &str) -> Option<Self> {
        let url = Url::parse(base_url).ok()?;
        let host = url.domain()?.to_owned();
        if url.scheme() != "https" && host != "localhost" {
            return None;
        }
        WebauthnBuilder::new(&host, &url).and_then(|builder| builder.rp_name("Countersign").build()).map(Passkeys).ok()
    }

    /// The question with which a browser makes one, as JSON. Those that the person has are not made twice.
    pub fn ask_to_make(&self, user: &UserId, email: &str, name: &str, known: &[String]) -> Result<(String, Making)> {
        let id = Uuid::parse_str(user.as_str()).map_err(Error::internal)?;
        let known = read(known)?.iter().map(|one| one.cred_id().clone()).collect();
        let (mut question, state) = self.0.start_passkey_registration(id, email, name, Some(known)).map_err(Error::internal)?;
        // Where the device can keep it with the account's name, nobody types an address to sign in.
        if let Some(wanted) = &mut question.public_key.authenticator_selection {
            wanted.resident_key = Some(ResidentKeyRequirement::Preferred);
        }
        Ok((options(&question)?, Making(state)))
    }

    /// The passkey that the browser made.
    pub fn made(&self, making: &Making, answer: &str) -> Result<Made> {
        let answer = serde_json::from_str(answer).map_err(|error| unfit(&error))?;
        let passkey = self.0.finish_passkey_registration(&answer, &making.0).map_err(|error| unfit(&error))?;
        Ok(Made { credential_id: name_of(passkey.cred_id()), credential: serde_json::to_string(&passkey).map_err(Error::internal)? })
    }

    /// The question to which one of these is the answer, as JSON; without any, whichever the person picks.
    pub fn ask_to_show(&self, known: &[String]) -> Result<(String, Showing)> {
        if known.is_empty() {
            let (mut question, state) = self.0.start_discoverable_authentication().map_err(Error::internal)?;
            question.mediation = None::<Mediation>;
            return Ok((options(&question)?, Showing::Anybodys(state)));
        }
        let (question, state) = self.0.start_passkey_authentication(&read(known)?).map_err(Error::internal)?;
        Ok((options(&question)?, Showing::OneOf(state)))
    }

    /// What names the passkey that the browser answered with. Nothing is proved yet.
    pub fn named(answer: &str) -> Result<String> {
        let answer: webauthn_rs::prelude::PublicKeyCredential = serde_json::from_str(answer).map_err(|error| unfit(&error))?;
        Ok(name_of(answer.get_credential_id()))
    }

    /// Whether the answer is that of this passkey, and the passkey as it is to be kept from now on.
    pub fn shown(&self, showing: Showing, answer: &str, credential: &str) -> Result<Used> {
        let answer = serde_json::from_str(answer).map_err(|error| unfit(&error))?;
        let mut passkey: Passkey = serde_json::from_str(credential).map_err(Error::internal)?;
        let result = match showing {
            Showing::OneOf(state) => self.0.finish_passkey_authentication(&answer, &state),
            Showing::Anybodys(state) => self.0.finish_discoverable_authentication_v2(&answer, state, &passkey),
        };
        let result = result.map_err(|error| unfit(&error))?;
        // A passkey that was not the one that answered has nothing to be updated.
        if !result.user_verified() || passkey.update_credential(&result).is_none() {
            return Err(unfit(&"the passkey is another, or was not unlocked"));
        }
        Ok(Used { credential_id: name_of(passkey.cred_id()), credential: serde_json::to_string(&passkey).map_err(Error::internal)? })
    }
}

trait Question: Serialize {}
impl Question for CreationChallengeResponse {}
impl Question for RequestChallengeResponse {}

fn options(question: &impl Question) -> Result<String> {
    let whole = serde_json::to_value(question).map_err(Error::internal)?;
    Ok(whole["publicKey"].to_string())
}

fn read(known: &[String]) -> Result<Vec<Passkey>> {
    known.iter().map(|one| serde_json::from_str(one).map_err(Error::internal)).collect()
}

fn name_of(id: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id)
}

fn unfit(cause: &dyn std::fmt::Display) -> Error {
    tracing::info!(%cause, "a passkey does not fit");
    Error::invalid("passkey_unfit", "credential", "The passkey does not fit what was asked. Try again with one that was made at this desk.")
}

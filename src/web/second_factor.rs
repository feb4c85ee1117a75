//! The second factor on one's account, and asking for its code.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use qrcode::{Color, EcLevel, QrCode};

use super::account::{Part, refused};
use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use super::session;
use crate::app::State;
use crate::clock;
use crate::domain::accounts::second_factor::{self as factor, Factor, Proof, RECOVERY_CODES};
use crate::domain::error::{Error, Kind, Result as DomainResult};

/// A QR code as one path of an SVG image.
pub(super) struct Qr {
    /// Width and height of the image, quiet zone included.
    pub(super) size: usize,
    /// The dark squares.
    pub(super) path: String,
}

/// Free squares around the code (ISO/IEC 18004).
const QUIET: usize = 4;

/// The picture of a text; none if it is too long for one.
pub(super) fn qr(text: &str) -> Option<Qr> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let path = dark.map(|(place, _)| format!("M{} {}h1v1h-1z", place % width + QUIET, place / width + QUIET)).collect();
    Some(Qr { size: width + 2 * QUIET, path })
}

/// Takes the code that a person entered, and counts it when it is wrong.
pub(super) async fn prove(person: &Person, state: &State, code: &str) -> DomainResult<Proof> {
    let (actor, code) = (person.actor.clone(), code.to_owned());
    state.quiet_write(move |conn| factor::check(conn, &actor, &code, clock::now())).await?
}

pub(super) async fn start(person: Person, state: web::Data<State>, _form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    match state.quiet_write(move |conn| factor::start(conn, &actor, clock::now())).await {
        Ok(()) => Ok(see_other(if person.visit.factor_due { "/account/second-factor" } else { "/account#second-factor" })),
        Err(error) => refused_here(&person, &state, error).await,
    }
}

/// The second factor alone: for whoever must set one up before anything else.
#[derive(Template)]
#[template(path = "public/second_factor.html")]
struct SecondFactorPage {
    chrome: Chrome,
    factor: Factor,
    passkeys_possible: bool,
    problem: Option<String>,
}

impl SecondFactorPage {
    fn problem_of(&self, _: Part) -> Option<&str> {
        self.problem.as_deref()
    }
}

async fn alone(person: &Person, state: &State, problem: Option<String>) -> Result<SecondFactorPage, PageError> {
    let actor = person.actor.clone();
    let factor = state.read(move |conn| factor::own(conn, &actor, clock::now())).await?;
    Ok(SecondFactorPage { chrome: person.visit.chrome("Second factor", ""), factor, passkeys_possible: super::passkeys::possible(state), problem })
}

pub(super) async fn page(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    match person.visit.factor_due {
        true => html(&alone(&person, &state, None).await?),
        false => Ok(see_other("/account#second-factor")),
    }
}

async fn refused_here(person: &Person, state: &State, error: Error) -> Result<HttpResponse, PageError> {
    if person.visit.factor_due && matches!(error.kind, Kind::Invalid | Kind::Forbidden | Kind::Conflict) {
        return html_with(crate::api::status(error.kind), &alone(person, state, Some(error.for_people())).await?);
    }
    refused(person, state, Part::SecondFactor, error).await
}

#[derive(Template)]
#[template(path = "public/recovery_codes.html")]
struct RecoveryCodesPage {
    chrome: Chrome,
    codes: Vec<String>,
}

pub(super) async fn confirm(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, code) = (person.actor.clone(), form.get("code").to_owned());
    let confirmed = state.quiet_write(move |conn| factor::confirm(conn, &actor, &code, clock::now())).await;
    match confirmed.and_then(|tried| tried) {
        Ok(enrolled) => {
            go_on(&session, enrolled.epoch)?;
            html(&RecoveryCodesPage { chrome: person.visit.chrome("Recovery codes", ""), codes: enrolled.recovery_codes })
        }
        Err(error) => refused_here(&person, &state, error).await,
    }
}

pub(super) async fn remove(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    match take_off(&person, &state, form.get("code")).await {
        Ok(epoch) => {
            go_on(&session, epoch)?;
            flash(&session, "Your second factor is off. Your other sessions have ended.");
            Ok(see_other("/account"))
        }
        Err(error) => refused(&person, &state, Part::SecondFactor, error).await,
    }
}

async fn take_off(person: &Person, state: &State, code: &str) -> DomainResult<i64> {
    let proof = prove(person, state, code).await?;
    let actor = person.actor.clone();
    state.quiet_write(move |conn| factor::remove(conn, &actor, &proof, clock::now())).await
}

/// All sessions ended; this one goes on under a new id.
pub(super) fn go_on(session: &Session, epoch: i64) -> Result<(), PageError> {
    session.renew();
    session.insert(session::EPOCH, epoch).map_err(Error::internal)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_corners_and_a_quiet_zone() {
        let qr = qr("otpauth://totp/Countersign:ada%40desk.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Countersign").unwrap();
        let (first, last) = (QUIET, qr.size - QUIET - 1);
        for (x, y) in [(first, first), (last, first), (first, last)] {
            assert!(qr.path.contains(&format!("M{x} {y}h1")), "the finder pattern at {x}, {y}");
        }
        assert!(!qr.path.contains("M3 ") && !qr.path.contains(&format!("M{} ", last + 1)));
    }
}

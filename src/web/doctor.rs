//! What this installation stands on, and how to mend it.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::page::{Chrome, Person, html};
use crate::app::State;
use crate::doctor::{self, Check, Standing};

#[derive(Template)]
#[template(path = "doctor/show.html")]
struct DoctorPage {
    chrome: Chrome,
    checks: Vec<Check>,
}

impl DoctorPage {
    fn count(&self, standing: Standing) -> usize {
        self.checks.iter().filter(|check| check.standing == standing).count()
    }
}

pub(super) async fn show(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let mut checks = doctor::look(&state, &state.setup, false).await?;
    // What has to be mended comes first.
    checks.sort_by_key(|check| match check.standing {
        Standing::Wrong => 0,
        Standing::Warning => 1,
        Standing::Ok => 2,
    });
    html(&DoctorPage { chrome: person.visit.chrome("Doctor", "doctor"), checks })
}

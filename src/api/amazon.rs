//! Envelopes of Amazon SNS, in which Amazon SES reports. The certificate that signs them is fetched from SNS alone, and kept.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::error::Problem;
use super::hooks::{Answer, not_theirs};
use crate::app::State;
use crate::clock;
use crate::domain::error::Error;
use crate::domain::inbound::providers::{self, Reporter, Signed};
use crate::domain::sources::signatures::Refused;
use crate::inbound::provider;
use crate::inbound::sns::Envelope;

/// Largest certificate read, in bytes.
const LARGEST: usize = 16 * 1024;

/// Takes in an envelope of the topic that an administrator entered; confirms the subscription where it asks for that.
pub(super) async fn reported(state: &State, topic: Option<String>, body: &[u8]) -> Result<HttpResponse, Problem> {
    let refused = || not_theirs(Refused::Signature);
    let topic = topic.ok_or_else(refused)?;
    let envelope = Envelope::of_topic(&topic, body).ok_or_else(refused)?;
    let url = envelope.certificate_url().ok_or_else(refused)?;
    let (asked, now) = (url.clone(), clock::now());
    let kept = state.read(move |conn| providers::certificate(conn, &asked)).await?;
    let certificate = match &kept {
        Some(pem) => pem.clone(),
        None => state.dialer.get(&url, LARGEST).await.map_err(|why| unreachable(&why))?.body,
    };
    let signed = Signed { certificate: certificate.clone(), ..Signed::default() };
    providers::verify(Reporter::Ses, Some(&topic), &signed, body, now).map_err(not_theirs)?;
    if kept.is_none() {
        state.quiet_write(move |conn| providers::keep_certificate(conn, &url, &certificate)).await?;
    }
    if let Some(url) = envelope.confirmation_url() {
        let answer = state.dialer.get(&url, LARGEST).await.map_err(|why| unreachable(&why))?;
        if answer.status >= 300 {
            return Err(unreachable(&format!("it answered {}", answer.status)));
        }
        state.quiet_write(move |conn| providers::confirmed(conn, &topic, now)).await?;
        return Ok(taken(None));
    }
    if envelope.kind != "Notification" {
        return Ok(taken(Some("It is no notification.")));
    }
    // A topic also carries what is no report, such as the words of SES that it was set up.
    let told = provider::ses(&envelope.message).unwrap_or_default();
    let matched = state.quiet_write(move |conn| providers::take(conn, Reporter::Ses, &told, now)).await?;
    Ok(taken((matched == 0).then_some("It is about no message sent from here.")))
}

fn taken(ignored: Option<&str>) -> HttpResponse {
    HttpResponse::Ok().json(Answer { received: true, ignored: ignored.map(str::to_owned), ..Answer::default() })
}

/// SNS brings it again.
fn unreachable(why: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%why, "Amazon SNS could not be asked");
    let error = Error::bad_request("provider_unreachable", "Amazon SNS could not be asked from here. Deliver it again.");
    Problem::with_status(error, StatusCode::SERVICE_UNAVAILABLE)
}
